using Semitone.Abi;

namespace Semitone.Files;

/// <summary>A file system in memory: the root, with what the initrd brought, and every directory that programs write to.</summary>
public sealed class RamFileSystem : FileSystem
{
    /// <summary>The permissions of the root directory where nobody says otherwise: rwxr-xr-x.</summary>
    public const Mode DefaultPermissions = (Mode)0x1ED;

    /// <param name="firstInode">Numbers from here on are for new files; lower ones belong to what an archive brings.</param>
    public RamFileSystem(
        FileServices services, uint deviceMinor, ulong firstInode = 2, string typeName = "tmpfs", Mode permissions = DefaultPermissions)
        : base(services, deviceMinor)
    {
        ReserveInodeNumbers(firstInode - 1);
        CreatedNs = services.Clock.RealtimeNs;
        RootDirectory = new RamDirectory(this, 1, permissions) { CreatedNs = CreatedNs };
        RootDirectory.Parent = RootDirectory;
        TypeName = typeName;
        RootDirectory.SetTimes(CreatedNs);
    }

    public override DirectoryInode Root => RootDirectory;

    public override string TypeName { get; }

    public override FileSystemMagic Magic => FileSystemMagic.TMPFS_MAGIC;

    public override bool StoresAttributes => true;

    internal RamDirectory RootDirectory { get; }

    /// <summary>When it was made: what the files of an archive were made at as well, whatever their other times say.</summary>
    internal long CreatedNs { get; }

    /// <summary>Files that have not been made into inodes yet; null without an initrd.</summary>
    internal InitialFiles? Initial { get; set; }

    public override void GetStatistics(out StatFs statistics)
    {
        base.GetStatistics(out statistics);
        statistics.f_blocks = (ulong)Services.Frames.TotalCount;
        statistics.f_bfree = (ulong)Services.Frames.FreeCount;
        statistics.f_bavail = statistics.f_bfree;
        statistics.f_files = statistics.f_blocks;
        statistics.f_ffree = statistics.f_bfree;
    }
}
