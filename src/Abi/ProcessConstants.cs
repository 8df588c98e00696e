namespace Semitone.Abi;

/// <summary>What a new thread or process shares with its maker (clone(2)). The lowest byte is the signal sent at its end.</summary>
[Flags]
public enum CloneFlags : ulong
{
    None = 0,
    [FieldMask]
    CSIGNAL = 0xFF,
    SIGCHLD = 17,
    CLONE_VM = 0x100,
    CLONE_FS = 0x200,
    CLONE_FILES = 0x400,
    CLONE_SIGHAND = 0x800,
    CLONE_PIDFD = 0x1000,
    CLONE_PTRACE = 0x2000,
    CLONE_VFORK = 0x4000,
    CLONE_PARENT = 0x8000,
    CLONE_THREAD = 0x1_0000,
    CLONE_NEWNS = 0x2_0000,
    CLONE_SYSVSEM = 0x4_0000,
    CLONE_SETTLS = 0x8_0000,
    CLONE_PARENT_SETTID = 0x10_0000,
    CLONE_CHILD_CLEARTID = 0x20_0000,
    CLONE_DETACHED = 0x40_0000,
    CLONE_UNTRACED = 0x80_0000,
    CLONE_CHILD_SETTID = 0x100_0000,
    CLONE_NEWCGROUP = 0x200_0000,
    CLONE_NEWUTS = 0x400_0000,
    CLONE_NEWIPC = 0x800_0000,
    CLONE_NEWUSER = 0x1000_0000,
    CLONE_NEWPID = 0x2000_0000,
    CLONE_NEWNET = 0x4000_0000,
    CLONE_IO = 0x8000_0000,
    CLONE_CLEAR_SIGHAND = 0x1_0000_0000,
    CLONE_INTO_CGROUP = 0x2_0000_0000,
}

/// <summary>Operations of futex(2), with their flags.</summary>
[Flags]
public enum FutexOperation : uint
{
    FUTEX_WAIT = 0,
    FUTEX_WAKE = 1,
    FUTEX_FD = 2,
    FUTEX_REQUEUE = 3,
    FUTEX_CMP_REQUEUE = 4,
    FUTEX_WAKE_OP = 5,
    FUTEX_LOCK_PI = 6,
    FUTEX_UNLOCK_PI = 7,
    FUTEX_TRYLOCK_PI = 8,
    FUTEX_WAIT_BITSET = 9,
    FUTEX_WAKE_BITSET = 10,
    FUTEX_WAIT_REQUEUE_PI = 11,
    FUTEX_CMP_REQUEUE_PI = 12,
    FUTEX_LOCK_PI2 = 13,
    [FieldMask]
    CommandMask = 0x7F,
    FUTEX_PRIVATE_FLAG = 0x80,
    FUTEX_CLOCK_REALTIME = 0x100,
}

/// <summary>The bits of a futex word that owns a robust or priority-inheriting lock (get_robust_list(2)).</summary>
public static class FutexWord
{
    public const uint FUTEX_WAITERS = 0x8000_0000;
    public const uint FUTEX_OWNER_DIED = 0x4000_0000;
    public const uint FUTEX_TID_MASK = 0x3FFF_FFFF;
    public const uint FUTEX_BITSET_MATCH_ANY = 0xFFFF_FFFF;

    /// <summary>Entries of a robust list that the kernel follows before it takes the list for a ring.</summary>
    public const int ROBUST_LIST_LIMIT = 2048;
}

/// <summary>Codes of arch_prctl(2).</summary>
public enum ArchPrctlCode : uint
{
    ARCH_SET_GS = 0x1001,
    ARCH_SET_FS = 0x1002,
    ARCH_GET_FS = 0x1003,
    ARCH_GET_GS = 0x1004,
    ARCH_GET_CPUID = 0x1011,
    ARCH_SET_CPUID = 0x1012,
    ARCH_GET_XCOMP_SUPP = 0x1021,
    ARCH_GET_XCOMP_PERM = 0x1022,
    ARCH_REQ_XCOMP_PERM = 0x1023,
    ARCH_CET_STATUS = 0x3001,
    ARCH_SHSTK_ENABLE = 0x5001,
    ARCH_SHSTK_DISABLE = 0x5002,
    ARCH_SHSTK_LOCK = 0x5003,
    ARCH_SHSTK_STATUS = 0x5005,
}

