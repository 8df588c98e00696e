using Semitone.Abi;
using Semitone.Machine;

namespace Semitone.Files;

/// <summary>/sys, with the few files that C libraries and language runtimes ask for.</summary>
public sealed class SysFileSystem : FileSystem
{
    private readonly TextTreeDirectory _root;

    public SysFileSystem(FileServices services, uint deviceMinor, ISystemInformation system)
        : base(services, deviceMinor)
    {
        _root = new TextTreeDirectory(this, 1, new Tree(system), string.Empty);
        _root.Parent = _root;
        _root.SetTimes(NowNs);
        Flags |= MountFlags.MS_RDONLY;
    }

    public override DirectoryInode Root => _root;

    public override string TypeName => "sysfs";

    public override FileSystemMagic Magic => FileSystemMagic.SYSFS_MAGIC;

    private sealed class Tree(ISystemInformation system) : TextTree
    {
        private const string CachePrefix = "devices/system/cpu/cpu0/cache/index";

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

        private static readonly string[] s_cacheNames =
        [
            "coherency_line_size", "id", "level", "number_of_sets", "physical_line_partition", "shared_cpu_list", "shared_cpu_map", "size",
            "type", "ways_of_associativity",
        ];

        private string[]? _paths;

        public override ReadOnlySpan<string> Paths => _paths ??= MakePaths();

        public override Errno Write(int index, TextBuilder text)
        {
            int cachePathCount = Paths.Length - s_paths.Length;
            if (index < cachePathCount)
            {
                (int cache, int name) = int.DivRem(index, s_cacheNames.Length);
                WriteCache(system.CpuCaches[cache], s_cacheNames[name], text);
                return Errno.None;
            }
            text.Append(s_paths[index - cachePathCount] switch
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

        /// <summary>What there is always, behind the files of the caches, of which a machine may have none.</summary>
        private string[] MakePaths()
        {
            int count = system.CpuCaches.Length * s_cacheNames.Length;
            string[] paths = new string[count + s_paths.Length];
            for (int i = 0; i < count; i++)
            {
                (int cache, int name) = int.DivRem(i, s_cacheNames.Length);
                paths[i] = $"{CachePrefix}{cache}/{s_cacheNames[name]}";
            }
            s_paths.CopyTo(paths, count);
            return paths;
        }

        private static void WriteCache(in CpuCache cache, string name, TextBuilder text)
        {
            const int Kib = 1024;
            switch (name)
            {
                case "coherency_line_size":
                    text.Append(cache.LineSize);
                    break;
                case "id":
                    text.Append((long)cache.Id);
                    break;
                case "level":
                    text.Append(cache.Level);
                    break;
                case "number_of_sets":
                    text.Append(cache.Sets);
                    break;
                case "physical_line_partition":
                    text.Append(cache.Partitions);
                    break;
                case "shared_cpu_map":
                    // Of one CPU.
                    text.Append('1');
                    break;
                case "size":
                    text.Append(cache.Size / Kib).Append('K');
                    break;
                case "type":
                    text.Append(cache.Type switch
                    {
                        CpuCacheType.Data => "Data"u8,
                        CpuCacheType.Instruction => "Instruction"u8,
                        _ => "Unified"u8,
                    });
                    break;
                case "ways_of_associativity":
                    text.Append(cache.Ways);
                    break;
                default:
                    text.Append('0');
                    break;
            }
            text.Append('\n');
        }
    }
}
