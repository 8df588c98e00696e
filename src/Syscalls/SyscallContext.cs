using System.Runtime.CompilerServices;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;
using Semitone.Machine;
using Semitone.Memory;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>The thread that makes a system call, with what belongs to it.</summary>
/// <remarks>One object per thread, used for all its calls.</remarks>
public sealed partial class SyscallContext : SyscallEntry
{
    private readonly SyscallDispatcher _dispatcher;
    private ValueTask<SysResult> _pending;
    private long _fetchBegan = long.MaxValue;

    public SyscallContext(SyscallDispatcher dispatcher, GuestThread thread)
    {
        _dispatcher = dispatcher;
        Thread = thread;
        Process = thread.Process;
    }

    /// <summary>The calling thread.</summary>
    public GuestThread Thread { get; }

    /// <summary>Its process.</summary>
    public Process Process { get; }

    /// <summary>The calling thread's number, as gettid(2) gives it.</summary>
    public int ThreadId => Thread.Tid;

    /// <summary>The memory of the calling process.</summary>
    public UserMemory Memory
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Process.AddressSpace.Memory;
    }

    /// <summary>The descriptors of the calling thread.</summary>
    public FileTable Files => Thread.Files;

    /// <summary>Root, working directory, umask and file-system credentials of the calling thread.</summary>
    public FileSystemContext FileSystem => Thread.FileSystem;

    /// <summary>What all processes share: clock, executor, log, file services (with the random generator), futexes.</summary>
    public SystemState System => Process.System;

    /// <summary>What the current call waits for, once it does.</summary>
    internal ref ValueTask<SysResult> Pending => ref _pending;

    /// <summary>True when the current call waits for a fetch that its walk met (<see cref="InternalErrno.MustWait"/>).</summary>
    internal bool IsFetching => _pending == default && FileSystem.IsFetching;

    /// <summary>Makes the change of a directory that the current call has begun, if it has, what the call waits for.</summary>
    internal void AwaitChange()
    {
        if (FileSystem.TryTakeChange(out PendingChange? change))
        {
            _pending = FinishAsync(change);
        }
    }

    /// <summary>Waits for the end of a change. Signals do not end this: nobody could say whether it was made.</summary>
    internal async ValueTask<Errno> WaitForAsync(PendingChange change)
    {
        while (!change.IsOver)
        {
            if (await Thread.Waiter.WaitAsync(change.Ends, mode: WaitMode.Killable) == WaitResult.Interrupted)
            {
                // The thread is to end: nobody hears the answer.
                return Errno.EINTR;
            }
        }

        return change.Result;
    }

    private async ValueTask<SysResult> FinishAsync(PendingChange change) => await WaitForAsync(change);

    /// <summary>Makes the current call wait: the result of the task goes to RAX when there is one.</summary>
    /// <returns>What the handler is to return: the result, where there is one already, or what stands for a call that waits.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public SysResult Wait(ValueTask<SysResult> task)
    {
        if (task.IsCompletedSuccessfully)
        {
            SysResult result = task.Result;
            Thread.NoteRestart(result);
            if (SyscallDispatcher.IsPending(result) && !FileSystem.IsFetching)
            {
                Thread.NoteRepeat();
            }

            return result;
        }

        _pending = task;
        return SyscallDispatcher.Pending;
    }

    /// <inheritdoc/>
    /// <remarks>Becomes a part of the run loop, its one caller.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public override void Invoke(ref GuestRegisters registers)
    {
        SysResult result = _dispatcher.Dispatch(this, ref registers);
        registers.Rax = (ulong)result.Value;
        if (SyscallDispatcher.IsPending(result))
        {
            Park();
        }
    }

    /// <summary>Answers a call that has a handler, but not for what it was asked.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public SysResult AnswerMissing()
    {
        _dispatcher.Missing.Count((uint)Thread.Registers.OrigRax);
        return Errno.ENOSYS;
    }

    /// <summary>Counts a call that has no handler.</summary>
    internal void CountMissing(uint number) => _dispatcher.Missing.Count(number);

    /// <inheritdoc/>
    public override void InvokeAgain(ref GuestRegisters registers)
    {
        FetchClock clock = System.Files.Fetches;
        clock.Resume(_fetchBegan);
        Invoke(ref registers);
        clock.Leave();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Park()
    {
        AwaitChange();
        ValueTask<SysResult> pending = _pending;
        _pending = default;

        if (!pending.IsCompleted)
        {
            Thread.Park(pending);
        }
        else if (pending != default && pending.IsCompletedSuccessfully)
        {
            // A change that was made at once.
            Thread.Registers.Rax = (ulong)pending.Result.Value;
        }
        else if (!pending.IsCompletedSuccessfully)
        {
            // The handler threw before it waited: that goes the way of all bugs.
            _ = pending.GetAwaiter().GetResult();
        }
        else if (FileSystem.TryTakeFetch(out Inode? inode))
        {
            ValueTask<SysResult> fetch = FetchAsync(inode);
            if (!fetch.IsCompleted)
            {
                Thread.Park(fetch);
            }

            // Otherwise the thread is to end, and the wait did not begin.
        }

        // Otherwise nothing waits: sigreturn has given the program back the very number that stands for a call that does.
    }

    /// <summary>
    /// Waits until what an inode has asked for is there. Signals do not end this: programs expect no EINTR where Linux has none.
    /// </summary>
    private async ValueTask<SysResult> FetchAsync(Inode inode)
    {
        _fetchBegan = FileSystem.FetchBegan;
        if (await Thread.Waiter.WaitAsync(inode.Fetches!, mode: WaitMode.Killable) == WaitResult.Interrupted)
        {
            inode.OnFetchAbandoned();
        }

        return InternalErrno.MustWait;
    }
}
