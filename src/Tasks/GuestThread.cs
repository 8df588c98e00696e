using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;
using Semitone.Loader;
using Semitone.Machine;
using Semitone.Memory;

namespace Semitone.Tasks;

/// <summary>A thread of a program: what Linux calls a task.</summary>
/// <remarks>
/// It has no kernel stack. While it runs, <see cref="Run"/> is on the executor's stack; while a system call waits, what is
/// left to do is a continuation, and the thread is <em>parked</em>. All members are used on its executor only.
/// </remarks>
public sealed partial class GuestThread : Runnable, IWaitOwner
{
    /// <summary>PR_SET_TIMERSLACK's default.</summary>
    public const long DefaultTimerSlackNs = 50_000;

    private readonly Executor _executor;
    private readonly ICpu _cpu;
    private readonly IGuestContext _context;
    private readonly SyscallEntry _syscalls;
    private readonly Action _onSystemCallCompleted;
    private IPageTable _pageTable;
    private ThreadWork _work;
    private ValueTask<SysResult> _parkedCall;
    private int _tickAtSwitch;
    private int _nice;
    private SchedulingPolicy _policy;
    private int _weight = TurnWeight.Neutral;

    // What a thread that was sent away needs until it has its next turn; each round of the queue brings its weight.
    private int _turnCredit = TurnWeight.Neutral;
    private bool _isRunning;
    private FaultRecord _fault;
    private IoCounters _io;
    private SocketCaller? _socketCaller;

    internal GuestThread(
        Process process, IGuestContext context, Waiter waiter, FileTable files, FileSystemContext fileSystem, Credentials credentials)
    {
        Credentials = credentials;
        Process = process;
        Files = files;
        FileSystem = fileSystem;
        _executor = process.System.Executor;
        _cpu = _executor.Cpu;
        _context = context;
        _pageTable = process.AddressSpace.PageTable;
        Waiter = waiter;
        waiter.Owner = this;
        _onSystemCallCompleted = OnSystemCallCompleted;
        _syscalls = process.System.Syscalls.Create(this);
    }

    /// <summary>The number that gettid(2) answers; that of a process's first thread is the process's.</summary>
    public int Tid { get; internal set; }

    public Process Process { get; }

    /// <summary>The descriptors, which other threads may use too, of other processes even.</summary>
    public FileTable Files { get; private set; }

    /// <summary>Where it stands in the file system, and whose rights it has there.</summary>
    public FileSystemContext FileSystem { get; }

    /// <summary>The thread, as sockets see it.</summary>
    public SocketCaller SocketCaller => _socketCaller ??= new SocketCaller(this);

    /// <summary>What this thread waits with.</summary>
    public Waiter Waiter { get; }

    public TaskName Name { get; } = new();

    /// <summary>The processor state; valid while the thread is not in ring 3.</summary>
    public IGuestContext Context => _context;

    public ref GuestRegisters Registers => ref _context.Registers;

    public SyscallEntry Syscalls => _syscalls;

    /// <summary>Where 0 is written, and a futex woken, when the thread ends (set_tid_address(2)).</summary>
    public ulong ClearChildTid { get; set; }

    /// <summary>The head of the list of robust futexes (set_robust_list(2)).</summary>
    public ulong RobustListHead { get; set; }

    /// <summary>What restart_syscall(2) would go on with.</summary>
    public RestartBlock RestartBlock { get; set; }

    /// <summary>What PR_SET_TIMERSLACK set.</summary>
    public long TimerSlackNs { get; set; } = DefaultTimerSlackNs;

    /// <summary>How nice it is to others, -20 to 19 (nice(2)).</summary>
    public int Nice
    {
        get => _nice;
        set
        {
            _nice = value;
            _weight = TurnWeight.Get(value, _policy);
        }
    }

    /// <summary>SCHED_OTHER, SCHED_BATCH, which is treated alike, or SCHED_IDLE (sched(7)).</summary>
    public SchedulingPolicy Policy
    {
        get => _policy;
        set
        {
            _policy = value;
            _weight = TurnWeight.Get(_nice, value);
        }
    }

    /// <summary>What it ended with, if it ended by itself.</summary>
    public int ExitCode { get; private set; }

    /// <summary>True when it will never run again.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>True while a system call waits.</summary>
    public bool IsParked => (_work & ThreadWork.Parked) != 0;

    /// <summary>Voluntary switches so far: system calls that waited.</summary>
    public long VoluntarySwitchCount { get; private set; }

    /// <summary>Involuntary switches so far.</summary>
    public long InvoluntarySwitchCount { get; private set; }

    /// <summary>What it has read and written by system calls.</summary>
    public ref IoCounters Io => ref _io;

    /// <summary>The thread's place in the table of futexes; made at its first wait there.</summary>
    internal FutexWaiter FutexWaiter => _futexWaiter ??= new FutexWaiter(this);

    /// <summary>The lock with priority inheritance that it waits for.</summary>
    internal PriorityFutex? AwaitedLock { get; set; }

