using System.Runtime.CompilerServices;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Memory;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>futex(2) and the lists of robust futexes.</summary>
public static class FutexSyscalls
{
    private const uint OperationShiftFlag = 8;

    [Syscall(202, "futex", Returns = Returns.Value, Missing = "FUTEX_WAIT_REQUEUE_PI, FUTEX_CMP_REQUEUE_PI")]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SysResult Futex(
        SyscallContext context,
        [Trace(TraceFormat.Address)] ulong address,
        FutexOperation operation,
        uint value,
        [Trace(TraceFormat.Hex)] ulong timeoutOrCount,
        [Trace(TraceFormat.Address)] ulong address2,
        [Trace(TraceFormat.Hex)] uint value3)
    {
        // What programs ask most of all: to wake whoever waits at a word of their own, where nobody does.
        const FutexOperation Usual = FutexOperation.FUTEX_WAKE | FutexOperation.FUTEX_PRIVATE_FLAG;
        if (operation == Usual && (address & 3) == 0 && address < Paging.UserEnd && !context.System.Futexes.MayHaveWaiters(address))
        {
            return 0;
        }

        return Serve(context, address, operation, value, timeoutOrCount, address2, value3);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static SysResult Serve(
        SyscallContext context, ulong address, FutexOperation operation, uint value, ulong timeoutOrCount, ulong address2, uint value3)
    {
        FutexOperation command = operation & FutexOperation.CommandMask;
        bool isRealtime = (operation & FutexOperation.FUTEX_CLOCK_REALTIME) != 0;
        if (isRealtime && command is not (FutexOperation.FUTEX_WAIT_BITSET or FutexOperation.FUTEX_LOCK_PI2))
        {
            return Errno.ENOSYS;
        }

        bool isPrivate = (operation & FutexOperation.FUTEX_PRIVATE_FLAG) != 0;
        switch (command)
        {
            case FutexOperation.FUTEX_WAIT:
                value3 = FutexWord.FUTEX_BITSET_MATCH_ANY;
                goto case FutexOperation.FUTEX_WAIT_BITSET;
            case FutexOperation.FUTEX_WAIT_BITSET:
                bool isAbsolute = command == FutexOperation.FUTEX_WAIT_BITSET;
                Errno error = ReadDeadline(context, timeoutOrCount, isAbsolute, isRealtime, out long deadlineNs);
                return error != Errno.None
                    ? error
                    : context.Wait(WaitAsync(context, address, value, value3, deadlineNs, isPrivate, isAbsolute && isRealtime));
            case FutexOperation.FUTEX_WAKE:
                value3 = FutexWord.FUTEX_BITSET_MATCH_ANY;
                goto case FutexOperation.FUTEX_WAKE_BITSET;
            case FutexOperation.FUTEX_WAKE_BITSET:
                return Wake(context, address, unchecked((int)value), value3, isPrivate);
            case FutexOperation.FUTEX_REQUEUE:
                return Requeue(context, address, address2, unchecked((int)value), unchecked((int)timeoutOrCount), null, isPrivate);
            case FutexOperation.FUTEX_CMP_REQUEUE:
                return Requeue(context, address, address2, unchecked((int)value), unchecked((int)timeoutOrCount), value3, isPrivate);
            case FutexOperation.FUTEX_WAKE_OP:
                return WakeOperation(context, address, address2, unchecked((int)value), unchecked((int)timeoutOrCount), value3, isPrivate);
            case FutexOperation.FUTEX_LOCK_PI:
                return PriorityFutexSyscalls.Lock(context, address, timeoutOrCount, isRealtime: true, isPrivate);
            case FutexOperation.FUTEX_LOCK_PI2:
                return PriorityFutexSyscalls.Lock(context, address, timeoutOrCount, isRealtime, isPrivate);
            case FutexOperation.FUTEX_TRYLOCK_PI:
                return PriorityFutexSyscalls.TryLock(context, address, isPrivate);
            case FutexOperation.FUTEX_UNLOCK_PI:
                return PriorityFutexSyscalls.Unlock(context, address, isPrivate);
            case FutexOperation.FUTEX_WAIT_REQUEUE_PI:
            case FutexOperation.FUTEX_CMP_REQUEUE_PI:
                return context.AnswerMissing();
            default:
                return Errno.ENOSYS;
        }
    }

    [Syscall(273, "set_robust_list")]
    public static SysResult SetRobustList(SyscallContext context, [Trace(TraceFormat.Address)] ulong head, nuint size)
    {
        const int HeadSize = 24;
        if (size != HeadSize)
        {
            return Errno.EINVAL;
        }

        context.Thread.RobustListHead = head;
        return SysResult.Success;
    }

    [Syscall(274, "get_robust_list")]
    public static SysResult GetRobustList(
        SyscallContext context, [Trace(TraceFormat.Pid)] int tid, [Out] UserPtr<ulong> head, [Out] UserPtr<ulong> size)
    {
        const ulong HeadSize = 24;
        GuestThread? thread = context.Thread;
        if (tid != 0 && !context.System.Threads.TryGet(tid, out thread))
        {
            return Errno.ESRCH;
        }

        bool isWritten = context.Memory.TryWrite(size, HeadSize) && context.Memory.TryWrite(head, thread!.RobustListHead);
        return isWritten ? SysResult.Success : Errno.EFAULT;
    }

    /// <summary>Waits until a wake, when the word still has the expected value.</summary>
    internal static ValueTask<SysResult> WaitAsync(
        SyscallContext context, ulong address, uint expected, uint bitSet, long deadlineNs, bool isPrivate, bool followsRealtime)
    {
        if ((address & 3) != 0 || bitSet == 0)
        {
            return new ValueTask<SysResult>(Errno.EINVAL);
        }

        UserMemory memory = context.Memory;

        // Brings the page in before its key is made: a shared page belongs to an object.
        if (!memory.TryLoad(address, out uint current))
        {
            return new ValueTask<SysResult>(Errno.EFAULT);
        }

        if (!memory.Space.TryGetFutexKey(address, isPrivate, out FutexKey key))
        {
            return new ValueTask<SysResult>(Errno.EFAULT);
        }

        if (current != expected)
        {
            return new ValueTask<SysResult>(Errno.EAGAIN);
        }

        FutexTable futexes = context.System.Futexes;
        futexes.Enter(context.Thread, key, bitSet);
        if (!memory.TryLoad(address, out current) || current != expected)
        {
            bool wasWoken = !futexes.Leave(context.Thread);
            context.Thread.Waiter.Cancel();
            return new ValueTask<SysResult>(wasWoken ? SysResult.Success : Errno.EAGAIN);
        }

        RestartBlock restart = new(RestartKind.Futex, deadlineNs, address, expected, bitSet, isPrivate, followsRealtime);
        return FutexTable.WaitAsync(context.Thread, in restart);
    }

    private static SysResult Wake(SyscallContext context, ulong address, int count, uint bitSet, bool isPrivate)
    {
        if ((address & 3) != 0 || bitSet == 0)
        {
            return Errno.EINVAL;
        }

        if (!context.Memory.Space.TryGetFutexKey(address, isPrivate, out FutexKey key))
        {
            return Errno.EFAULT;
        }

        // A count of 0 or less wakes one: Linux counts after it has woken.
        return context.System.Futexes.Wake(key, Math.Max(count, 1), bitSet);
    }

    private static SysResult Requeue(
        SyscallContext context, ulong from, ulong to, int wakeCount, int moveCount, uint? expected, bool isPrivate)
    {
        if (wakeCount < 0 || moveCount < 0 || ((from | to) & 3) != 0)
        {
            return Errno.EINVAL;
        }

        AddressSpace space = context.Memory.Space;
        if (!space.TryGetFutexKey(from, isPrivate, out FutexKey fromKey)
            || !space.TryGetFutexKey(to, isPrivate, out FutexKey toKey, isChanged: true))
        {
            return Errno.EFAULT;
        }

        if (expected is not null)
        {
            if (!context.Memory.TryLoad(from, out uint current))
            {
                return Errno.EFAULT;
            }

            if (current != expected)
            {
                return Errno.EAGAIN;
            }
        }

        (int woken, int moved) = context.System.Futexes.Requeue(fromKey, toKey, wakeCount, moveCount);

        // The sum, for FUTEX_REQUEUE too: so Linux has it, whatever futex(2) says.
        return woken + moved;
    }

    /// <summary>
    /// Changes the second word, wakes at the first, and at the second too when its old value compares as asked (futex(2), "FUTEX_WAKE_OP").
    /// </summary>
    private static SysResult WakeOperation(
        SyscallContext context, ulong address, ulong address2, int count, int count2, uint encoded, bool isPrivate)
    {
        if (((address | address2) & 3) != 0)
        {
            return Errno.EINVAL;
        }

        UserMemory memory = context.Memory;
        if (!memory.Space.TryGetFutexKey(address, isPrivate, out FutexKey key)
            || !memory.Space.TryGetFutexKey(address2, isPrivate, out FutexKey key2, isChanged: true))
        {
            return Errno.EFAULT;
        }

        uint operation = (encoded >> 28) & 0xF;
        uint comparison = (encoded >> 24) & 0xF;
        int operand = SignExtend12(encoded >> 12);
        int comparand = SignExtend12(encoded);
        if ((operation & OperationShiftFlag) != 0)
        {
            operand = 1 << (operand & 31);
            operation &= ~OperationShiftFlag;
        }

        if (operation > 4 || comparison > 5)
        {
            return Errno.ENOSYS;
        }

        if (!memory.TryLoad(address2, out uint old))
        {
            return Errno.EFAULT;
        }

        while (true)
        {
            uint argument = unchecked((uint)operand);
            uint desired = operation switch
            {
                0 => argument,
                1 => unchecked(old + argument),
                2 => old | argument,
                3 => old & ~argument,
                _ => old ^ argument,
            };
            if (!memory.TryCompareExchange(address2, old, desired, out uint observed))
            {
                return Errno.EFAULT;
            }

            if (observed == old)
            {
                break;
            }

            old = observed;
        }

        int signed = unchecked((int)old);
        bool holds = comparison switch
        {
            0 => signed == comparand,
            1 => signed != comparand,
            2 => signed < comparand,
            3 => signed <= comparand,
            4 => signed > comparand,
            _ => signed >= comparand,
        };
        FutexTable futexes = context.System.Futexes;
        int woken = futexes.Wake(key, Math.Max(count, 1));
        if (holds)
        {
            woken += futexes.Wake(key2, Math.Max(count2, 1));
        }

        return woken;
    }

    private static int SignExtend12(uint value) => unchecked((int)(value << 20)) >> 20;

    internal static Errno ReadDeadline(SyscallContext context, ulong address, bool isAbsolute, bool isRealtime, out long deadlineNs)
    {
        deadlineNs = long.MaxValue;
        if (address == 0)
        {
            return Errno.None;
        }

        if (!context.Memory.TryRead(new UserPtr<Timespec>(address), out Timespec time))
        {
            return Errno.EFAULT;
        }

        if (!time.IsValid)
        {
            return Errno.EINVAL;
        }

        deadlineNs = isAbsolute
            ? Deadline.FromAbsolute(context.System.Clock, time.ToNsSaturating(), isRealtime)
            : Deadline.FromNow(context.System.Clock, time.ToNsSaturating());
        return Errno.None;
    }
}
