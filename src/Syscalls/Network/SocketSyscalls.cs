using Semitone.Abi;
using Semitone.Files;
using Semitone.Sockets;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>The calls that make sockets, name them and connect them.</summary>
public static class SocketSyscalls
{
    private const int FamilyCount = 46;
    private const SocketType HighestType = SocketType.SOCK_PACKET;

    [Syscall(41, "socket", Returns = Returns.Fd)]
    public static SysResult Create(
        SyscallContext context,
        AddressFamily family,
        SocketType type,
        [TraceWith(nameof(TraceLine.SocketProtocol), nameof(family), Enums = [typeof(IpProtocol)])] int protocol)
    {
        Errno error = Check(family, ref type, out OpenFlags flags);
        if (error != Errno.None)
        {
            return error;
        }

        error = context.System.Sockets.Create(family, type, protocol, context.Thread.SocketCaller, out Socket? socket);
        return error == Errno.None ? Install(context, socket!, flags) : error;
    }

    [Syscall(53, "socketpair")]
    public static SysResult CreatePair(
        SyscallContext context,
        AddressFamily family,
        SocketType type,
        [TraceWith(nameof(TraceLine.SocketProtocol), nameof(family))] int protocol,
        [Out, Buffer(Length = 2), Trace(TraceFormat.Fd)] UserPtr<int> descriptors)
    {
        Errno error = Check(family, ref type, out OpenFlags flags);
        if (error != Errno.None)
        {
            return error;
        }

        SocketCaller caller = context.Thread.SocketCaller;
        error = context.System.Sockets.CreatePair(family, type, protocol, caller, out Socket? first, out Socket? second);
        if (error != Errno.None)
        {
            return error;
        }

        SysResult one = Install(context, first!, flags);
        if (one.IsError)
        {
            second!.Release();
            return one;
        }

        SysResult other = Install(context, second!, flags);
        if (other.IsError)
        {
            context.Files.Close(new Fd((int)one.Value));
            return other;
        }

        ReadOnlySpan<int> both = [(int)one.Value, (int)other.Value];
        if (!context.Memory.TryWrite(descriptors, both))
        {
            context.Files.Close(new Fd(both[0]));
            context.Files.Close(new Fd(both[1]));
            return Errno.EFAULT;
        }

        return SysResult.Success;
    }

    [Syscall(49, "bind")]
    public static SysResult Bind(
        SyscallContext context,
        Fd fd,
        [TraceWith(nameof(TraceLine.SocketAddress), nameof(length), Enums = [typeof(AddressFamily)])] UserPtr<Sockaddr> name,
        int length)
    {
        if (!context.TryGetSocket(fd, out Socket? socket, out Errno error))
        {
            return error;
        }

        error = context.ReadSocketName(name, length);
        return error == Errno.None ? socket.Bind(context.SocketMessage.Name, context.Thread.SocketCaller) : error;
    }

    [Syscall(50, "listen")]
    public static SysResult Listen(SyscallContext context, Fd fd, int backlog) =>
        context.TryGetSocket(fd, out Socket? socket, out Errno error) ? socket.Listen(backlog, context.Thread.SocketCaller) : error;

    [Syscall(42, "connect")]
    public static SysResult Connect(
        SyscallContext context, Fd fd, [TraceWith(nameof(TraceLine.SocketAddress), nameof(length))] UserPtr<Sockaddr> name, int length)
    {
        if (!context.TryGetSocket(fd, out Socket? socket, out Errno error))
        {
            return error;
        }

        error = context.ReadSocketName(name, length);
        if (error == Errno.None)
        {
            error = socket.Connect(context.SocketMessage.Name, context.Thread.SocketCaller);
        }

        bool waits = error is Errno.EINPROGRESS or Errno.EAGAIN or Errno.EALREADY;
        return waits && !socket.IsNonBlocking && socket.SendTimeoutNs != 0
            ? context.Wait(SocketWait.ConnectAsync(context, socket))
            : error;
    }

    [Syscall(43, "accept", Returns = Returns.Fd)]
    public static SysResult Accept(
        SyscallContext context,
        Fd fd,
        [Out, TraceWith(nameof(TraceLine.SocketAddressAnswered), nameof(length))] UserPtr<Sockaddr> name,
        [Out] UserPtr<int> length) =>
        AcceptWithFlags(context, fd, name, length, SocketType.None);