    /// <summary>That place, if the thread ever waited there.</summary>
    internal FutexWaiter? ExistingFutexWaiter => _futexWaiter;

    private FutexWaiter? _futexWaiter;

    /// <summary>
    /// Takes over what a new thread has from the one that makes it: registers, signal mask, name, timer slack (clone(2)).
    /// </summary>
    public void InheritFrom(GuestThread parent)
    {
        Policy = parent.Policy;
        Nice = parent.Nice;
        _context.CopyFrom(parent._context);
        _signalMask = parent._signalMask;
        TimerSlackNs = parent.TimerSlackNs;
        HasNoNewPrivileges = parent.HasNoNewPrivileges;
        Name.Set(parent.Name.Bytes);
    }

    /// <summary>Has descriptors of its own from now on (unshare(2), CLONE_FILES).</summary>
    /// <returns>False when the kernel's heap has no room for them.</returns>
    public bool TryUnshareFiles()
    {
        if (Files.UserCount > 1)
        {
            if (!Files.TryClone(out FileTable? own))
            {
                return false;
            }

            Files.Leave();
            Files = own;
        }

        return true;
    }

    /// <summary>Makes the thread runnable.</summary>
    public void Start() => _executor.Post(this);

    /// <summary>Puts the thread to sleep until a system call that waits is done; its result goes to RAX then.</summary>
    /// <remarks>Called by the dispatcher in place of writing a result, with a task that is not complete.</remarks>
    public void Park(ValueTask<SysResult> call)
    {
        _work |= ThreadWork.Parked;
        VoluntarySwitchCount++;
        _parkedCall = call;
        call.GetAwaiter().UnsafeOnCompleted(_onSystemCallCompleted);
    }

    /// <summary>
    /// Takes note of a call that is to be made again although nothing interrupted it (<see cref="RestartErrno.ERESTARTNOINTR"/>).
    /// </summary>
    public void NoteRestart(SysResult result)
    {
        if (IsRestart(result.Value))
        {
            _work |= ThreadWork.Restart;
        }
    }

    /// <summary>Takes note of a call that is to be served from its start again: what it went by has changed meanwhile.</summary>
    public void NoteRepeat() => _work |= ThreadWork.Repeat;

    /// <summary>Ends this thread alone (_exit(2), "C library/kernel differences").</summary>
    public void Exit(int code)
    {
        ExitCode = code;
        _work |= ThreadWork.Exit;
    }

    /// <summary>Gives the rest of the time slice to whoever else is runnable.</summary>
    public void Yield()
    {
        if (_executor.HasRunnable)
        {
            _mustYield = true;
            _executor.NeedsAttention = true;
        }
    }

    private bool _mustYield;

    /// <summary>Puts the thread at the first instruction of a program.</summary>
    internal void BeginProgram(LoadedProgram program)
    {
        const ulong InitialFlags = 0x202;
        _pageTable = program.Space.PageTable;
        ref GuestRegisters registers = ref _context.Registers;
        registers = default;
        registers.Rip = program.InstructionPointer;
        registers.Rsp = program.StackPointer;
        registers.Rflags = InitialFlags;
        registers.OrigRax = ulong.MaxValue;
        _context.ResetSegments();
        _context.ResetExtendedState();
        AlternateStack = new StackT { ss_flags = StackFlags.SS_DISABLE };
        ClearChildTid = 0;
        RobustListHead = 0;
        RestartBlock = default;
        Name.Set(program.Name);
    }

    /// <summary>Makes the thread end instead of running again, and ends a wait.</summary>
    internal void RequestExit()
    {
        _work |= ThreadWork.Exit;
        Waiter.IsInterruptPending = true;
        Waiter.IsKillPending = true;
        if ((_work & ThreadWork.Stop) != 0)
        {
            _work &= ~ThreadWork.Stop;
            _executor.Post(this);
        }
    }

    /// <inheritdoc/>
    protected override void Run()
    {
        if (_turnCredit < TurnWeight.Neutral && IsPassedOver())
        {
            _executor.Post(this);
            return;
        }

        _tickAtSwitch = _executor.TickCount;
        _switchedInNs = _executor.SwitchTimeNs;
        _isRunning = true;
        _executor.NeedsAttention = true;
        Process.System.CurrentThread = this;
        if (_hasCpuTimers)
        {
            SetCpuAlarm();
        }

        try
        {
            RunGuest();
        }
        catch (Exception exception)
        {
            // A bug of ours must not take the machine down: the program whose call met it ends.
            FailWithKernelBug(exception);
        }

        Process.System.CurrentThread = null;
        _isRunning = false;
        if (_hasCpuTimers)
        {
            Process.System.CpuAlarm.Clear();
        }

        _executor.SwitchTimeNs = _executor.Clock.MonotonicNs;
        CountCpuTime(_executor.SwitchTimeNs);
    }

