using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;

namespace Semitone.Sockets;

/// <summary>What all sockets of the machine share: where they are numbered, and which addresses are taken.</summary>
/// <param name="currentCaller">Tells who makes the call that is served now.</param>
public sealed class SocketSystem(FileServices files, Func<ISocketCaller?> currentCaller)
{
    /// <summary>Connections that may wait to be accepted, whatever a program asks for (net.core.somaxconn).</summary>
    internal const int MaximumBacklog = 4096;

    private const uint DeviceMinor = 8;

    public FileServices Files { get; } = files;

    public SocketFileSystem FileSystem { get; } = new(files, DeviceMinor);

    /// <summary>Open files that lie in queues of sockets.</summary>
    public RightsInFlight Rights { get; } = new();

    /// <summary>Who makes the call that is served now; null while there are no processes.</summary>
    public ISocketCaller? Caller => currentCaller();

    internal UnixNames UnixNames { get; } = new(files.Random);

    /// <summary>For transfers that have no message of their own: read(2) and write(2).</summary>
    internal SocketMessage Scratch { get; } = new();

    /// <summary>Makes a socket (socket(2)).</summary>
    /// <returns>None; EAFNOSUPPORT, ESOCKTNOSUPPORT, EPROTONOSUPPORT; ENOBUFS.</returns>
    public Errno Create(AddressFamily family, SocketType type, int protocol, ISocketCaller caller, out Socket? socket)
    {
        socket = null;
        if (!KernelHeap.HasRoom())
        {
            return Errno.ENOBUFS;
        }

        return family switch
        {
            AddressFamily.AF_UNIX => CreateUnix(type, protocol, caller, out socket),
            _ => Errno.EAFNOSUPPORT,
        };
    }

    /// <summary>Makes two sockets that are connected to each other (socketpair(2)).</summary>
    public Errno CreatePair(
        AddressFamily family, SocketType type, int protocol, ISocketCaller caller, out Socket? first, out Socket? second)
    {
        second = null;
        Errno error = Create(family, type, protocol, caller, out first);
        if (error != Errno.None)
        {
            return error;
        }

        error = Create(family, type, protocol, caller, out second);
        if (error == Errno.None && (first is not UnixSocket || second is not UnixSocket))
        {
            second!.Release();
            error = Errno.EOPNOTSUPP;
        }

        if (error != Errno.None)
        {
            first!.Release();
            return error;
        }

        UnixSocket.Pair((UnixSocket)first!, (UnixSocket)second!, caller);
        return Errno.None;
    }

    private Errno CreateUnix(SocketType type, int protocol, ISocketCaller caller, out Socket? socket)
    {
        socket = null;
        if (protocol is not (0 or (int)AddressFamily.AF_UNIX))
        {
            return Errno.EPROTONOSUPPORT;
        }

        FileCredentials owner = caller.FileSystem.Credentials;
        switch (type)
        {
            case SocketType.SOCK_STREAM or SocketType.SOCK_SEQPACKET:
                socket = new UnixConnectionSocket(this, owner, type);
                return Errno.None;
            case SocketType.SOCK_DGRAM or SocketType.SOCK_RAW:
                // As Linux has it, a raw one is the same.
                socket = new UnixDatagramSocket(this, owner);
                return Errno.None;
            default:
                return Errno.ESOCKTNOSUPPORT;
        }
    }
}
