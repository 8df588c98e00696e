using Semitone.Abi;

namespace Semitone.Files;

/// <summary>A file system in memory: the root, with what the initrd brought, and every directory that programs write to.</summary>
public sealed class RamFileSystem : FileSystem
{
    private const uint RootMode = 0x1ED;

    /// <param name="firstInode">Numbers from here on are for new files; lower ones belong to what an archive brings.</param>
    public RamFileSystem(FileServices services, uint deviceMinor, ulong firstInode = 2, string typeName = "tmpfs")
        : base(services, deviceMinor)
    {
        ReserveInodeNumbers(firstInode - 1);
        RootDirectory = new RamDirectory(this, 1, (Mode)RootMode);
        RootDirectory.Parent = RootDirectory;
        TypeName = typeName;
        RootDirectory.SetTimes(services.Clock.RealtimeNs);
    }

    public override DirectoryInode Root => RootDirectory;

    public override string TypeName { get; }

    public override FileSystemMagic Magic => FileSystemMagic.TMPFS_MAGIC;

    internal RamDirectory RootDirectory { get; }

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
