using System.Diagnostics.CodeAnalysis;
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

    /// <summary>Makes a process without threads. It takes over its use of the memory, and runs the program from here on.</summary>
    internal Process(SystemState system, Process? parent, LoadedProgram program, AddressSpace memory, ResourceLimits limits)
    {
        System = system;
        Parent = parent;
        Program = program;
        AddressSpace = memory;
        TakeAddressSpace();
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
    /// The credentials of its first thread, by which others judge it. Each thread has its own (credentials(7)); C libraries take pains to
    /// change those of all threads at once.
    /// </summary>
    public Credentials Credentials => FirstThread.Credentials;

    public AddressSpace AddressSpace { get; private set; }

    /// <summary>The program that it runs.</summary>
    public LoadedProgram Program { get; private set; }

    /// <summary>Root, working directory and umask of its first thread, as /proc shows them.</summary>
    public FileSystemContext FileSystem => FirstThread.FileSystem;

    /// <summary>The open descriptors of its first thread, as /proc shows them.</summary>
    public FileTable Files => FirstThread.Files;

    public ResourceLimits Limits { get; }

    /// <summary>The name of the program: that of the first thread.</summary>
    public ReadOnlySpan<byte> Name => FirstThread.Name.Bytes;

    /// <summary>
    /// The thread that has the process's number (Linux's group leader). It stays when it has ended, until the process has been waited for.
    /// </summary>
    public GuestThread FirstThread { get; private set; } = null!;

    /// <summary>When it began, on the monotonic clock.</summary>
    public long StartTimeNs { get; }

    /// <summary>The threads that have not ended, the first one first while it lives.</summary>
    public IReadOnlyList<GuestThread> Threads => _threads;

    public int LiveThreadCount => _threads.Count;

    public IReadOnlyList<Process> Children => _children;

    /// <summary>Those who wait in wait4(2) or waitid(2) for a child.</summary>
    public WaitQueue ChildEvents { get; } = new();

    /// <summary>Those who wait for its end without being its parent (pidfd_open(2)).</summary>
    public WaitQueue Ends => _ends ??= new WaitQueue();

    private WaitQueue? _ends;

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

    /// <summary>Whether core dumps would be made and /proc files are the owner's (PR_SET_DUMPABLE).</summary>
    public int Dumpable { get; set; } = 1;

    /// <summary>Whether orphans among its descendants become its children (PR_SET_CHILD_SUBREAPER).</summary>
    public bool IsSubreaper { get; set; }

    /// <summary>Its controlling terminal, which children inherit; null where it has none (credentials(7), "Sessions").</summary>
    public Terminal? ControllingTerminal { get; set; }

    /// <summary>The group that was in the foreground of a terminal which has gone, as the leader of its session knows it; else 0.</summary>
    internal int HungUpGroup { get; set; }

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

    /// <summary>Whether it has executed a program since it was made: its parent moves it to no other group then (setpgid(2)).</summary>
    public bool HasExecuted { get; private set; }

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

    /// <summary>Makes a thread of the process (clone(2) with CLONE_THREAD), which takes over what its maker has.</summary>
    /// <param name="maker">A thread of the process.</param>
    /// <param name="flags">CLONE_FILES and CLONE_FS count here.</param>
    /// <param name="wantedTid">Its number (clone3(2), set_tid); 0 for any.</param>
    /// <param name="thread">The thread, not started.</param>
    /// <returns>None, EAGAIN, ENOMEM; EEXIST when the number is taken.</returns>
    public Errno TryCreateThread(GuestThread maker, CloneFlags flags, int wantedTid, out GuestThread? thread)
    {
        thread = null;
        if (!TryShareFiles(maker, flags, out FileTable? files))
        {
            return Errno.ENOMEM;
        }

        FileSystemContext fileSystem = maker.FileSystem.Clone((flags & CloneFlags.CLONE_FS) != 0);
        WaitQueue? memoryLeavings = (flags & CloneFlags.CLONE_VFORK) != 0 ? new WaitQueue() : null;
        Errno error = TryCreateThread(files, fileSystem, maker.Credentials, wantedTid, out thread);
        if (error == Errno.None)
        {
            thread!.MemoryLeavings = memoryLeavings;
            thread!.InheritFrom(maker);
        }
        else
        {
            files.Leave();
        }

        return error;
    }

    /// <summary>
    /// Undoes <see cref="TryCreateThread(GuestThread, CloneFlags, int, out GuestThread?)"/> for a thread that was not started.
    /// </summary>
    public void Abandon(GuestThread thread)
    {
        _threads.Remove(thread);
        System.Threads.Remove(thread.Tid);
        thread.Files.Leave();
        thread.Waiter.Release();
        thread.Context.Dispose();
    }

    /// <summary>Makes the first thread of the process, or one more.</summary>
    /// <param name="files">The thread takes over a use of it, when it is made.</param>
    /// <param name="fileSystem">The thread's own.</param>
    /// <param name="credentials">Whom it acts as.</param>
    /// <param name="wantedTid">Its number; 0 for any.</param>
    /// <param name="thread">The thread, not started.</param>
    internal Errno TryCreateThread(
        FileTable files, FileSystemContext fileSystem, Credentials credentials, int wantedTid, out GuestThread? thread)
    {
        thread = null;
        if (IsTaskLimitReached(credentials) || !KernelHeap.HasRoom() || !KernelHeap.TryReserve(_threads, IntPtr.Size))
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
            created = System.Machine.TryCreateContext(out context) ? new GuestThread(this, context, waiter, files, fileSystem, credentials)
                : null;
        }
        catch (OutOfMemoryException)
        {
            // A thread is more than one object: what there is of it goes.
        }

        int tid = wantedTid;
        bool hasNumber = created is not null
            && (tid != 0 ? System.Threads.TryAddAt(created, tid) : System.Threads.TryAdd(created, out tid));
        if (!hasNumber)
        {
            waiter.Release();
            context?.Dispose();
            return created is null ? Errno.ENOMEM : wantedTid != 0 ? Errno.EEXIST : Errno.EAGAIN;
        }

        created!.Tid = tid;
        created.NoteCpuTimer();
        _threads.Add(created);
        FirstThread ??= created;
        thread = created;
        return Errno.None;
    }

    private static bool TryShareFiles(GuestThread maker, CloneFlags flags, [NotNullWhen(true)] out FileTable? files)
    {
        files = maker.Files;
        if ((flags & CloneFlags.CLONE_FILES) == 0)
        {
            return files.TryClone(out files);
        }

        files.Share();
        return true;
    }

    /// <summary>
    /// Whether the machine has as many threads as it may, or its user as many as RLIMIT_NPROC allows: that holds for nobody privileged
    /// (setrlimit(2)).
    /// </summary>
    private bool IsTaskLimitReached(Credentials maker)
    {
        if (System.Threads.Count >= System.ThreadLimit)
        {
            return true;
        }

        ulong limit = Limits[RlimitResource.RLIMIT_NPROC].rlim_cur;
        if ((ulong)System.Threads.Count < limit
            || maker.RealUserId == 0
            || maker.Has(Capability.CAP_SYS_RESOURCE)
            || maker.Has(Capability.CAP_SYS_ADMIN))
        {
            return false;
        }

        ulong count = 0;
        for (int id = 1; System.Threads.TryGetNext(id, out id, out GuestThread? thread); id++)
        {
            count += thread.Credentials.RealUserId == maker.RealUserId ? 1u : 0;
        }

        return count >= limit;
    }

    /// <summary>Tells memory and descriptors their limits.</summary>
    internal void ApplyLimits()
    {
        AddressSpace.SizeLimit = Limits[RlimitResource.RLIMIT_AS].rlim_cur;
        AddressSpace.DataLimit = Limits[RlimitResource.RLIMIT_DATA].rlim_cur;
        AddressSpace.StackLimit = Limits[RlimitResource.RLIMIT_STACK].rlim_cur;
        _cpuLimit.Update();
        int limit = (int)Math.Min(Limits[RlimitResource.RLIMIT_NOFILE].rlim_cur, FileTable.AbsoluteLimit);
        foreach (GuestThread thread in _threads)
        {
            thread.Files.Limit = limit;
        }
    }

    /// <summary>Counts time that a thread of it has had the CPU.</summary>
    internal void AddCpuTime(long ns) => _cpuTimeNs += ns;

    /// <summary>Takes note of a thread's end; the last one ends the process.</summary>
    internal void OnThreadEnded(GuestThread thread)
    {
        _usage.Add(thread.Usage);
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
            HandOverChildren(thread);
            _threadEnds.WakeAll();
        }
    }

    /// <summary>Tells who is in the foreground of its session's terminal, or was when that went, that the session's leader ends.</summary>
    private void EndSession()
    {
        if (ControllingTerminal is { } terminal)
        {
            terminal.Session.OnLeaderEnded(Pid);
        }
        else if (HungUpGroup != 0)
        {
            System.Files.TerminalOwner?.SignalGroup(HungUpGroup, Signal.SIGHUP);
            System.Files.TerminalOwner?.SignalGroup(HungUpGroup, Signal.SIGCONT);
        }
    }

    private void End()
    {
        _usage.ResidentPages = AddressSpace.ResidentPageCount;
        HasEnded = true;
        StopTimers();
        LeaveSemaphores();
        AddressSpace.Leave();
        Handlers.Leave();
        (Program.Executable as ProgramFile)?.Inode.EndExecution();
        if (SessionId == Pid)
        {
            EndSession();
        }

        AbandonChildren();
        _ends?.WakeAll();
        if (Parent is not null)
        {
            Parent.OnChildEnded(this);
        }
        else if (System.Init != this)
        {
            // Nobody is left to ask.
            MarkReaped();
        }

        System.OnProcessEnded(this);
    }
}