/// <summary>Options of prctl(2).</summary>
public enum PrctlOption : uint
{
    PR_SET_PDEATHSIG = 1,
    PR_GET_PDEATHSIG = 2,
    PR_GET_DUMPABLE = 3,
    PR_SET_DUMPABLE = 4,
    PR_GET_KEEPCAPS = 7,
    PR_SET_KEEPCAPS = 8,
    PR_GET_TIMING = 13,
    PR_SET_TIMING = 14,
    PR_SET_NAME = 15,
    PR_GET_NAME = 16,
    PR_GET_SECCOMP = 21,
    PR_SET_SECCOMP = 22,
    PR_CAPBSET_READ = 23,
    PR_CAPBSET_DROP = 24,
    PR_GET_TSC = 25,
    PR_SET_TSC = 26,
    PR_GET_SECUREBITS = 27,
    PR_SET_SECUREBITS = 28,
    PR_SET_TIMERSLACK = 29,
    PR_GET_TIMERSLACK = 30,
    PR_MCE_KILL = 33,
    PR_MCE_KILL_GET = 34,
    PR_SET_MM = 35,
    PR_SET_CHILD_SUBREAPER = 36,
    PR_GET_CHILD_SUBREAPER = 37,
    PR_SET_NO_NEW_PRIVS = 38,
    PR_GET_NO_NEW_PRIVS = 39,
    PR_GET_TID_ADDRESS = 40,
    PR_SET_THP_DISABLE = 41,
    PR_GET_THP_DISABLE = 42,
    PR_CAP_AMBIENT = 47,
    PR_GET_SPECULATION_CTRL = 52,
    PR_SET_SPECULATION_CTRL = 53,
    PR_SET_TAGGED_ADDR_CTRL = 55,
    PR_GET_TAGGED_ADDR_CTRL = 56,
    PR_SCHED_CORE = 62,
    PR_SET_VMA = 0x5356_4D41,
    PR_SET_PTRACER = 0x5961_6D61,
}

/// <summary>What PR_CAP_AMBIENT does (prctl(2)).</summary>
public enum AmbientOperation : ulong
{
    PR_CAP_AMBIENT_IS_SET = 1,
    PR_CAP_AMBIENT_RAISE = 2,
    PR_CAP_AMBIENT_LOWER = 3,
    PR_CAP_AMBIENT_CLEAR_ALL = 4,
}

/// <summary>Options of wait4(2) and waitid(2).</summary>
[Flags]
public enum WaitOptions : uint
{
    None = 0,
    WNOHANG = 1,
    WUNTRACED = 2,
    WEXITED = 4,
    WCONTINUED = 8,
    WNOWAIT = 0x100_0000,
    __WNOTHREAD = 0x2000_0000,
    __WALL = 0x4000_0000,
    __WCLONE = 0x8000_0000,
}

/// <summary>What the identifier of a waitid(2) names.</summary>
public enum WaitIdType : uint
{
    P_ALL = 0,
    P_PID = 1,
    P_PGID = 2,
    P_PIDFD = 3,
}

/// <summary>What getrlimit(2) limits.</summary>
public enum RlimitResource : uint
{
    RLIMIT_CPU = 0,
    RLIMIT_FSIZE = 1,
    RLIMIT_DATA = 2,
    RLIMIT_STACK = 3,
    RLIMIT_CORE = 4,
    RLIMIT_RSS = 5,
    RLIMIT_NPROC = 6,
    RLIMIT_NOFILE = 7,
    RLIMIT_MEMLOCK = 8,
    RLIMIT_AS = 9,
    RLIMIT_LOCKS = 10,
    RLIMIT_SIGPENDING = 11,
    RLIMIT_MSGQUEUE = 12,
    RLIMIT_NICE = 13,
    RLIMIT_RTPRIO = 14,
    RLIMIT_RTTIME = 15,
}

