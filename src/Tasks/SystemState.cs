using System.Diagnostics.CodeAnalysis;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;
using Semitone.Loader;
using Semitone.Machine;
using Semitone.Memory;
using Semitone.Sockets;

namespace Semitone.Tasks;

/// <summary>What all processes of the machine share.</summary>
public sealed partial class SystemState : IClockListener
{
    /// <summary>One more than the greatest number of a process or thread (kernel.pid_max).</summary>
    public const int PidLimit = 32768;

    /// <summary>A thread with its stacks and what it touches of them, nearly.</summary>
    private const long BytesPerThread = 24 << 10;

    private const long LeastThreadLimit = 64;

    private byte[]? _extendedState;
    private SocketSystem? _sockets;
    private MqueueFileSystem? _messageQueues;

    /// <summary>Who was last ended because memory had run out, and when.</summary>
    private Process? _victim;
    private long _victimSinceNs;

    public SystemState(SystemParts parts)
    {
        Machine = parts.Machine;
        Executor = parts.Executor;
        Log = parts.Log;
        Syscalls = parts.Syscalls;
        Clock = parts.Files.Clock;
        Frames = parts.Files.Frames;
        Files = parts.Files;
        Files.Caller = this;
        Files.Log = new SystemLog(Log);
        FileSignals = new FileSignalSender(this);
        Files.SignalSender = FileSignals;
        TimerClock = new MonotonicTimerClock(Executor, Clock);
        CpuAlarm = new CpuAlarm(Executor.Timers);
        Loader = parts.Loader;
        Vdso = parts.Vdso;
        WhenMemoryRunsOut = KillForMemory;
        WhenPageIsLacking = NoteLack;
        Clock.Listener = this;
        ThreadLimit = (int)Math.Clamp(Machine.Frames.TotalCount * Paging.PageSize / BytesPerThread, LeastThreadLimit, PidLimit);
    }

    public IMachine Machine { get; }

    public Executor Executor { get; }

    public KernelLog Log { get; }

    public Timekeeper Clock { get; }

    /// <summary>The monotonic clock with its timers.</summary>
    public TimerClock TimerClock { get; }

    /// <summary>The timers of timerfd_create(2) that are given up when the time of day is set.</summary>
    internal TimerFileList CancellableTimers { get; } = new();

    /// <summary>The timer that looks after those on CPU time.</summary>
    internal CpuAlarm CpuAlarm { get; }

    public FramePool Frames { get; }

    public FileServices Files { get; }

    /// <summary>What sends the signals of files.</summary>
    public FileSignalSender FileSignals { get; }

    public ProgramLoader Loader { get; }

    public Vdso Vdso { get; }

    public ISyscallEntryFactory Syscalls { get; }

    /// <summary>What uname(2) calls this machine; at most 64 bytes.</summary>
    public byte[] HostName { get; set; } = "semitone"u8.ToArray();

    /// <summary>The NIS domain of uname(2); at most 64 bytes.</summary>
    public byte[] DomainName { get; set; } = "(none)"u8.ToArray();

    /// <summary>
    /// All threads by their id. The first thread of a process keeps its number, which is the process's, until the process has been waited
    /// for.
    /// </summary>
    public IdTable<GuestThread> Threads { get; } = new(PidLimit);

    /// <summary>Threads that there may be at once (kernel.threads-max): as many as leave the memory room for what they do.</summary>
    public int ThreadLimit { get; }

    public FutexTable Futexes { get; } = new();

    /// <summary>The sockets; made when the first program asks for one.</summary>
    public SocketSystem Sockets => _sockets ??= new SocketSystem(Files, Executor, () => CurrentThread?.SocketCaller);

    /// <summary>Those with priority inheritance.</summary>
    public PriorityFutexTable PriorityFutexes { get; } = new();

    /// <summary>The POSIX message queues; there is a first process.</summary>
    public MqueueFileSystem MessageQueues =>
        _messageQueues ??= new MqueueFileSystem(this, Init!.FileSystem.Mounts.NextDeviceMinor());

