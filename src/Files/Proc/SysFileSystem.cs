using Semitone.Abi;

namespace Semitone.Files;

/// <summary>/sys, with the few files that C libraries and language runtimes ask for.</summary>
public sealed class SysFileSystem : FileSystem
{
    private readonly TextTreeDirectory _root;

    public SysFileSystem(FileServices services, uint deviceMinor)
        : base(services, deviceMinor)
    {
        _root = new TextTreeDirectory(this, 1, new Tree(), string.Empty);
        _root.Parent = _root;
        _root.SetTimes(NowNs);
        Flags |= MountFlags.MS_RDONLY;
    }

    public override DirectoryInode Root => _root;

    public override string TypeName => "sysfs";

    public override FileSystemMagic Magic => FileSystemMagic.SYSFS_MAGIC;

    private sealed class Tree : TextTree
    {
        private static readonly string[] s_paths =
        [
            "devices/system/cpu/cpu0/online",
            "devices/system/cpu/kernel_max",
            "devices/system/cpu/offline",
            "devices/system/cpu/online",
            "devices/system/cpu/possible",
            "devices/system/cpu/present",
            "devices/system/node/online",
            "kernel/mm/transparent_hugepage/enabled",
            "kernel/mm/transparent_hugepage/hpage_pmd_size",
        ];

        public override ReadOnlySpan<string> Paths => s_paths;

        public override Errno Write(int index, TextBuilder text)
        {
            text.Append(s_paths[index] switch
            {
                "devices/system/cpu/cpu0/online" => "1\n",
                "devices/system/cpu/offline" => "\n",
                "kernel/mm/transparent_hugepage/enabled" => "always madvise [never]\n",
                "kernel/mm/transparent_hugepage/hpage_pmd_size" => "2097152\n",
                // One CPU and one node, both number 0.
                _ => "0\n",
            });
            return Errno.None;
        }
    }
}
