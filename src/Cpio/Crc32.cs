namespace Semitone.Cpio;

/// <summary>The checksum of gzip (RFC 1952, section 8).</summary>
internal static class Crc32
{
    public const uint Initial = 0xFFFF_FFFF;

    private const uint Polynomial = 0xEDB8_8320;

    // Made on first use: only a compressed archive needs it.
    private static uint[]? s_table;

    public static uint Update(uint checksum, ReadOnlySpan<byte> bytes)
    {
        uint[] table = s_table ??= MakeTable();
        foreach (byte value in bytes)
        {
            checksum = table[(byte)(checksum ^ value)] ^ (checksum >> 8);
        }
        return checksum;
    }

    private static uint[] MakeTable()
    {
        uint[] table = new uint[256];
        for (uint i = 0; i < table.Length; i++)
        {
            uint value = i;
            for (int bit = 0; bit < 8; bit++)
            {
                value = (value & 1) != 0 ? (value >> 1) ^ Polynomial : value >> 1;
            }
            table[i] = value;
        }
        return table;
    }
}
