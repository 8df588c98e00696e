using System.Diagnostics.CodeAnalysis;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;
using Semitone.Memory;

namespace Semitone.Tasks;

/// <summary>The part of a process that has to do with fork(2), vfork(2) and clone(2).</summary>
public sealed partial class Process
{
    /// <summary>What a process is made of besides its memory and its descriptors, nearly.</summary>
    private const int HeapPerProcess = 8 << 10;

    /// <summary>What it sends its parent when it ends; None for nothing (clone(2), "the child termination signal").</summary>
    public Signal ExitSignal { get; private set; } = Signal.SIGCHLD;

    /// <summary>Makes a child process with one thread, which is at the place where its maker is.</summary>
    /// <param name="maker">The thread that calls.</param>
    /// <param name="flags">What the child shares with the maker, and how it is to be (clone(2)); not CLONE_THREAD.</param>
    /// <param name="exitSignal">See <see cref="ExitSignal"/>.</param>
    /// <param name="wantedPid">The child's number (clone3(2), set_tid); 0 for any.</param>
    /// <param name="thread">The child's thread, not started.</param>
    /// <returns>None; EAGAIN, ENOMEM or EEXIST, and nothing has changed.</returns>
    public Errno TryFork(GuestThread maker, CloneFlags flags, Signal exitSignal, int wantedPid, out GuestThread? thread)
    {
        thread = null;
        Process? parent = (flags & CloneFlags.CLONE_PARENT) != 0 ? Parent : this;
        int vmaBytes = (flags & CloneFlags.CLONE_VM) == 0 ? AddressSpace.VmaCount * AddressSpace.HeapPerVma : 0;
        if (!KernelHeap.HasRoom(HeapPerProcess + vmaBytes)
            || (parent is not null && !KernelHeap.TryReserve(parent._children, IntPtr.Size)))
        {
            return Errno.ENOMEM;
        }

        FileTable? files = null;
        AddressSpace? memory = null;
        Process? child = null;
        Errno error = Errno.ENOMEM;
        try
        {
            if (TryShareFiles(maker, flags, out files)
                && TryShareMemory(flags, out memory)
                && (child = MakeChild(parent, memory, flags)).RealTimer.TryReserve())
            {
                FileSystemContext fileSystem = maker.FileSystem.Clone((flags & CloneFlags.CLONE_FS) != 0);
                WaitQueue? memoryLeavings = (flags & CloneFlags.CLONE_VFORK) != 0 ? new WaitQueue() : null;

                // The last thing that may fail: the number is taken from here on.
                error = child.TryCreateThread(files, fileSystem, maker.Credentials, wantedPid, out thread);
                thread?.MemoryLeavings = memoryLeavings;
            }
        }
        catch (OutOfMemoryException)
        {
            error = Errno.ENOMEM;
        }

        if (error != Errno.None)
        {
            // Nobody has seen any of it.
            files?.Leave();
            child?.StopTimers();
            child?.Handlers.Leave();
            child?.LeaveSemaphores();
            (child?.Program.Executable as ProgramFile)?.Inode.EndExecution();
            memory?.Leave();
            return error;
        }

        child!.Pid = thread!.Tid;
        child.ExitSignal = (flags & CloneFlags.CLONE_PARENT) != 0 ? ExitSignal : exitSignal;
        child.Maker = (flags & CloneFlags.CLONE_PARENT) != 0 ? Maker : maker;
        thread.InheritFrom(maker);
        bool isOnMakersStack = (flags & CloneFlags.CLONE_VM) == 0 || (flags & CloneFlags.CLONE_VFORK) != 0;
        if (isOnMakersStack)
        {
            // Another stack in the same memory has no use for the alternate one of this (sigaltstack(2), "Notes").
            thread.AlternateStack = maker.AlternateStack;
        }

        child.ApplyLimits();
        parent?._children.Add(child);
        System.OnProcessMade();
        return Errno.None;
    }

    private bool TryShareMemory(CloneFlags flags, [NotNullWhen(true)] out AddressSpace? memory)
    {
        if ((flags & CloneFlags.CLONE_VM) == 0)
        {
            return AddressSpace.TryClone(out memory);
        }

        memory = AddressSpace;
        memory.Share();
        return true;
    }

    /// <summary>Makes a process without threads that is as this one in all that fork(2) hands on.</summary>
    private Process MakeChild(Process? parent, AddressSpace memory, CloneFlags flags)
    {
        Process child = new(System, parent, Program, memory, Limits.Clone())
        {
            ProcessGroupId = ProcessGroupId,
            SessionId = SessionId,
            ControllingTerminal = ControllingTerminal,
            Dumpable = Dumpable,
            HasHugePagesDisabled = HasHugePagesDisabled,
            MachineCheckPolicy = MachineCheckPolicy,
            RegisteredBarriers = RegisteredBarriers,
            Persona = Persona,
            OomAdjustment = OomAdjustment,
            CoreDumpFilter = CoreDumpFilter,
            _lowestOomAdjustment = _lowestOomAdjustment,
        };
        if ((flags & CloneFlags.CLONE_SYSVSEM) != 0)
        {
            child._semaphoreUndos = SemaphoreUndos;
            child._semaphoreUndos.Share();
        }

        if ((flags & CloneFlags.CLONE_SIGHAND) != 0)
        {
            child.Handlers = Handlers;
            Handlers.Share();
            return child;
        }

        child.Handlers.CopyFrom(Handlers);
        if ((flags & CloneFlags.CLONE_CLEAR_SIGHAND) != 0)
        {
            child.Handlers.ResetForExec();
        }

        return child;
    }
}
