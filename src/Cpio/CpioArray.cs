namespace Semitone.Cpio;

/// <summary>An archive that is one array.</summary>
public sealed class CpioArray(byte[] bytes) : ICpioSource
{
    public long Length => bytes.Length;

    public ReadOnlySpan<byte> GetPiece(long offset) => bytes.AsSpan((int)offset);
}
