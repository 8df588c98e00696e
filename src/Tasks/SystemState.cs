using System.Diagnostics.CodeAnalysis;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Machine;
using Semitone.Memory;

namespace Semitone.Tasks;

/// <summary>What all processes of the machine share.</summary>
public sealed class SystemState
{
    private const int PidLimit = 32768;

    private byte[]? _extendedState;

    public SystemState(IMachine machine, Executor executor, KernelLog log, ISyscallEntryFactory syscalls)
    {
        Machine = machine;
        Executor = executor;
        Log = log;
        Syscalls = syscalls;
        Clock = new Timekeeper(machine.Clock);
    }

    public IMachine Machine { get; }

    public Executor Executor { get; }

    public KernelLog Log { get; }

    public Timekeeper Clock { get; }

    public ISyscallEntryFactory Syscalls { get; }

    /// <summary>All threads by their id. The first thread of a process keeps its number, which is the process's, until the process has been waited for.</summary>
    public IdTable<GuestThread> Threads { get; } = new(PidLimit);

    public FutexTable Futexes { get; } = new();

    /// <summary>The first process; the machine ends with it.</summary>
    public Process? Init { get; private set; }

    /// <summary>Processes that have not ended.</summary>
    public int ProcessCount { get; private set; }

    /// <summary>Finds a process.</summary>
    public bool TryGetProcess(int pid, [NotNullWhen(true)] out Process? process)
    {
        process = Threads.TryGet(pid, out GuestThread? thread) && thread.Process.Pid == pid ? thread.Process : null;
        return process is not null;
    }

    /// <summary>Makes a process with one thread that has not started.</summary>
    /// <returns>None, EAGAIN or ENOMEM; the address space is the caller's again then.</returns>
    public Errno TryCreateProcess(Process? parent, AddressSpace addressSpace, out Process? process)
    {
        ResourceLimits limits = parent?.Limits.Clone() ?? new ResourceLimits(Machine.Frames.TotalCount * Paging.PageSize);
        Process created = new(this, parent, addressSpace, limits);
        Errno error = created.TryCreateThread(out GuestThread? thread);
        if (error != Errno.None)
        {
            process = null;
            return error;
        }

        created.Pid = thread!.Tid;
        created.ProcessGroupId = parent?.ProcessGroupId ?? created.Pid;
        created.SessionId = parent?.SessionId ?? created.Pid;
        parent?.AddChild(created);
        Init ??= created;
        ProcessCount++;
        process = created;
        return Errno.None;
    }

    /// <summary>Runs until the first process has ended.</summary>
    public ExitStatus RunInit()
    {
        Process init = Init ?? throw new InvalidOperationException("There is no first process.");
        foreach (GuestThread thread in init.Threads)
        {
            thread.Start();
        }

        Executor.Run();
        return init.ExitStatus;
    }

    /// <summary>Ends the process that holds the most memory, because a fault found none left.</summary>
    internal void KillForMemory()
    {
        Process? largest = null;
        for (int id = 1; Threads.TryGetNext(id, out id, out GuestThread? thread); id++)
        {
            Process process = thread.Process;
            bool isCandidate = process.Pid == id && !process.IsExiting;
            if (isCandidate && (largest is null || process.AddressSpace.ResidentPageCount > largest.AddressSpace.ResidentPageCount))
            {
                largest = process;
            }
        }

        if (largest is not null)
        {
            long residentKib = largest.AddressSpace.ResidentPageCount * (Paging.PageSize / 1024);
            Log.Error($"out of memory: killed {largest.Name}[{largest.Pid}], which held {residentKib} KiB; try a larger memory size");
            largest.Kill(Signal.SIGKILL);
        }
    }

    /// <summary>The buffer in which floating-point states are put together; valid until the next call.</summary>
    /// <param name="stateSize">Bytes of the state; the buffer is a little larger.</param>
    internal Span<byte> GetExtendedStateBuffer(out int stateSize)
    {
        const int RoomForEndMark = 64;
        stateSize = Machine.CpuFeatures.ExtendedStateSize;
        _extendedState ??= new byte[stateSize + RoomForEndMark];
        return _extendedState;
    }

    internal void OnProcessEnded(Process process)
    {
        ProcessCount--;
        if (process == Init)
        {
            Executor.Stop();
        }
    }
}
