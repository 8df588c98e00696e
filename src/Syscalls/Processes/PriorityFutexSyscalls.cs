using Semitone.Abi;
using Semitone.Memory;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>The operations of futex(2) on locks with priority inheritance.</summary>
internal static class PriorityFutexSyscalls
{
    public static SysResult Lock(SyscallContext context, ulong address, ulong timeout, bool isRealtime, bool isPrivate)
    {
        Errno error = FutexSyscalls.ReadDeadline(context, timeout, isAbsolute: true, isRealtime, out long deadlineNs);
        if (error == Errno.None)
        {
            error = FindKey(context, address, isPrivate, out FutexKey key);
            if (error == Errno.None)
            {
                PriorityFutexTable locks = context.System.PriorityFutexes;
                error = locks.TryLock(context.Thread, address, key, out bool mustWait);
                bool followsRealtime = isRealtime && timeout != 0;
                return error != Errno.None || !mustWait
                    ? error
                    : context.Wait(locks.WaitAsync(context.Thread, address, key, deadlineNs, followsRealtime));
            }
        }

        return error;
    }

    public static SysResult TryLock(SyscallContext context, ulong address, bool isPrivate)
    {
        Errno error = FindKey(context, address, isPrivate, out FutexKey key);
        if (error != Errno.None)
        {
            return error;
        }

        error = context.System.PriorityFutexes.TryLock(context.Thread, address, key, out bool mustWait);
        return error != Errno.None ? error : mustWait ? Errno.EAGAIN : SysResult.Success;
    }

    public static SysResult Unlock(SyscallContext context, ulong address, bool isPrivate)
    {
        if (!context.Memory.TryLoad(address, out uint word))
        {
            return (address & 3) != 0 ? Errno.EINVAL : Errno.EFAULT;
        }

        if ((word & FutexWord.FUTEX_TID_MASK) != (uint)context.ThreadId)
        {
            return Errno.EPERM;
        }

        Errno error = FindKey(context, address, isPrivate, out FutexKey key);
        return error != Errno.None ? error : context.System.PriorityFutexes.Unlock(context.Thread, address, key);
    }

    private static Errno FindKey(SyscallContext context, ulong address, bool isPrivate, out FutexKey key)
    {
        key = default;
        if ((address & 3) != 0)
        {
            return Errno.EINVAL;
        }

        // Brings the page in before its key is made: a shared page belongs to an object.
        return context.Memory.TryLoad(address, out _) && context.Memory.Space.TryGetFutexKey(address, isPrivate, out key, isChanged: true)
            ? Errno.None
            : Errno.EFAULT;
    }
}