    /// <summary>The objects of System V IPC.</summary>
    public IpcSystem Ipc { get; } = new();

    /// <summary>Programs get random addresses; what the first one was given holds for all that follow.</summary>
    public bool RandomizesAddresses { get; private set; } = true;

    /// <summary>The first process; the machine ends with it.</summary>
    public Process? Init { get; private set; }

    /// <summary>Who has the first process as a job; null when nobody has.</summary>
    public IHostJobControl? HostJobControl { get; set; }

    /// <summary>The terminal that the first process gets as its controlling terminal; null for none.</summary>
    public Terminal? Terminal { get; set; }

    /// <summary>The thread that has the CPU; null while none has.</summary>
    public GuestThread? CurrentThread { get; internal set; }

    /// <summary>The thread whose call goes on after a wait; it has not got the CPU yet.</summary>
    internal GuestThread? ResumingThread { get; set; }

    /// <summary>The thread that makes the call which is being served; null for the kernel itself.</summary>
    public GuestThread? CallingThread => CurrentThread ?? ResumingThread;

    /// <summary>Processes that have not ended.</summary>
    public int ProcessCount { get; private set; }

    /// <summary>Finds a process.</summary>
    public bool TryGetProcess(int pid, [NotNullWhen(true)] out Process? process)
    {
        process = Threads.TryGet(pid, out GuestThread? thread) && thread.Process.Pid == pid ? thread.Process : null;
        return process is not null;
    }

    /// <summary>Makes the first process: loads its program, and leaves its one thread ready to start.</summary>
    /// <param name="files">Root, working directory and umask.</param>
    /// <param name="descriptors">The descriptors, with those of the standard streams open.</param>
    /// <param name="failure">What went wrong with the program, when it was that.</param>
    /// <returns>None, what execve(2) answers, or ENOMEM.</returns>
    public Errno CreateInit(
        InitialProgram initial, FileSystemContext files, FileTable descriptors, out Process? process, out LoadFailure failure)
    {
        process = null;
        RandomizesAddresses = initial.Randomize;
        ResourceLimits limits = new(Machine.Frames.TotalCount * Paging.PageSize);
        ExecRequest request = new()
        {
            Path = initial.Path,
            Arguments = initial.Arguments,
            Environment = initial.Environment,
            StackLimit = limits[RlimitResource.RLIMIT_STACK].rlim_cur,
            Randomize = RandomizesAddresses,
        };
        Errno error = Loader.Load(request, new ProgramLookup(files, initial.Credentials), out LoadedProgram? program, out failure);
        if (failure.Lacking is ProgramFile lacking && error == InternalErrno.MustWait)
        {
            files.NoteFetch(lacking.Inode);
        }

        if (error != Errno.None)
        {
            return error;
        }

        Process created = new(this, null, program!, program!.Space, limits);
        GuestThread? thread = null;
        error = created.RealTimer.TryReserve()
            ? created.TryCreateThread(descriptors, files, initial.Credentials, wantedTid: 0, out thread)
            : Errno.ENOMEM;
        if (error != Errno.None)
        {
            created.RealTimer.Release();
            program.Space.Dispose();
            return error;
        }

        created.Pid = thread!.Tid;
        created.ProcessGroupId = created.Pid;
        created.SessionId = created.Pid;
        created.ApplyLimits();
        files.Credentials = initial.Credentials.ToFileCredentials();
        created.ControllingTerminal = Terminal;
        thread.BeginProgram(program);
        Init = created;
        OnProcessMade();
        process = created;
        return Errno.None;
    }

    /// <summary>Runs until the first process has ended.</summary>
    /// <returns>How it ended.</returns>
    public ExitStatus RunInit()
    {
        Process init = Init ?? throw new InvalidOperationException("There is no first process.");
        init.Threads[0].Start();
        Executor.Run();
        return init.ExitStatus;
    }

    void IClockListener.OnRateChanged()
    {
        Vdso.UpdateScale();
        Executor.ForgetAlarm();
    }

