using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;
using Semitone.Loader;
using Semitone.Machine;
using Semitone.Memory;

namespace Semitone.Tasks;

/// <summary>A process: what its threads share.</summary>
public sealed partial class Process
{
    /// <summary>PR_MCE_KILL_DEFAULT.</summary>
    public const int DefaultMachineCheckPolicy = 2;

    private readonly List<GuestThread> _threads = [];
    private readonly List<Process> _children = [];
    private Process? _parent;
    private ExitStatus _exitStatus;
    private int _firstThreadExitCode;
    private readonly CpuLimit _cpuLimit;
    private long _cpuTimeNs;

    internal Process(
        SystemState system, Process? parent, LoadedProgram program, FileSystemContext fileSystem, FileTable files, ResourceLimits limits)
    {
        System = system;
        Parent = parent;
        Program = program;
        AddressSpace = program.Space;
        TakeAddressSpace();
        FileSystem = fileSystem;
        Files = files;
        Limits = limits;
        StartTimeNs = system.Clock.MonotonicNs;
        CpuClock = new ProcessCpuClock(this);
        RealTimer = new IntervalTimer(this, system.TimerClock, Signal.SIGALRM);
        VirtualTimer = new IntervalTimer(this, CpuClock, Signal.SIGVTALRM);
        ProfilingTimer = new IntervalTimer(this, CpuClock, Signal.SIGPROF);
        _cpuLimit = new CpuLimit(this);
        if (!VirtualTimer.TryReserve() || !ProfilingTimer.TryReserve() || !CpuClock.TryReserve(_cpuLimit))
        {
            throw new InvalidOperationException("A queue without timers has room for three.");
        }

        (program.Executable as ProgramFile)?.Inode.BeginExecution();
    }

    public SystemState System { get; }

    public int Pid { get; internal set; }

    /// <summary>Null for the first process, and for one whose parent has ended when there is no first process left.</summary>
    public Process? Parent
    {
        get => _parent;
        private set
        {
            _parent = value;
            ParentPid = value?.Pid ?? 0;
        }
    }

    /// <summary>What getppid(2) answers: 0 for the first process.</summary>
    public int ParentPid { get; private set; }

    public int ProcessGroupId { get; set; }

    public int SessionId { get; set; }

    /// <summary>
    /// Linux keeps credentials per thread, and libraries take pains to change those of all threads at once; here they are the process's.
    /// </summary>
    public Credentials Credentials { get; private set; } = Credentials.Root;

    public AddressSpace AddressSpace { get; private set; }

    /// <summary>The program that it runs.</summary>
    public LoadedProgram Program { get; private set; }

    /// <summary>Root, working directory and umask.</summary>
    public FileSystemContext FileSystem { get; }

    /// <summary>The open descriptors.</summary>
    public FileTable Files { get; }

    public ResourceLimits Limits { get; }

    /// <summary>The name of the program: that of the first thread.</summary>
    public ReadOnlySpan<byte> Name => System.Threads.TryGet(Pid, out GuestThread? leader) ? leader.Name.Bytes : default;

    /// <summary>When it began, on the monotonic clock.</summary>
    public long StartTimeNs { get; }

    /// <summary>The threads that have not ended, the first one first while it lives.</summary>
    public IReadOnlyList<GuestThread> Threads => _threads;

    public int LiveThreadCount => _threads.Count;

    public IReadOnlyList<Process> Children => _children;

    /// <summary>Those who wait in wait4(2) or waitid(2) for a child.</summary>
    public WaitQueue ChildEvents { get; } = new();

    /// <summary>True from the first exit_group(2) or fatal signal on.</summary>
    public bool IsExiting { get; private set; }

    /// <summary>True when all threads have ended.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>How it ended; meaningful when <see cref="IsExiting"/>.</summary>
    public ExitStatus ExitStatus => _exitStatus;

    /// <summary>Time on the CPU of all its threads, those that ended too.</summary>
    public long CpuTimeNs => _cpuTimeNs + (System.CurrentThread is { } running && running.Process == this ? running.CurrentRunNs : 0);

    /// <summary>Time on the CPU of all children that were waited for.</summary>
    public long ChildrenCpuTimeNs { get; private set; }

    /// <summary>Whether PR_SET_NO_NEW_PRIVS was set.</summary>
    public bool HasNoNewPrivileges { get; set; }

    /// <summary>Whether core dumps would be made and /proc files are the owner's (PR_SET_DUMPABLE).</summary>
    public int Dumpable { get; set; } = 1;

    /// <summary>Whether orphans among its descendants become its children (PR_SET_CHILD_SUBREAPER).</summary>
    public bool IsSubreaper { get; set; }

    /// <summary>
    /// Whether huge pages are out of the question (PR_SET_THP_DISABLE). There are none; programs that it executes keep the setting.
    /// </summary>
    public bool HasHugePagesDisabled { get; set; }

    /// <summary>When a process with a broken page is told (PR_MCE_KILL): 0 when it is met, 1 at once, 2 as the system has it.</summary>
    public int MachineCheckPolicy { get; set; } = DefaultMachineCheckPolicy;

    /// <summary>The kinds of membarrier(2) that it registered for; the next program starts without.</summary>
    public MembarrierCommand RegisteredBarriers { get; set; }

    /// <summary>What personality(2) set; programs that it executes keep it.</summary>
    public Persona Persona { get; set; }

