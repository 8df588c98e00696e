using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Semitone.Abi;

/// <summary>One string of <see cref="UtsName"/>, NUL-terminated.</summary>
[InlineArray(Length)]
public struct UtsNameField
{
    public const int Length = 65;

    private byte _element;
}

/// <summary>What the system is called (uname(2)).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct UtsName
{
    public UtsNameField sysname;
    public UtsNameField nodename;
    [Trace(TraceFormat.Hidden)]
    public UtsNameField release;
    [Trace(TraceFormat.Hidden)]
    public UtsNameField version;
    [Trace(TraceFormat.Hidden)]
    public UtsNameField machine;
    [Trace(TraceFormat.Hidden)]
    public UtsNameField domainname;
}

/// <summary>A soft and a hard limit (prlimit(2)).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct Rlimit
{
    public const ulong RLIM_INFINITY = ulong.MaxValue;

    public ulong rlim_cur;
    public ulong rlim_max;
}

/// <summary>What a process has used (getrusage(2)).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct Rusage
{
    public Timeval ru_utime;
    public Timeval ru_stime;
    public long ru_maxrss;
    [Trace(TraceFormat.Hidden)]
    public long ru_ixrss;
    [Trace(TraceFormat.Hidden)]
    public long ru_idrss;
    [Trace(TraceFormat.Hidden)]
    public long ru_isrss;
    [Trace(TraceFormat.Hidden)]
    public long ru_minflt;
    [Trace(TraceFormat.Hidden)]
    public long ru_majflt;
    [Trace(TraceFormat.Hidden)]
    public long ru_nswap;
    [Trace(TraceFormat.Hidden)]
    public long ru_inblock;
    [Trace(TraceFormat.Hidden)]
    public long ru_oublock;
    [Trace(TraceFormat.Hidden)]
    public long ru_msgsnd;
    [Trace(TraceFormat.Hidden)]
    public long ru_msgrcv;
    [Trace(TraceFormat.Hidden)]
    public long ru_nsignals;
    [Trace(TraceFormat.Hidden)]
    public long ru_nvcsw;
    [Trace(TraceFormat.Hidden)]
    public long ru_nivcsw;
}

/// <summary>The load averages of the last 1, 5 and 15 minutes, times 65536.</summary>
[InlineArray(3)]
public struct LoadAverages
{
    private ulong _element;
}

/// <summary>Memory and load of the system (sysinfo(2)).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct SysInfo
{
    public long uptime;
    [Trace(TraceFormat.Hidden)]
    public LoadAverages loads;
    public ulong totalram;
    public ulong freeram;
    [Trace(TraceFormat.Hidden)]
    public ulong sharedram;
    [Trace(TraceFormat.Hidden)]
    public ulong bufferram;
    [Trace(TraceFormat.Hidden)]
    public ulong totalswap;
    [Trace(TraceFormat.Hidden)]
    public ulong freeswap;
    public ushort procs;
    [Trace(TraceFormat.Hidden)]
    public ulong totalhigh;
    [Trace(TraceFormat.Hidden)]
    public ulong freehigh;
    [Trace(TraceFormat.Hidden)]
    public uint mem_unit;
}

/// <summary>The head of a thread's list of robust futexes (get_robust_list(2)).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct RobustListHead
{
    [Trace(TraceFormat.Address)]
    public ulong list;
    public long futex_offset;
    [Trace(TraceFormat.Address)]
    public ulong list_op_pending;
}

/// <summary>Arguments of clone3 (clone(2)).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct CloneArgs
{
    /// <summary>Bytes of the first version of the structure: what a caller must at least give.</summary>
    public const int SizeVersion0 = 64;

    public CloneFlags flags;
    [Trace(TraceFormat.Address)]
    public ulong pidfd;
    [Trace(TraceFormat.Address)]
    public ulong child_tid;
    [Trace(TraceFormat.Address)]
    public ulong parent_tid;
    public ulong exit_signal;
    [Trace(TraceFormat.Address)]
    public ulong stack;
    public ulong stack_size;
    [Trace(TraceFormat.Address)]
    public ulong tls;
    [Trace(TraceFormat.Address)]
    public ulong set_tid;
    public ulong set_tid_size;
    public ulong cgroup;
}

/// <summary>Scheduling parameters (sched_setparam(2)).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct SchedParam
{
    public int sched_priority;
}
