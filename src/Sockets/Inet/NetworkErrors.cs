using Semitone.Abi;
using Semitone.Net;

namespace Semitone.Sockets;

/// <summary>What programs are told of errors of the network.</summary>
public static class NetworkErrors
{
    public static Errno ToErrno(this NetworkError error) => error switch
    {
        NetworkError.None => Errno.None,
        NetworkError.NoBuffers => Errno.ENOBUFS,
        NetworkError.NetworkUnreachable => Errno.ENETUNREACH,
        NetworkError.HostUnreachable => Errno.EHOSTUNREACH,
        NetworkError.NetworkDown => Errno.ENETDOWN,
        NetworkError.AddressNotAvailable => Errno.EADDRNOTAVAIL,
        NetworkError.AddressInUse => Errno.EADDRINUSE,
        NetworkError.MessageTooLong => Errno.EMSGSIZE,
        NetworkError.ConnectionRefused => Errno.ECONNREFUSED,
        NetworkError.ConnectionReset => Errno.ECONNRESET,
        NetworkError.TimedOut => Errno.ETIMEDOUT,
        NetworkError.NotConnected => Errno.ENOTCONN,
        NetworkError.AlreadyConnected => Errno.EISCONN,
        NetworkError.InvalidState => Errno.EINVAL,
        NetworkError.Shutdown => Errno.EPIPE,
        NetworkError.NotPermitted => Errno.EACCES,
        NetworkError.ProtocolUnreachable => Errno.ENOPROTOOPT,
        NetworkError.ProtocolError => Errno.EPROTO,
        _ => Errno.EIO,
    };
}
