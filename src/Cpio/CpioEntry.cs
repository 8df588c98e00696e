namespace Semitone.Cpio;

/// <summary>One entry of an archive, without its name.</summary>
public struct CpioEntry
{
    /// <summary>The number that entries of one hard-linked file share (with the device numbers).</summary>
    public uint Inode;

    /// <summary>File type and permissions (inode(7)).</summary>
    public uint Mode;
    public uint Uid;
    public uint Gid;
    public uint Links;

    /// <summary>Seconds since 1970, unsigned.</summary>
    public uint ModifiedTime;
    public uint DeviceMajor;
    public uint DeviceMinor;

    /// <summary>The device that a device node stands for.</summary>
    public uint TargetMajor;
    public uint TargetMinor;

    /// <summary>Of the header, from the start of the source.</summary>
    public long HeaderOffset;

    /// <summary>Of the file's data or the symbolic link's target.</summary>
    public long DataOffset;
    public uint DataLength;
}
