using Semitone.Abi;

namespace Semitone.NineP;

/// <summary>What a server tells of a file (Rgetattr).</summary>
public struct RemoteAttributes
{
    /// <summary>Everything that stat(2) tells (P9_GETATTR_BASIC).</summary>
    public const ulong BasicMask = 0x7FF;

    /// <summary>Which of the fields mean something; whoever is asked may tell more or less than that.</summary>
    public ulong Valid { get; set; }

    public Qid Qid { get; set; }

    /// <summary>Type and permissions.</summary>
    public Mode Mode { get; set; }

    public uint UserId { get; set; }

    public uint GroupId { get; set; }

    public ulong Links { get; set; }

    /// <summary>As Linux packs it: makedev(3).</summary>
    public ulong Device { get; set; }

    /// <summary>Bytes.</summary>
    public ulong Size { get; set; }

    public ulong BlockSize { get; set; }

    /// <summary>Units of 512 bytes.</summary>
    public ulong Blocks { get; set; }

    public Timespec Accessed { get; set; }

    public Timespec Modified { get; set; }

    public Timespec Changed { get; set; }
}

/// <summary>Which attributes a Tsetattr changes.</summary>
[Flags]
public enum AttributeFields : uint
{
    None = 0,
    Mode = 1,
    UserId = 2,
    GroupId = 4,
    Size = 8,

    /// <summary>The time of the last access, to that of the server's clock.</summary>
    AccessedNow = 0x10,
    ModifiedNow = 0x20,

    /// <summary>The time of the last change; alone it is what chown(-1, -1) does.</summary>
    ChangedNow = 0x40,

    /// <summary>With <see cref="AccessedNow"/>: to the time that is given.</summary>
    AccessedTo = 0x80,
    ModifiedTo = 0x100,
}

/// <summary>A change of attributes (Tsetattr).</summary>
public struct AttributeUpdate
{
    public AttributeFields Fields { get; set; }

    public Mode Mode { get; set; }

    public uint UserId { get; set; }

    public uint GroupId { get; set; }

    public ulong Size { get; set; }

    public Timespec Accessed { get; set; }

    public Timespec Modified { get; set; }
}

/// <summary>What a server tells of its file system (Rstatfs).</summary>
public struct FileSystemStatistics
{
    public uint Type { get; set; }

    public uint BlockSize { get; set; }

    public ulong Blocks { get; set; }

    public ulong FreeBlocks { get; set; }

    public ulong AvailableBlocks { get; set; }

    public ulong Files { get; set; }

    public ulong FreeFiles { get; set; }

    public ulong Id { get; set; }

    public uint NameLength { get; set; }
}

/// <summary>A lock on a range of a file (Tlock, Tgetlock).</summary>
public ref struct LockRange
{
    /// <summary>0 for reading, 1 for writing, 2 for none.</summary>
    public byte Type { get; set; }

    /// <summary>1 asks to wait, 2 to take the lock again after a server's restart.</summary>
    public uint Flags { get; set; }

    public ulong Start { get; set; }

    /// <summary>0 for all that follows.</summary>
    public ulong Length { get; set; }

    public uint ProcessId { get; set; }

    public ReadOnlySpan<byte> ClientId { get; set; }
}