    [Syscall(288, "accept4", Returns = Returns.Fd)]
    public static SysResult AcceptWithFlags(
        SyscallContext context,
        Fd fd,
        [Out, TraceWith(nameof(TraceLine.SocketAddressAnswered), nameof(length))] UserPtr<Sockaddr> name,
        [Out] UserPtr<int> length,
        SocketType flags)
    {
        if ((flags & ~(SocketType.SOCK_NONBLOCK | SocketType.SOCK_CLOEXEC)) != 0)
        {
            return Errno.EINVAL;
        }

        if (!context.TryGetSocket(fd, out Socket? socket, out Errno error))
        {
            return error;
        }

        // Nothing may fail once there is a connection; and one for which there is no descriptor stays where it is.
        _ = context.SocketMessage;
        error = context.Files.CheckRoom();
        if (error != Errno.None)
        {
            return error;
        }

        error = socket.Accept(out Socket? connection);
        if (error == Errno.EAGAIN && !socket.IsNonBlocking && socket.ReceiveTimeoutNs != 0)
        {
            return context.Wait(SocketWait.AcceptAsync(context, socket, name, length, (OpenFlags)flags));
        }

        return error == Errno.None ? FinishAccept(context, connection!, name, length, (OpenFlags)flags) : error;
    }

    [Syscall(51, "getsockname")]
    public static SysResult GetName(
        SyscallContext context,
        Fd fd,
        [Out, TraceWith(nameof(TraceLine.SocketAddressAnswered), nameof(length))] UserPtr<Sockaddr> name,
        [Out] UserPtr<int> length)
    {
        if (!context.TryGetSocket(fd, out Socket? socket, out Errno error))
        {
            return error;
        }

        Span<byte> buffer = context.SocketMessage.NameBuffer;
        error = socket.GetName(buffer, out int size);
        return error == Errno.None ? context.WriteSocketName(buffer[..size], name, length) : error;
    }

    [Syscall(52, "getpeername")]
    public static SysResult GetPeerName(
        SyscallContext context,
        Fd fd,
        [Out, TraceWith(nameof(TraceLine.SocketAddressAnswered), nameof(length))] UserPtr<Sockaddr> name,
        [Out] UserPtr<int> length)
    {
        if (!context.TryGetSocket(fd, out Socket? socket, out Errno error))
        {
            return error;
        }

        Span<byte> buffer = context.SocketMessage.NameBuffer;
        error = socket.GetPeerName(buffer, out int size);
        return error == Errno.None ? context.WriteSocketName(buffer[..size], name, length) : error;
    }

    [Syscall(48, "shutdown")]
    public static SysResult Shutdown(SyscallContext context, Fd fd, ShutdownHow how) =>
        context.TryGetSocket(fd, out Socket? socket, out Errno error) ? socket.Shutdown(how) : error;

    /// <summary>Gives an accepted connection a descriptor, and tells whose it is.</summary>
    internal static SysResult FinishAccept(
        SyscallContext context, Socket connection, UserPtr<Sockaddr> name, UserPtr<int> length, OpenFlags flags)
    {
        Span<byte> buffer = context.SocketMessage.NameBuffer;
        int size = 0;
        if (!name.IsNull && connection.GetPeerName(buffer, out size) != Errno.None)
        {
            // Whoever it was has gone.
            connection.Release();
            return Errno.ECONNABORTED;
        }

        SysResult fd = Install(context, connection, flags);
        if (fd.IsError || name.IsNull)
        {
            return fd;
        }

        Errno error = context.WriteSocketName(buffer[..size], name, length);
        if (error == Errno.None)
        {
            return fd;
        }

        context.Files.Close(new Fd((int)fd.Value));
        return error;
    }

    private static Errno Check(AddressFamily family, ref SocketType type, out OpenFlags flags)
    {
        // The flags have the values of those of open(2).
        flags = (OpenFlags)(type & ~SocketType.SOCK_TYPE_MASK);
        type &= SocketType.SOCK_TYPE_MASK;
        if ((flags & ~(OpenFlags.O_NONBLOCK | OpenFlags.O_CLOEXEC)) != 0)
        {
            return Errno.EINVAL;
        }

        if (family is < 0 or >= (AddressFamily)FamilyCount)
        {
            return Errno.EAFNOSUPPORT;
        }

        return type > HighestType ? Errno.EINVAL : Errno.None;
    }

    private static SysResult Install(SyscallContext context, Socket socket, OpenFlags flags)
    {
        socket.SetFlags(flags & OpenFlags.O_NONBLOCK);
        return OpenSyscalls.Install(context, socket, flags);
    }
}
