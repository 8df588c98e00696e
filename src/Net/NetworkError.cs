namespace Semitone.Net;

/// <summary>Why something could not be done. The layer of the sockets makes errnos of it.</summary>
public enum NetworkError : byte
{
    None,

    /// <summary>No room now: a queue or the link is full (EAGAIN where one waits, else ENOBUFS).</summary>
    NoBuffers,

    /// <summary>No route leads there (ENETUNREACH).</summary>
    NetworkUnreachable,

    /// <summary>Nobody answers to the address on its link, or a router says so (EHOSTUNREACH).</summary>
    HostUnreachable,

    /// <summary>The interface is down (ENETDOWN).</summary>
    NetworkDown,

    /// <summary>The address is none of this host's (EADDRNOTAVAIL).</summary>
    AddressNotAvailable,

    /// <summary>Address and port are taken (EADDRINUSE).</summary>
    AddressInUse,

    /// <summary>A packet is larger than can be sent whole (EMSGSIZE).</summary>
    MessageTooLong,

    /// <summary>The peer refused (ECONNREFUSED).</summary>
    ConnectionRefused,

    /// <summary>The peer ended the connection at once (ECONNRESET).</summary>
    ConnectionReset,

    /// <summary>The peer has not answered for too long (ETIMEDOUT).</summary>
    TimedOut,

    /// <summary>There is no connection (ENOTCONN).</summary>
    NotConnected,

    /// <summary>There is one already (EISCONN).</summary>
    AlreadyConnected,

    /// <summary>What was asked for cannot be in this state (EINVAL).</summary>
    InvalidState,

    /// <summary>The way for data is shut (EPIPE).</summary>
    Shutdown,

    /// <summary>A rule forbids it (EACCES, EPERM).</summary>
    NotPermitted,

    /// <summary>The peer does not know the protocol (ENOPROTOOPT).</summary>
    ProtocolUnreachable,

    /// <summary>The peer could not read a header (EPROTO).</summary>
    ProtocolError,
}
