namespace Semitone.Cpio;

/// <summary>A regular file that a <see cref="CpioWriter"/> has written, which may get more names.</summary>
public sealed class CpioFile
{
    internal CpioFile(uint inode, long headerOffset, long dataOffset, long length, CpioAttributes attributes)
    {
        DataOffset = dataOffset;
        Length = length;
        Inode = inode;
        HeaderOffset = headerOffset;
        Attributes = attributes;
    }

    /// <summary>Where its data starts, from the start of the archive.</summary>
    public long DataOffset { get; }

    /// <summary>Bytes of data.</summary>
    public long Length { get; }

    internal uint Inode { get; }

    internal long HeaderOffset { get; }

    internal CpioAttributes Attributes { get; }

    internal uint Links { get; set; } = 1;
}
