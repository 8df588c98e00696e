using System.Diagnostics.CodeAnalysis;
using Semitone.Abi;
using Semitone.Machine;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>The processes there are, as /proc needs them; implemented where processes are.</summary>
public interface IProcessTable
{
    /// <summary>The process whose system call is being served; 0 for the kernel itself.</summary>
    int CurrentProcessId { get; }

    int CurrentThreadId { get; }

    /// <summary>Finds a process by its number, or by that of one of its threads.</summary>
    bool TryGet(int id, [NotNullWhen(true)] out IProcessInformation? process);

    /// <summary>Tells whether the caller may look into a process (ptrace(2), PTRACE_MODE_READ_FSCREDS).</summary>
    /// <param name="id">Its number, or that of one of its threads.</param>
    bool MayInspect(int id);

    /// <summary>Finds the process with the lowest number from one on.</summary>
    bool TryGetNext(int from, out int id);
}

/// <summary>What /proc tells of one process.</summary>
public interface IProcessInformation
{
    int Id { get; }

    int ParentId { get; }

    int GroupId { get; }

    int SessionId { get; }

    /// <summary>Its controlling terminal; null where it has none.</summary>
    Terminal? ControllingTerminal { get; }

    FileTable Files { get; }

    FileSystemContext FileSystem { get; }

    /// <summary>Null when the process has ended and has not been waited for.</summary>
    AddressSpace? AddressSpace { get; }

    /// <summary>The file that it executes.</summary>
    Inode? Executable { get; }

    ProcessMemoryLayout Layout { get; }

    ReadOnlySpan<byte> AuxiliaryVector { get; }

    /// <summary>The letter that says what it does (proc(5), /proc/PID/stat).</summary>
    char State { get; }

    long StartTimeNs { get; }

    int ThreadCount { get; }

    /// <summary>Whether its files here are its user's, and not the superuser's (PR_SET_DUMPABLE in prctl(2)).</summary>
    bool IsDumpable { get; }

    /// <summary>Time on the CPU of all threads, and of the children that were waited for.</summary>
    (long Own, long Children) CpuTimesNs { get; }

    /// <summary>What it has read and written, with the children that were waited for.</summary>
    IoCounters Io { get; }

    /// <summary>
    /// How much sooner than by its memory alone it is chosen when memory runs out, -1000 to 1000 (oom_score_adj in proc(5)).
    /// </summary>
    int OomAdjustment { get; }

    /// <summary>How near it is to being chosen when memory runs out, 0 to 2000 (oom_score in proc(5)).</summary>
    int OomScore { get; }

    /// <summary>Signals pending for the process, ignored and caught.</summary>
    (SignalSet Pending, SignalSet Ignored, SignalSet Caught) Signals { get; }

    /// <summary>Which memory core dumps would hold (core(5), coredump_filter).</summary>
    uint CoreDumpFilter { get; set; }

    Rlimit GetLimit(RlimitResource resource);

    /// <summary>Finds the thread with the lowest number from one on.</summary>
    bool TryGetNextThread(int from, out int threadId);

    bool TryGetThread(int threadId, out ThreadInformation thread);

    /// <summary>Steps through the children that a thread has made.</summary>
    /// <param name="index">Where to look from on; where the child was found.</param>
    bool TryGetChild(int threadId, ref int index, out int childId);

    /// <summary>Names a thread (comm in proc(5)).</summary>
    /// <returns>None; EINVAL when the caller is another process, ESRCH when there is no such thread.</returns>
    Errno SetThreadName(int threadId, ReadOnlySpan<byte> name);

    /// <summary>Sets <see cref="OomAdjustment"/>.</summary>
    /// <returns>None; EINVAL out of range, EACCES when the caller may not make it lower.</returns>
    Errno SetOomAdjustment(int value);
}

