namespace Semitone.Cli.Archives;

/// <summary>What an entry of an archive makes.</summary>
internal enum ArchiveEntryKind
{
    File,
    Folder,
    SymbolicLink,

    /// <summary>Another name of a file that came before.</summary>
    HardLink,
    Fifo,
    CharacterDevice,
    BlockDevice,
}

/// <summary>One file, folder or link of an archive.</summary>
internal sealed record ArchiveEntry
{
    /// <summary>As it stands in the archive (see <see cref="Posix.HostText"/>): nothing is known of it but that it is not empty.</summary>
    public required string Name { get; init; }

    public required ArchiveEntryKind Kind { get; init; }

    /// <summary>The low twelve bits of the mode (inode(7)).</summary>
    public uint Permissions { get; init; }

    public uint Uid { get; init; }

    public uint Gid { get; init; }

    /// <summary>Seconds since 1970.</summary>
    public uint ModifiedTime { get; init; }

    /// <summary>Bytes of a file.</summary>
    public long Size { get; init; }

    /// <summary>A file's contents, to be read before the next entry; null for an empty file.</summary>
    public Stream? Data { get; init; }

    /// <summary>What a link leads to.</summary>
    public string Target { get; init; } = "";

    public uint DeviceMajor { get; init; }

    public uint DeviceMinor { get; init; }
}
