namespace Semitone.Cli.Archives;

/// <summary>The contents of one entry: so many bytes of the archive.</summary>
internal sealed class EntryStream(LookAheadStream archive, long length) : ReadOnlyStream
{
    /// <summary>Bytes that nobody has read yet.</summary>
    public long Left { get; private set; } = length;

    public override int Read(Span<byte> destination)
    {
        if (Left == 0 || destination.IsEmpty)
        {
            return 0;
        }

        int count = archive.Read(destination[..(int)Math.Min(destination.Length, Left)]);
        if (count == 0)
        {
            throw new ArchiveException("is cut off inside a file");
        }

        Left -= count;
        return count;
    }

    /// <summary>Passes over what is left, and over the bytes behind it that fill the last block.</summary>
    public void Skip(int padding)
    {
        if (!archive.TrySkip(Left + padding))
        {
            throw new ArchiveException("is cut off inside a file");
        }

        Left = 0;
    }
}