    /// <summary>What it gets when its parent ends (PR_SET_PDEATHSIG).</summary>
    public Signal ParentDeathSignal { get; set; }

    /// <summary>Acts with other credentials from now on.</summary>
    public void SetCredentials(Credentials credentials)
    {
        Credentials old = Credentials;
        FileSystem.Credentials = new FileCredentials
        {
            UserId = credentials.FileSystemUserId,
            GroupId = credentials.FileSystemGroupId,
            Groups = credentials.Groups,
            Capabilities = credentials.Effective,
        };
        Credentials = credentials;
        bool isSomebodyElse = old.EffectiveUserId != credentials.EffectiveUserId || old.EffectiveGroupId != credentials.EffectiveGroupId
            || old.FileSystemUserId != credentials.FileSystemUserId || old.FileSystemGroupId != credentials.FileSystemGroupId;
        if (isSomebodyElse || !credentials.Permitted.IsSubsetOf(old.Permitted))
        {
            // What the memory holds is not the new user's to see (prctl(2), PR_SET_DUMPABLE and PR_SET_PDEATHSIG).
            Dumpable = 0;
            ParentDeathSignal = Signal.None;
        }
    }

    /// <summary>Sets a limit, and tells the part of the kernel that keeps to it.</summary>
    public void SetLimit(RlimitResource resource, Rlimit limit)
    {
        Limits[resource] = limit;
        ApplyLimits();
    }

    /// <summary>Ends the process (exit_group(2)): every thread ends before it would run again.</summary>
    public void Exit(ExitStatus status)
    {
        if (IsExiting)
        {
            return;
        }

        IsExiting = true;
        _exitStatus = status;
        foreach (GuestThread thread in _threads)
        {
            thread.RequestExit();
        }
    }

    /// <summary>Ends the process as a signal does that has no handler.</summary>
    public void Kill(Signal signal) => Exit(ExitStatus.FromSignal(signal));

    /// <summary>Makes a thread of the process.</summary>
    /// <returns>None, EAGAIN or ENOMEM.</returns>
    public Errno TryCreateThread(out GuestThread? thread)
    {
        thread = null;
        if ((ulong)System.Threads.Count >= Limits[RlimitResource.RLIMIT_NPROC].rlim_cur
            || !KernelHeap.HasRoom()
            || !KernelHeap.TryReserve(_threads, IntPtr.Size))
        {
            return Errno.EAGAIN;
        }

        if (!Waiter.TryCreate(System.Executor, out Waiter? waiter))
        {
            return Errno.EAGAIN;
        }

        IGuestContext? context = null;
        GuestThread? created = null;
        try
        {
            created = System.Machine.TryCreateContext(out context) ? new GuestThread(this, context, waiter) : null;
        }
        catch (OutOfMemoryException)
        {
            // A thread is more than one object: what there is of it goes.
        }

        int tid = 0;
        if (created is null || !System.Threads.TryAdd(created, out tid))
        {
            waiter.Release();
            context?.Dispose();
            return created is null ? Errno.ENOMEM : Errno.EAGAIN;
        }

        created.Tid = tid;
        created.NoteCpuTimer();
        _threads.Add(created);
        thread = created;
        return Errno.None;
    }

    /// <summary>Undoes <see cref="TryCreateThread"/> for a thread that was not started.</summary>
    public void Abandon(GuestThread thread)
    {
        _threads.Remove(thread);
        System.Threads.Remove(thread.Tid);
        thread.Waiter.Release();
        thread.Context.Dispose();
    }

    /// <summary>Tells memory and descriptors their limits.</summary>
    internal void ApplyLimits()
    {
        AddressSpace.SizeLimit = Limits[RlimitResource.RLIMIT_AS].rlim_cur;
        AddressSpace.DataLimit = Limits[RlimitResource.RLIMIT_DATA].rlim_cur;
        AddressSpace.StackLimit = Limits[RlimitResource.RLIMIT_STACK].rlim_cur;
        _cpuLimit.Update();
        Files.Limit = (int)Math.Min(Limits[RlimitResource.RLIMIT_NOFILE].rlim_cur, FileTable.AbsoluteLimit);
    }

    /// <summary>Counts time that a thread of it has had the CPU.</summary>
    internal void AddCpuTime(long ns) => _cpuTimeNs += ns;

    /// <summary>Takes note of a thread's end; the last one ends the process.</summary>
    internal void OnThreadEnded(GuestThread thread)
    {
        _threads.Remove(thread);
        _io.Add(in thread.Io);

        // The number of the first thread is the process's: it stays taken until the process has been waited for.
        if (thread.Tid != Pid)
        {
            System.Threads.Remove(thread.Tid);
        }
        else
        {
            _firstThreadExitCode = thread.ExitCode;
        }

        if (_threads.Count == 0)
        {
            if (!IsExiting)
            {
                // Every thread ended by itself: the first one's code is the process's, whichever was the last.
                Exit(ExitStatus.FromCode(_firstThreadExitCode));
            }

            End();
        }
        else
        {
            _threadEnds.WakeAll();
        }
    }

    private void End()
    {
        HasEnded = true;
        StopTimers();
        Files.CloseAll();
        AddressSpace.Dispose();
        (Program.Executable as ProgramFile)?.Inode.EndExecution();
        AbandonChildren();
        Parent?.OnChildEnded(this);
        System.OnProcessEnded(this);
    }
}
