using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;

namespace Semitone.Syscalls;

/// <summary>The calls of epoll(7).</summary>
public static class EpollSyscalls
{
    /// <summary>Bytes of an <see cref="EpollEvent"/>, which has no padding.</summary>
    private const int EventSize = 12;

    private const int MaximumEvents = int.MaxValue / EventSize;
    private const long NsPerMillisecond = 1_000_000;

    private const EpollEvents AllowedWithExclusive =
        EpollEvents.EPOLLIN | EpollEvents.EPOLLOUT | EpollEvents.EPOLLERR | EpollEvents.EPOLLHUP
        | EpollEvents.EPOLLWAKEUP | EpollEvents.EPOLLET | EpollEvents.EPOLLEXCLUSIVE;

    [Syscall(213, "epoll_create", Returns = Returns.Fd)]
    public static SysResult Create(SyscallContext context, int size) => size <= 0 ? Errno.EINVAL : Create(context, EpollCreateFlags.None);

    [Syscall(291, "epoll_create1", Returns = Returns.Fd)]
    public static SysResult Create(SyscallContext context, EpollCreateFlags flags)
    {
        if ((flags & ~EpollCreateFlags.EPOLL_CLOEXEC) != 0)
        {
            return Errno.EINVAL;
        }

        return OpenSyscalls.Install(context, context.FileSystem.Mounts.Anonymous.CreateEpoll(), (OpenFlags)flags);
    }

    [Syscall(233, "epoll_ctl")]
    public static SysResult Control(SyscallContext context, Fd epollFd, EpollOperation operation, Fd fd, UserPtr<EpollEvent> change)
    {
        EpollEvent wanted = default;
        if (operation != EpollOperation.EPOLL_CTL_DEL && !context.Memory.TryRead(change, out wanted))
        {
            return Errno.EFAULT;
        }

        if (!context.Files.TryGet(epollFd, out OpenFile? instance, out Errno error)
            || !context.Files.TryGet(fd, out OpenFile? file, out error))
        {
            return error;
        }

        if (!file.IsPollable)
        {
            return Errno.EPERM;
        }

        if (instance is not OpenEpoll epoll || file == instance)
        {
            return Errno.EINVAL;
        }

        if ((wanted.events & EpollEvents.EPOLLEXCLUSIVE) != 0
            && (operation == EpollOperation.EPOLL_CTL_MOD || file is OpenEpoll || (wanted.events & ~AllowedWithExclusive) != 0))
        {
            return Errno.EINVAL;
        }

        return operation switch
        {
            EpollOperation.EPOLL_CTL_ADD => epoll.Add(fd, file, wanted.events, wanted.data),
            EpollOperation.EPOLL_CTL_MOD => epoll.Modify(fd, file, wanted.events, wanted.data),
            EpollOperation.EPOLL_CTL_DEL => epoll.Delete(fd, file),
            _ => Errno.EINVAL,
        };
    }

    [Syscall(232, "epoll_wait", Returns = Returns.Value)]
    public static ValueTask<SysResult> Wait(
        SyscallContext context, Fd epollFd, [Out, Buffer] UserPtr<EpollEvent> events, int capacity, int timeoutMs) =>
        Wait(context, epollFd, events, capacity, GetDeadline(context, timeoutMs));

    [Syscall(281, "epoll_pwait", Returns = Returns.Value)]
    public static ValueTask<SysResult> WaitWithMask(
        SyscallContext context,
        Fd epollFd,
        [Out, Buffer] UserPtr<EpollEvent> events,
        int capacity,
        int timeoutMs,
        UserPtr<SignalSet> mask,
        nuint maskSize)
    {
        Errno error = PollSyscalls.SetMask(context, mask, maskSize);
        return error != Errno.None ? new(error) : Wait(context, epollFd, events, capacity, GetDeadline(context, timeoutMs));
    }

    [Syscall(441, "epoll_pwait2", Returns = Returns.Value)]
    public static ValueTask<SysResult> WaitWithMaskAndTime(
        SyscallContext context,
        Fd epollFd,
        [Out, Buffer] UserPtr<EpollEvent> events,
        int capacity,
        UserPtr<Timespec> timeout,
        UserPtr<SignalSet> mask,
        nuint maskSize)
    {
        Errno error = PollSyscalls.ReadTimeout(context, timeout, out long deadlineNs);
        if (error == Errno.None)
        {
            error = PollSyscalls.SetMask(context, mask, maskSize);
        }

        return error != Errno.None ? new(error) : Wait(context, epollFd, events, capacity, deadlineNs);
    }

    private static long GetDeadline(SyscallContext context, int timeoutMs) => timeoutMs switch
    {
        < 0 => long.MaxValue,
        0 => 0,
        _ => Deadline.FromNow(context.System.Clock, timeoutMs * NsPerMillisecond),
    };

    private static ValueTask<SysResult> Wait(SyscallContext context, Fd epollFd, UserPtr<EpollEvent> events, int capacity, long deadlineNs)
    {
        if (capacity is <= 0 or > MaximumEvents)
        {
            return new(Errno.EINVAL);
        }

        if (!SyscallContext.IsInUserRange(events.Address, (nuint)capacity * EventSize))
        {
            return new(Errno.EFAULT);
        }

        if (!context.Files.TryGet(epollFd, out OpenFile? instance, out Errno error))
        {
            return new(error);
        }

        if (instance is not OpenEpoll epoll)
        {
            return new(Errno.EINVAL);
        }

        IoResult found = epoll.Report(context.Memory, events, capacity);
        bool isDone = found.Bytes != 0 || found.Error != Errno.None || deadlineNs == 0;
        return isDone ? new(found.ToSysResult()) : WaitAsync(context, epoll, events, capacity, deadlineNs);
    }

    private static async ValueTask<SysResult> WaitAsync(
        SyscallContext context, OpenEpoll epoll, UserPtr<EpollEvent> events, int capacity, long deadlineNs)
    {
        Waiter waiter = context.Thread.Waiter;
        epoll.AddReference();
        try
        {
            while (true)
            {
                epoll.Enlist(waiter, PollEvents.POLLIN);
                IoResult found = epoll.Report(context.Memory, events, capacity);
                if (found.Bytes != 0 || found.Error != Errno.None)
                {
                    waiter.Cancel();
                    return found.ToSysResult();
                }

                switch (await waiter.WaitAsync(deadlineNs))
                {
                    case WaitResult.Interrupted:
                        // Never restarted, whatever the handler asks for (signal(7)).
                        return Errno.EINTR;
                    case WaitResult.TimedOut:
                        return epoll.Report(context.Memory, events, capacity).ToSysResult();
                    default:
                        break;
                }
            }
        }
        finally
        {
            epoll.Release();
        }
    }
}
