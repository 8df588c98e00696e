using System.Buffers.Binary;
using Semitone.Abi;

namespace Semitone.Sockets;

/// <summary>The options of SOL_SOCKET (socket(7), unix(7)).</summary>
internal static class SocketLevelOptions
{
    private const long NsPerSecond = 1_000_000_000;
    private const long NsPerMicrosecond = 1000;
    private const long MicrosecondsPerSecond = 1_000_000;

    /// <summary>The largest buffer that a privileged program gets (SO_SNDBUFFORCE): what Linux can count.</summary>
    private const int ForcedBufferLimit = int.MaxValue / 2;

    /// <summary>The highest priority that anybody may set.</summary>
    private const int HighestFreePriority = 6;

    public static readonly OptionTable Table = new(
        Int(SocketOption.SO_TYPE, socket => (int)socket.Type, null),
        Int(SocketOption.SO_DOMAIN, socket => (int)socket.Family, null),
        Int(SocketOption.SO_PROTOCOL, socket => socket.Protocol, null),
        Int(SocketOption.SO_ERROR, socket => (int)socket.TakeError(), null),
        Int(SocketOption.SO_ACCEPTCONN, socket => socket.IsListening ? 1 : 0, null),
        Flag(SocketOption.SO_REUSEADDR, OptionFlags.ReuseAddress),
        Int(SocketOption.SO_REUSEPORT, socket => socket.HasOption(OptionFlags.ReusePort) ? 1 : 0, SetReusePort),
        Flag(SocketOption.SO_KEEPALIVE, OptionFlags.KeepAlive),
        Flag(SocketOption.SO_BROADCAST, OptionFlags.Broadcast),
        Flag(SocketOption.SO_DONTROUTE, OptionFlags.DontRoute),
        Flag(SocketOption.SO_OOBINLINE, OptionFlags.OutOfBandInline),
        Flag(SocketOption.SO_NO_CHECK, OptionFlags.NoCheck),
        Int(SocketOption.SO_DEBUG, socket => socket.HasOption(OptionFlags.Debug) ? 1 : 0, SetDebug),
        Int(SocketOption.SO_SNDBUF, socket => socket.SendBufferSize, SetSendBuffer),
        Int(SocketOption.SO_RCVBUF, socket => socket.ReceiveBufferSize, SetReceiveBuffer),
        Int(SocketOption.SO_SNDBUFFORCE, null, ForceSendBuffer),
        Int(SocketOption.SO_RCVBUFFORCE, null, ForceReceiveBuffer),
        Int(SocketOption.SO_RCVLOWAT, socket => socket.ReceiveLowMark, SetReceiveLowMark),
        Int(SocketOption.SO_SNDLOWAT, _ => 1, null),
        Int(SocketOption.SO_PRIORITY, socket => socket.Priority, SetPriority),
        Int(SocketOption.SO_ZEROCOPY, _ => 0, (_, _, _) => Errno.EOPNOTSUPP),
        Int(SocketOption.SO_MARK, socket => socket.Mark, SetMark),
        new OptionEntry((int)SocketOption.SO_LINGER, sizeof(int), GetLinger, SetLinger),
        new OptionEntry((int)SocketOption.SO_RCVTIMEO, sizeof(int), GetReceiveTimeout, SetReceiveTimeout),
        new OptionEntry((int)SocketOption.SO_SNDTIMEO, sizeof(int), GetSendTimeout, SetSendTimeout),
        Int(SocketOption.SO_PASSCRED, socket => socket.PassesCredentials ? 1 : 0, SetPassCredentials),
        new OptionEntry((int)SocketOption.SO_PEERCRED, 0, GetPeerCredentials, null),
        new OptionEntry((int)SocketOption.SO_PEERGROUPS, 0, GetPeerGroups, null),
        new OptionEntry((int)SocketOption.SO_PEERNAME, 0, GetPeerName, null));

    private static OptionEntry Int(SocketOption name, Func<Socket, int>? get, Func<Socket, int, ISocketCaller, Errno>? set) =>
        OptionEntry.Int((int)name, get, set);