    /// <summary>The loop that every system call goes through. Returns when the thread leaves the CPU.</summary>
    private void RunGuest()
    {
        while (true)
        {
            if ((_executor.NeedsAttention || _work != ThreadWork.None) && !PrepareToRun())
            {
                return;
            }

            TrapKind kind = _cpu.Run(_context, _pageTable);
            if (kind == TrapKind.SystemCall)
            {
                _syscalls.Invoke(ref _context.Registers);
            }
            else if (!HandleTrap(kind))
            {
                return;
            }
        }
    }

    /// <summary>Does what is to be done before ring 3 is entered.</summary>
    /// <returns>False when the thread is to leave the CPU.</returns>
    private bool PrepareToRun()
    {
        if ((_work & ThreadWork.Parked) != 0 || HasEnded)
        {
            return false;
        }

        while (_work != ThreadWork.None)
        {
            if ((_work & ThreadWork.Exit) != 0)
            {
                End();
                return false;
            }

            if ((_work & ThreadWork.Stop) != 0)
            {
                // Continued, or ended, by Process.Continue.
                return false;
            }

            if ((_work & ThreadWork.Fetch) != 0)
            {
                _work &= ~ThreadWork.Fetch;
                if (!TryFinishFetch())
                {
                    return false;
                }

                continue;
            }

            if ((_work & ThreadWork.Repeat) != 0)
            {
                _work &= ~ThreadWork.Repeat;
                RepeatSystemCall();
                if ((_work & ThreadWork.Parked) != 0)
                {
                    return false;
                }

                continue;
            }

            DeliverSignals();
        }

        if (_mustYield)
        {
            _mustYield = false;
            _executor.Post(this);
            return false;
        }

        _executor.PrepareToRunGuest();
        return !_executor.IsStopping;
    }

    /// <summary>Takes the result of a system call that waited.</summary>
    private void OnSystemCallCompleted()
    {
        ValueTask<SysResult> call = _parkedCall;
        _parkedCall = default;
        _work &= ~ThreadWork.Parked;
        try
        {
            SysResult result = call.GetAwaiter().GetResult();
            if (result.Error == InternalErrno.MustWait)
            {
                _work |= ThreadWork.Repeat;
            }
            else
            {
                _context.Registers.Rax = (ulong)result.Value;
                NoteRestart(result);
                if (Process.AddressSpace.HasLack || Process.AddressSpace.Memory.HasWritesPutOff)
                {
                    _work |= ThreadWork.Fetch;
                }
            }
        }
        catch (Exception exception)
        {
            FailWithKernelBug(exception);
            return;
        }

        // This is the executor's own call of a continuation, and so the thread's turn.
        Run();
    }

    /// <summary>
    /// Serves a system call from its start again, now that what it lacked has been fetched (<see cref="InternalErrno.MustWait"/>).
    /// </summary>
    private void RepeatSystemCall()
    {
        ref GuestRegisters registers = ref _context.Registers;
        registers.Rax = registers.OrigRax;
        _syscalls.InvokeAgain(ref registers);
        NoteRestart(new SysResult((long)registers.Rax));
    }

    /// <summary>Handles what ended the guest's run other than a system call.</summary>
    /// <returns>False when the thread is to leave the CPU.</returns>
    private bool HandleTrap(TrapKind kind)
    {
        // Whatever RAX holds now is the program's: no system call to be restarted.
        _context.Registers.OrigRax = ulong.MaxValue;
        switch (kind)
        {
            case TrapKind.PageFault:
                HandlePageFault(_cpu.LastTrap);
                return true;
            case TrapKind.Exception:
                RaiseException(_cpu.LastTrap);
                return true;
            default:
                _executor.HandleInterrupt();
                return !TryPreempt();
        }
    }

    /// <summary>
    /// Tells whether a thread that was sent away lets others go first once more: until its credit is worth a turn, or nobody else is there.
    /// </summary>
    /// <remarks>A thread that slept has its credit: it may have waited for long, and takes its turn as any other.</remarks>
    private bool IsPassedOver()
    {
        _turnCredit += Math.Min(_weight, TurnWeight.Neutral);
        bool isPassedOver = _turnCredit < TurnWeight.Neutral && _executor.HasRunnable && _work == ThreadWork.None;
        _turnCredit = isPassedOver ? _turnCredit : Math.Max(_turnCredit, TurnWeight.Neutral);
        return isPassedOver;
    }

    /// <summary>Leaves the CPU to others when the time slice is used up.</summary>
    private bool TryPreempt()
    {
        if (!_executor.HasRunnable || _executor.TickCount - _tickAtSwitch < TurnWeight.GetTicks(_weight))
        {
            return false;
        }

        InvoluntarySwitchCount++;
        _turnCredit = Math.Max(0, _turnCredit - TurnWeight.Neutral);
        _executor.Post(this);
        return true;
    }

    /// <summary>Ends the thread: tells those who wait for it, and leaves its process.</summary>
    private void End()
    {
        HasEnded = true;
        _work = ThreadWork.None;
        _isRunning = false;
        CountCpuTime(_executor.Clock.MonotonicNs);
        _cpuClock?.CancelAll();
        ReleaseMemory();
        Files.Leave();
        Waiter.Release();
        _context.Dispose();
        Process.OnThreadEnded(this);
    }
}