/// <summary>Whose usage getrusage(2) reports.</summary>
public enum RusageWho
{
    RUSAGE_SELF = 0,
    RUSAGE_CHILDREN = -1,
    RUSAGE_THREAD = 1,
}

/// <summary>Scheduling policies (sched(7)).</summary>
public enum SchedulingPolicy : uint
{
    SCHED_OTHER = 0,
    SCHED_FIFO = 1,
    SCHED_RR = 2,
    SCHED_BATCH = 3,
    SCHED_IDLE = 5,
    SCHED_DEADLINE = 6,
}

/// <summary>Whose priority getpriority(2) means.</summary>
public enum PriorityWho : uint
{
    PRIO_PROCESS = 0,
    PRIO_PGRP = 1,
    PRIO_USER = 2,
}

/// <summary>Flags of getrandom(2).</summary>
[Flags]
public enum GetrandomFlags : uint
{
    None = 0,
    GRND_NONBLOCK = 1,
    GRND_RANDOM = 2,
    GRND_INSECURE = 4,
}

/// <summary>Commands of reboot(2).</summary>
public enum RebootCommand : uint
{
    LINUX_REBOOT_CMD_RESTART = 0x0123_4567,
    LINUX_REBOOT_CMD_HALT = 0xCDEF_0123,
    LINUX_REBOOT_CMD_CAD_ON = 0x89AB_CDEF,
    LINUX_REBOOT_CMD_CAD_OFF = 0,
    LINUX_REBOOT_CMD_POWER_OFF = 0x4321_FEDC,
}

/// <summary>Entries of the auxiliary vector (getauxval(3)).</summary>
public enum AuxiliaryType : ulong
{
    AT_NULL = 0,
    AT_IGNORE = 1,
    AT_EXECFD = 2,
    AT_PHDR = 3,
    AT_PHENT = 4,
    AT_PHNUM = 5,
    AT_PAGESZ = 6,
    AT_BASE = 7,
    AT_FLAGS = 8,
    AT_ENTRY = 9,
    AT_NOTELF = 10,
    AT_UID = 11,
    AT_EUID = 12,
    AT_GID = 13,
    AT_EGID = 14,
    AT_PLATFORM = 15,
    AT_HWCAP = 16,
    AT_CLKTCK = 17,
    AT_SECURE = 23,
    AT_BASE_PLATFORM = 24,
    AT_RANDOM = 25,
    AT_HWCAP2 = 26,
    AT_RSEQ_FEATURE_SIZE = 27,
    AT_RSEQ_ALIGN = 28,
    AT_EXECFN = 31,
    AT_SYSINFO = 32,
    AT_SYSINFO_EHDR = 33,
    AT_MINSIGSTKSZ = 51,
}

/// <summary>
/// What a process wants to be treated like (personality(2)): an execution domain in the low byte, 0 for Linux, and flags.
/// </summary>
[Flags]
public enum Persona : uint
{
    None = 0,

    /// <summary>uname(2) tells a 32-bit machine.</summary>
    PER_LINUX32 = 0x8,
    [FieldMask]
    PER_MASK = 0xFF,

    /// <summary>uname(2) tells a version 2.6.</summary>
    UNAME26 = 0x2_0000,
    ADDR_NO_RANDOMIZE = 0x4_0000,
    MMAP_PAGE_ZERO = 0x10_0000,
    ADDR_COMPAT_LAYOUT = 0x20_0000,

    /// <summary>What may be read may be executed.</summary>
    READ_IMPLIES_EXEC = 0x40_0000,

    /// <summary>select(2) and its kin leave the time alone that they were given.</summary>
    STICKY_TIMEOUTS = 0x400_0000,
}

/// <summary>Whom pidfd_send_signal(2) means; none is whom the descriptor stands for.</summary>
[Flags]
public enum PidFdSignalFlags : uint
{
    None = 0,
    PIDFD_SIGNAL_THREAD = 1,
    PIDFD_SIGNAL_THREAD_GROUP = 2,
    PIDFD_SIGNAL_PROCESS_GROUP = 4,
}
