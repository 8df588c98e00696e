using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;
using Semitone.Sockets;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>getsockopt(2) and setsockopt(2): the options themselves are tables of the sockets.</summary>
public static class SocketOptionSyscalls
{
    /// <summary>Bytes of the longest value that is read; no option takes more.</summary>
    private const int MaximumLength = 1024;

    [Syscall(54, "setsockopt")]
    public static SysResult Set(
        SyscallContext context,
        Fd fd,
        SocketLevel level,
        [TraceWith(
            nameof(TraceLine.SocketOption),
            nameof(level),
            Enums = [typeof(SocketOption), typeof(IpOption), typeof(Ipv6Option), typeof(TcpOption)])]
        int name,
        [TraceWith(nameof(TraceLine.OptionValue), nameof(length))] UserPtr<byte> value,
        int length)
    {
        if (length < 0)
        {
            return Errno.EINVAL;
        }

        if (!context.TryGetSocket(fd, out Socket? socket, out Errno error))
        {
            return error;
        }

        Span<byte> buffer = stackalloc byte[Math.Min(length, MaximumLength)];
        return context.Memory.CopyIn(value.Address, buffer) == buffer.Length
            ? socket.SetOption(level, name, buffer, context.Thread.SocketCaller)
            : Errno.EFAULT;
    }

    [Syscall(55, "getsockopt")]
    public static SysResult Get(
        SyscallContext context,
        Fd fd,
        SocketLevel level,
        [TraceWith(nameof(TraceLine.SocketOption), nameof(level))] int name,
        [Out, TraceWith(nameof(TraceLine.OptionAnswered), nameof(length))] UserPtr<byte> value,
        [Out] UserPtr<int> length)
    {
        if (!context.TryGetSocket(fd, out Socket? socket, out Errno error))
        {
            return error;
        }

        if (!context.Memory.TryRead(length, out int room))
        {
            return Errno.EFAULT;
        }

        if (room < 0)
        {
            return Errno.EINVAL;
        }

        Span<byte> buffer = stackalloc byte[MaximumLength];
        int size;
        if (level == SocketLevel.SOL_SOCKET && name == (int)SocketOption.SO_PEERPIDFD)
        {
            error = OpenPeer(context, socket, buffer, out size);
        }
        else
        {
            error = socket.GetOption(level, name, buffer, out size);
        }

        if (error != Errno.None)
        {
            return error;
        }

        // Groups are told whole or not at all; everything else as far as there is room.
        if (level == SocketLevel.SOL_SOCKET && name == (int)SocketOption.SO_PEERGROUPS && size > room)
        {
            return context.Memory.TryWrite(length, size) ? Errno.ERANGE : Errno.EFAULT;
        }

        size = Math.Min(size, room);
        return context.Memory.TryWrite(value, (ReadOnlySpan<byte>)buffer[..size]) && context.Memory.TryWrite(length, size)
            ? SysResult.Success
            : Errno.EFAULT;
    }

    /// <summary>Opens a descriptor for the process at the other end (SO_PEERPIDFD in unix(7)).</summary>
    private static Errno OpenPeer(SyscallContext context, Socket socket, Span<byte> value, out int length)
    {
        length = 0;
        if (socket is not UnixSocket unix || unix.PeerPid == 0)
        {
            return Errno.ENODATA;
        }

        if (!context.System.Threads.TryGet(unix.PeerPid, out GuestThread? thread) || !KernelHeap.HasRoom())
        {
            return thread is null ? Errno.ESRCH : Errno.ENOMEM;
        }

        PidFile file = new(context.FileSystem.Mounts.Anonymous, OpenFlags.O_RDONLY);
        file.SetTarget(thread);
        SysResult fd = OpenSyscalls.Install(context, file, OpenFlags.O_CLOEXEC);
        length = sizeof(int);
        BitConverter.TryWriteBytes(value, (int)fd.Value);
        return fd.Error;
    }
}