    /// <summary>Tells programs that read the time of day without a system call, and moves the timers that wait for one.</summary>
    void IClockListener.OnRealtimeSet(long forwardNs)
    {
        Vdso.SetRealtimeOffset(Clock.RealtimeOffsetNs, Clock.IsAwaited);
        Executor.Timers.ShiftRealtime(forwardNs);
        if (forwardNs != 0)
        {
            CancellableTimers.OnClockSet();
        }
    }

    /// <summary><see cref="KillForMemory"/>, made once: execve(2) must not fail in the middle.</summary>
    internal Action WhenMemoryRunsOut { get; }

    /// <summary><see cref="NoteLack"/>, made once.</summary>
    internal Action WhenPageIsLacking { get; }

    /// <summary>
    /// Takes note that the thread which runs has come to a page that must be fetched. A call that waited looks by itself when it is over.
    /// </summary>
    private void NoteLack() => CurrentThread?.NoteLack();

    /// <summary>Ends the process that holds the most memory, because a fault found none left.</summary>
    internal void KillForMemory()
    {
        const long PatienceNs = 1_000_000_000;
        if (Files.Frames.TryReclaim(unmaps: true))
        {
            // What programs have mapped of files outside is fetched again.
            return;
        }

        if (_victim is { HasEnded: false } && Clock.MonotonicNs - _victimSinceNs < PatienceNs)
        {
            // One is about to leave its memory.
            return;
        }

        Process? largest = null;
        for (int id = 1; Threads.TryGetNext(id, out id, out GuestThread? thread); id++)
        {
            Process process = thread.Process;
            bool isCandidate = process.Pid == id && !process.IsExiting;
            if (isCandidate && (largest is null || IsChosenBefore(process, largest)))
            {
                largest = process;
            }
        }

        if (largest is not null)
        {
            long residentKib = largest.AddressSpace.ResidentPageCount * (Paging.PageSize / 1024);
            Log.Error($"out of memory: killed {largest.Name}[{largest.Pid}], which held {residentKib} KiB; try a larger memory size");
            _victim = largest;
            _victimSinceNs = Clock.MonotonicNs;
            KillAllIn(largest.AddressSpace);
        }
    }

    /// <summary>Ends every process that lives in a memory: as long as one is left, none of it is free.</summary>
    private void KillAllIn(AddressSpace memory)
    {
        for (int id = 1; Threads.TryGetNext(id, out id, out GuestThread? thread); id++)
        {
            if (thread.Process.Pid == id && !thread.Process.IsExiting && thread.Process.AddressSpace == memory)
            {
                thread.Process.Kill(Signal.SIGKILL);
            }
        }
    }

    /// <summary>
    /// Tells who of two is ended first when memory has run out. One that asked never to be is chosen where there is nobody else.
    /// </summary>
    /// <remarks>Among equals the youngest goes; and the first process, whose end is the machine's, counts for three quarters.</remarks>
    private bool IsChosenBefore(Process process, Process other)
    {
        bool isSpared = process.OomAdjustment == Process.LeastOomAdjustment;
        bool isOtherSpared = other.OomAdjustment == Process.LeastOomAdjustment;
        return isSpared == isOtherSpared ? GetPoints(process) >= GetPoints(other) : isOtherSpared;
    }

    private long GetPoints(Process process) => process == Init ? process.OomPoints * 3 / 4 : process.OomPoints;

    /// <summary>The buffer in which floating-point states are put together; valid until the next call.</summary>
    /// <param name="stateSize">Bytes of the state; the buffer is a little larger.</param>
    internal Span<byte> GetExtendedStateBuffer(out int stateSize)
    {
        const int RoomForEndMark = 64;
        stateSize = Machine.CpuFeatures.ExtendedStateSize;
        _extendedState ??= new byte[stateSize + RoomForEndMark];
        return _extendedState;
    }

    internal void OnProcessMade() => ProcessCount++;

    internal void OnProcessEnded(Process process)
    {
        ProcessCount--;
        if (process == Init)
        {
            Executor.Stop();
        }
    }
}
