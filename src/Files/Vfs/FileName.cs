namespace Semitone.Files;

/// <summary>One component of a path, with the hash that directories look it up by.</summary>
public readonly ref struct FileName
{
    private const uint HashSeed = 2166136261;
    private const uint HashPrime = 16777619;

    public FileName(ReadOnlySpan<byte> bytes)
    {
        Bytes = bytes;
        Hash = HashOf(bytes);
    }

    private FileName(ReadOnlySpan<byte> bytes, uint hash)
    {
        Bytes = bytes;
        Hash = hash;
    }

    public ReadOnlySpan<byte> Bytes { get; }

    /// <summary>FNV-1a, 32 bits.</summary>
    public uint Hash { get; }

    public bool IsDot => Bytes.Length == 1 && Bytes[0] == (byte)'.';

    public bool IsDotDot => Bytes.Length == 2 && Bytes[0] == (byte)'.' && Bytes[1] == (byte)'.';

    /// <summary>Cuts the first component off a path that does not start with a slash.</summary>
    /// <param name="path">Moved to the slash after the component, or to its end.</param>
    public static FileName TakeFirst(scoped ref ReadOnlySpan<byte> path)
    {
        // A copy stays in registers, which the caller's variable does not.
        ReadOnlySpan<byte> rest = path;
        uint hash = HashSeed;
        int length = 0;
        while (length < rest.Length)
        {
            byte value = rest[length];
            if (value == (byte)'/')
            {
                break;
            }
            hash = (hash ^ value) * HashPrime;
            length++;
        }
        path = rest[length..];
        return new FileName(rest[..length], hash);
    }

    private static uint HashOf(ReadOnlySpan<byte> bytes)
    {
        uint hash = HashSeed;
        foreach (byte value in bytes)
        {
            hash = (hash ^ value) * HashPrime;
        }
        return hash;
    }
}
