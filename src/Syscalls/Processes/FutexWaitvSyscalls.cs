using Semitone.Abi;
using Semitone.Core;
using Semitone.Memory;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>futex_waitv(2): waits at several words at once.</summary>
public static class FutexWaitvSyscalls
{
    private const uint MaxWords = 128;
    private const int WordSize = 24;

    [Syscall(449, "futex_waitv", Returns = Returns.Value, Missing = "words of other sizes than 4 bytes, as on Linux")]
    public static ValueTask<SysResult> WaitForAny(
        SyscallContext context,
        [Buffer(nameof(count))] UserPtr<FutexWaitv> words,
        uint count,
        uint flags,
        UserPtr<Timespec> timeout,
        ClockId clock)
    {
        if (flags != 0 || count is 0 or > MaxWords || words.IsNull)
        {
            return new(Errno.EINVAL);
        }

        long deadlineNs = long.MaxValue;
        bool isRealtime = clock == ClockId.CLOCK_REALTIME;
        if (!timeout.IsNull)
        {
            if (!isRealtime && clock != ClockId.CLOCK_MONOTONIC)
            {
                return new(Errno.EINVAL);
            }

            if (!context.Memory.TryRead(timeout, out Timespec time))
            {
                return new(Errno.EFAULT);
            }

            if (!time.IsValid)
            {
                return new(Errno.EINVAL);
            }

            deadlineNs = Deadline.FromAbsolute(context.System.Clock, time.ToNsSaturating(), isRealtime);
        }

        if (!KernelHeap.TryAllocate((int)count, WordSize, out FutexWaitv[]? wanted)
            || !FutexGroup.TryCreate(context.Thread, (int)count, out FutexGroup? group))
        {
            return new(Errno.ENOMEM);
        }

        if (!context.Memory.TryRead(words, wanted.AsSpan()))
        {
            return new(Errno.EFAULT);
        }

        Errno error = Check(wanted);
        if (error == Errno.None)
        {
            error = Enter(context, wanted, group!);
        }

        if (error == Errno.None)
        {
            return group!.WaitAsync(deadlineNs, isRealtime && !timeout.IsNull);
        }

        int woken = group!.Leave();
        return new(woken >= 0 ? woken : error);
    }

    private static Errno Check(ReadOnlySpan<FutexWaitv> words)
    {
        const Futex2Flags Known = Futex2Flags.FUTEX2_SIZE_MASK | Futex2Flags.FUTEX2_PRIVATE;
        foreach (FutexWaitv word in words)
        {
            bool isKnown = (word.flags & ~Known) == 0
                && (word.flags & Futex2Flags.FUTEX2_SIZE_MASK) == Futex2Flags.FUTEX2_SIZE_U32
                && word.__reserved == 0
                && word.val <= uint.MaxValue;
            if (!isKnown)
            {
                return Errno.EINVAL;
            }
        }

        return Errno.None;
    }

    /// <summary>Enters the lists of all words, and then reads the words: no wake is missed.</summary>
    private static Errno Enter(SyscallContext context, ReadOnlySpan<FutexWaitv> words, FutexGroup group)
    {
        UserMemory memory = context.Memory;
        foreach (FutexWaitv word in words)
        {
            if ((word.uaddr & 3) != 0)
            {
                return Errno.EINVAL;
            }

            bool isPrivate = (word.flags & Futex2Flags.FUTEX2_PRIVATE) != 0;
            if (!memory.TryLoad(word.uaddr, out _) || !memory.Space.TryGetFutexKey(word.uaddr, isPrivate, out FutexKey key))
            {
                return Errno.EFAULT;
            }

            group.Enter(key);
        }

        foreach (FutexWaitv word in words)
        {
            if (!memory.TryLoad(word.uaddr, out uint current))
            {
                return Errno.EFAULT;
            }

            if (current != (uint)word.val)
            {
                return Errno.EAGAIN;
            }
        }

        return Errno.None;
    }
}
