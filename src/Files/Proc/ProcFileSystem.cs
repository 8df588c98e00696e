using Semitone.Abi;

namespace Semitone.Files;

/// <summary>
/// /proc (proc(5)). Inodes are made when they are looked up and hold no state: what they tell is asked for when they are read.
/// </summary>
public sealed class ProcFileSystem : FileSystem
{
    internal const int ProcessShift = 32;

    private readonly ProcRoot _root;

    public ProcFileSystem(MountNamespace mounts, uint deviceMinor, IProcessTable processes, ISystemInformation system)
        : base(mounts.Services, deviceMinor)
    {
        Mounts = mounts;
        Processes = processes;
        System = system;
        _root = new ProcRoot(this);
        _root.Parent = _root;
        _root.SetTimes(NowNs);
    }

    public override DirectoryInode Root => _root;

    public override string TypeName => "proc";

    public override FileSystemMagic Magic => FileSystemMagic.PROC_SUPER_MAGIC;

    internal MountNamespace Mounts { get; }

    /// <summary>The root of whoever looks: paths are told as it sees them. Null while nobody does.</summary>
    internal DirectoryInode? CurrentRoot =>
        Processes.TryGet(Processes.CurrentProcessId, out IProcessInformation? process) ? process.FileSystem.Root : null;

    internal IProcessTable Processes { get; }

    internal ISystemInformation System { get; }

    /// <summary>The files of /proc/PID/net.</summary>
    internal NetworkTree Network => field ??= new NetworkTree(System);
}
