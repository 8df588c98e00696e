using System.Diagnostics.CodeAnalysis;
using Semitone.Abi;
using Semitone.Files;
using Semitone.Memory;
using Semitone.Sockets;

namespace Semitone.Syscalls;

/// <content>What system calls that have to do with sockets need time and again.</content>
public sealed partial class SyscallContext
{
    private SocketMessage? _socketMessage;

    /// <summary>The message of the current call, filled anew for each.</summary>
    internal SocketMessage SocketMessage => _socketMessage ??= new SocketMessage();

    /// <summary>Finds the socket that a descriptor stands for.</summary>
    /// <returns>False with EBADF or ENOTSOCK.</returns>
    internal bool TryGetSocket(Fd fd, [NotNullWhen(true)] out Socket? socket, out Errno error)
    {
        socket = null;
        if (!Files.TryGet(fd, out OpenFile? file, out error))
        {
            return false;
        }

        socket = file as Socket;
        error = socket is null ? Errno.ENOTSOCK : Errno.None;
        return socket is not null;
    }

    /// <summary>Reads an address into the message of the call.</summary>
    /// <returns>None, EINVAL for a length that no address has, EFAULT.</returns>
    internal Errno ReadSocketName(UserPtr<Sockaddr> name, int length)
    {
        SocketMessage message = SocketMessage;
        message.NameLength = 0;
        if (length is < 0 or > SocketMessage.MaximumNameLength)
        {
            return Errno.EINVAL;
        }

        if (Memory.CopyIn(name.Address, message.NameBuffer[..length]) != length)
        {
            return Errno.EFAULT;
        }

        message.NameLength = length;
        return Errno.None;
    }

    /// <summary>Writes an address, as far as there is room for it, and how long it is.</summary>
    internal Errno WriteSocketName(ReadOnlySpan<byte> value, UserPtr<Sockaddr> name, UserPtr<int> length)
    {
        if (!Memory.TryRead(length, out int room))
        {
            return Errno.EFAULT;
        }

        if (room < 0)
        {
            return Errno.EINVAL;
        }

        room = Math.Min(room, value.Length);
        return Memory.TryWrite(new UserPtr<byte>(name.Address), value[..room]) && Memory.TryWrite(length, value.Length)
            ? Errno.None
            : Errno.EFAULT;
    }
}
