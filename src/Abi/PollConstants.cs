namespace Semitone.Abi;

/// <summary>What a file is ready for (poll(2)).</summary>
[Flags]
public enum PollEvents : ushort
{
    None = 0,
    POLLIN = 0x1,
    POLLPRI = 0x2,
    POLLOUT = 0x4,
    POLLERR = 0x8,
    POLLHUP = 0x10,
    POLLNVAL = 0x20,
    POLLRDNORM = 0x40,
    POLLRDBAND = 0x80,
    POLLWRNORM = 0x100,
    POLLWRBAND = 0x200,
    POLLMSG = 0x400,
    POLLRDHUP = 0x2000,
}

/// <summary>What an epoll instance watches for (epoll_ctl(2)).</summary>
[Flags]
public enum EpollEvents : uint
{
    None = 0,
    EPOLLIN = 0x1,
    EPOLLPRI = 0x2,
    EPOLLOUT = 0x4,
    EPOLLERR = 0x8,
    EPOLLHUP = 0x10,
    EPOLLRDNORM = 0x40,
    EPOLLRDBAND = 0x80,
    EPOLLWRNORM = 0x100,
    EPOLLWRBAND = 0x200,
    EPOLLMSG = 0x400,
    EPOLLRDHUP = 0x2000,
    EPOLLEXCLUSIVE = 0x1000_0000,
    EPOLLWAKEUP = 0x2000_0000,
    EPOLLONESHOT = 0x4000_0000,
    EPOLLET = 0x8000_0000,
}

/// <summary>Operations of epoll_ctl(2).</summary>
public enum EpollOperation : uint
{
    EPOLL_CTL_ADD = 1,
    EPOLL_CTL_DEL = 2,
    EPOLL_CTL_MOD = 3,
}

/// <summary>Flags of epoll_create1(2).</summary>
[Flags]
public enum EpollCreateFlags : uint
{
    None = 0,
    EPOLL_CLOEXEC = 0x8_0000,
}

/// <summary>Flags of eventfd2(2).</summary>
[Flags]
public enum EventfdFlags : uint
{
    None = 0,
    EFD_SEMAPHORE = 1,
    EFD_NONBLOCK = 0x800,
    EFD_CLOEXEC = 0x8_0000,
}
