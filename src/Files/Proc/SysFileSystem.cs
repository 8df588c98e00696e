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
            "devices/system/cpu/cpu0/topology/core_cpus",
            "devices/system/cpu/cpu0/topology/core_cpus_list",
            "devices/system/cpu/cpu0/topology/core_id",
            "devices/system/cpu/cpu0/topology/core_siblings",
            "devices/system/cpu/cpu0/topology/core_siblings_list",
            "devices/system/cpu/cpu0/topology/die_id",
            "devices/system/cpu/cpu0/topology/package_cpus",
            "devices/system/cpu/cpu0/topology/package_cpus_list",
            "devices/system/cpu/cpu0/topology/physical_package_id",
            "devices/system/cpu/cpu0/topology/thread_siblings",
            "devices/system/cpu/cpu0/topology/thread_siblings_list",
            "devices/system/cpu/kernel_max",
            "devices/system/cpu/offline",
            "devices/system/cpu/online",
            "devices/system/cpu/possible",
            "devices/system/cpu/present",
            "devices/system/node/node0/cpulist",
            "devices/system/node/node0/cpumap",
            "devices/system/node/node0/distance",
            "devices/system/node/online",
            "devices/system/node/possible",
            "kernel/mm/transparent_hugepage/enabled",
            "kernel/mm/transparent_hugepage/hpage_pmd_size",
        ];

        public override ReadOnlySpan<string> Paths => s_paths;

        public override Errno Write(int index, TextBuilder text)
        {
            text.Append(s_paths[index] switch
            {
                // Masks of CPUs, of which there is one.
                "devices/system/cpu/cpu0/online"
                    or "devices/system/cpu/cpu0/topology/core_cpus"
                    or "devices/system/cpu/cpu0/topology/core_siblings"
                    or "devices/system/cpu/cpu0/topology/package_cpus"
                    or "devices/system/cpu/cpu0/topology/thread_siblings"
                    or "devices/system/node/node0/cpumap" => "1\n",
                "devices/system/node/node0/distance" => "10\n",
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