    private static OptionEntry Flag(SocketOption name, OptionFlags flag) => OptionEntry.Flag((int)name, flag);

    private static Errno SetReusePort(Socket socket, int value, ISocketCaller caller)
    {
        if (value != 0 && socket.Family is not (AddressFamily.AF_INET or AddressFamily.AF_INET6))
        {
            return Errno.EOPNOTSUPP;
        }

        socket.SetOption(OptionFlags.ReusePort, value != 0);
        return Errno.None;
    }

    private static Errno SetDebug(Socket socket, int value, ISocketCaller caller)
    {
        if (value != 0 && !caller.Has(Capability.CAP_NET_ADMIN))
        {
            return Errno.EACCES;
        }

        socket.SetOption(OptionFlags.Debug, value != 0);
        return Errno.None;
    }

    private static Errno SetSendBuffer(Socket socket, int value, ISocketCaller caller)
    {
        socket.SetSendBufferSize(value, Socket.MaximumBufferSize);
        return Errno.None;
    }

    private static Errno SetReceiveBuffer(Socket socket, int value, ISocketCaller caller)
    {
        socket.SetReceiveBufferSize(value, Socket.MaximumBufferSize);
        return Errno.None;
    }

    private static Errno ForceSendBuffer(Socket socket, int value, ISocketCaller caller)
    {
        if (!caller.Has(Capability.CAP_NET_ADMIN))
        {
            return Errno.EPERM;
        }

        socket.SetSendBufferSize(Math.Max(value, 0), ForcedBufferLimit);
        return Errno.None;
    }

    private static Errno ForceReceiveBuffer(Socket socket, int value, ISocketCaller caller)
    {
        if (!caller.Has(Capability.CAP_NET_ADMIN))
        {
            return Errno.EPERM;
        }

        socket.SetReceiveBufferSize(Math.Max(value, 0), ForcedBufferLimit);
        return Errno.None;
    }

    private static Errno SetReceiveLowMark(Socket socket, int value, ISocketCaller caller)
    {
        socket.SetReceiveLowMark(value switch
        {
            < 0 => int.MaxValue,
            0 => 1,
            _ => value,
        });
        return Errno.None;
    }

    private static Errno SetPriority(Socket socket, int value, ISocketCaller caller)
    {
        if (value is < 0 or > HighestFreePriority && !caller.Has(Capability.CAP_NET_ADMIN) && !caller.Has(Capability.CAP_NET_RAW))
        {
            return Errno.EPERM;
        }

        socket.Priority = value;
        return Errno.None;
    }

    private static Errno SetMark(Socket socket, int value, ISocketCaller caller)
    {
        if (!caller.Has(Capability.CAP_NET_ADMIN) && !caller.Has(Capability.CAP_NET_RAW))
        {
            return Errno.EPERM;
        }

        socket.Mark = value;
        return Errno.None;
    }

    private static Errno SetPassCredentials(Socket socket, int value, ISocketCaller caller)
    {
        if (socket.Family is not (AddressFamily.AF_UNIX or AddressFamily.AF_NETLINK))
        {
            return Errno.EOPNOTSUPP;
        }

        socket.SetOption(OptionFlags.PassCredentials, value != 0);
        return Errno.None;
    }

    private static Errno GetLinger(Socket socket, Span<byte> value, out int length)
    {
        length = 2 * sizeof(int);
        BinaryPrimitives.WriteInt32LittleEndian(value, socket.HasOption(OptionFlags.Lingers) ? 1 : 0);
        BinaryPrimitives.WriteInt32LittleEndian(value[sizeof(int)..], socket.LingerSeconds);
        return Errno.None;
    }

    private static Errno SetLinger(Socket socket, ReadOnlySpan<byte> value, ISocketCaller caller)
    {
        if (value.Length < 2 * sizeof(int))
        {
            return Errno.EINVAL;
        }

        socket.SetOption(OptionFlags.Lingers, BinaryPrimitives.ReadInt32LittleEndian(value) != 0);
        if (socket.HasOption(OptionFlags.Lingers))
        {
            socket.LingerSeconds = BinaryPrimitives.ReadInt32LittleEndian(value[sizeof(int)..]);
        }

        return Errno.None;
    }