/// <summary>The capability sets of a thread (capabilities(7)).</summary>
public readonly record struct ProcessCapabilities(
    CapabilitySet Inheritable, CapabilitySet Permitted, CapabilitySet Effective, CapabilitySet Bounding, CapabilitySet Ambient);

/// <summary>Where the parts of a program lie.</summary>
public readonly record struct ProcessMemoryLayout(
    ulong CodeStart, ulong CodeEnd, ulong StackStart, ulong ArgumentStart, ulong ArgumentEnd, ulong EnvironmentStart, ulong EnvironmentEnd);

/// <summary>What /proc tells of one thread.</summary>
public readonly ref struct ThreadInformation
{
    public ReadOnlySpan<byte> Name { get; init; }

    public char State { get; init; }

    public long CpuTimeNs { get; init; }

    public IoCounters Io { get; init; }

    public int Nice { get; init; }

    public SchedulingPolicy Policy { get; init; }

    public long VoluntarySwitches { get; init; }

    public long InvoluntarySwitches { get; init; }

    public SignalSet Pending { get; init; }

    public SignalSet Blocked { get; init; }

    /// <summary>Real, effective, saved and file-system user ID.</summary>
    public (uint Real, uint Effective, uint Saved, uint FileSystem) UserIds { get; init; }

    public (uint Real, uint Effective, uint Saved, uint FileSystem) GroupIds { get; init; }

    public ReadOnlySpan<uint> Groups { get; init; }

    public ProcessCapabilities Capabilities { get; init; }

    public bool HasNoNewPrivileges { get; init; }
}

/// <summary>What /proc tells of the system as a whole.</summary>
public interface ISystemInformation
{
    ReadOnlySpan<byte> HostName { get; }

    ReadOnlySpan<byte> DomainName { get; }

    /// <summary>Sets the host's name.</summary>
    /// <param name="name">64 bytes at most.</param>
    void SetHostName(ReadOnlySpan<byte> name);

    /// <summary>Sets the NIS domain's name.</summary>
    /// <param name="name">64 bytes at most.</param>
    void SetDomainName(ReadOnlySpan<byte> name);

    ReadOnlySpan<byte> Release { get; }

    ReadOnlySpan<byte> Version { get; }

    string CpuModel { get; }

    /// <summary>The caches of the CPU.</summary>
    ReadOnlySpan<CpuCache> CpuCaches { get; }

    /// <summary>Names of what the CPU can do, separated by spaces.</summary>
    string CpuFlags { get; }

    int ProcessCount { get; }

    /// <summary>Threads that there may be at once.</summary>
    int ThreadLimit { get; }

    int RunnableCount { get; }

    int LastProcessId { get; }

    /// <summary>Tells of the objects of System V IPC (/proc/sysvipc in proc(5)).</summary>
    /// <param name="kind">"msg", "sem" or "shm".</param>
    void WriteIpc(string kind, TextBuilder text);

    /// <summary>Gets a limit of System V IPC by its name in /proc/sys/kernel, but for sem, which is four numbers.</summary>
    ulong GetIpcLimit(string name);

    /// <summary>Tells of the network (/proc/net in proc(5)).</summary>
    /// <param name="name">The file's name there.</param>
    /// <returns>None; ENOMEM when there is no room for making the network, which is made when it is asked about.</returns>
    Errno WriteNetwork(string name, TextBuilder text);

    /// <summary>Tells how the network is set.</summary>
    /// <param name="name">The setting's path in /proc/sys/net.</param>
    void WriteNetworkSetting(string name, TextBuilder text);

    /// <summary>Gets a setting of POSIX message queues by its name in /proc/sys/fs/mqueue.</summary>
    int GetMessageQueueSetting(string name);

    /// <summary>Changes it.</summary>
    /// <returns>None, or EINVAL out of range.</returns>
    Errno SetMessageQueueSetting(string name, int value);

    /// <summary>Time in which no program ran.</summary>
    long IdleTimeNs { get; }
}