    private static Errno GetReceiveTimeout(Socket socket, Span<byte> value, out int length) =>
        PutTimeout(socket.ReceiveTimeoutNs, value, out length);

    private static Errno GetSendTimeout(Socket socket, Span<byte> value, out int length) =>
        PutTimeout(socket.SendTimeoutNs, value, out length);

    private static Errno SetReceiveTimeout(Socket socket, ReadOnlySpan<byte> value, ISocketCaller caller)
    {
        Errno error = ReadTimeout(value, out long timeoutNs);
        socket.ReceiveTimeoutNs = error == Errno.None ? timeoutNs : socket.ReceiveTimeoutNs;
        return error;
    }

    private static Errno SetSendTimeout(Socket socket, ReadOnlySpan<byte> value, ISocketCaller caller)
    {
        Errno error = ReadTimeout(value, out long timeoutNs);
        socket.SendTimeoutNs = error == Errno.None ? timeoutNs : socket.SendTimeoutNs;
        return error;
    }

    private static Errno PutTimeout(long timeoutNs, Span<byte> value, out int length)
    {
        length = 2 * sizeof(long);
        bool isEndless = timeoutNs == long.MaxValue;
        BinaryPrimitives.WriteInt64LittleEndian(value, isEndless ? 0 : timeoutNs / NsPerSecond);
        BinaryPrimitives.WriteInt64LittleEndian(value[sizeof(long)..], isEndless ? 0 : timeoutNs % NsPerSecond / NsPerMicrosecond);
        return Errno.None;
    }

    /// <summary>Reads a struct timeval: no time is for ever, and a negative one is no time.</summary>
    private static Errno ReadTimeout(ReadOnlySpan<byte> value, out long timeoutNs)
    {
        timeoutNs = long.MaxValue;
        if (value.Length < 2 * sizeof(long))
        {
            return Errno.EINVAL;
        }

        long seconds = BinaryPrimitives.ReadInt64LittleEndian(value);
        long microseconds = BinaryPrimitives.ReadInt64LittleEndian(value[sizeof(long)..]);
        if (microseconds is < 0 or >= MicrosecondsPerSecond)
        {
            return Errno.EDOM;
        }

        if (seconds < 0)
        {
            timeoutNs = 0;
        }
        else if ((seconds != 0 || microseconds != 0) && seconds < (long.MaxValue / NsPerSecond) - 1)
        {
            timeoutNs = (seconds * NsPerSecond) + (microseconds * NsPerMicrosecond);
        }

        return Errno.None;
    }

    private static Errno GetPeerCredentials(Socket socket, Span<byte> value, out int length)
    {
        // Nobody is told by -1, which is what user and group of no credentials are.
        PeerCredentials credentials = socket is UnixSocket { RemoteCredentials: { } remote }
            ? remote
            : new PeerCredentials(0, uint.MaxValue, uint.MaxValue);
        length = 3 * sizeof(int);
        BinaryPrimitives.WriteInt32LittleEndian(value, credentials.Pid);
        BinaryPrimitives.WriteUInt32LittleEndian(value[sizeof(int)..], credentials.UserId);
        BinaryPrimitives.WriteUInt32LittleEndian(value[(2 * sizeof(int))..], credentials.GroupId);
        return Errno.None;
    }

    private static Errno GetPeerGroups(Socket socket, Span<byte> value, out int length)
    {
        length = 0;
        if (socket is not UnixSocket { RemoteCredentials: not null } unix)
        {
            return Errno.ENODATA;
        }

        length = unix.RemoteGroups.Length * sizeof(uint);
        if (length > value.Length)
        {
            return Errno.ERANGE;
        }

        for (int i = 0; i < unix.RemoteGroups.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(value[(i * sizeof(uint))..], unix.RemoteGroups[i]);
        }

        return Errno.None;
    }

    private static Errno GetPeerName(Socket socket, Span<byte> value, out int length) => socket.GetPeerName(value, out length);
}
