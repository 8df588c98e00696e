namespace Semitone.Net;

/// <summary>What has happened to a connection.</summary>
[Flags]
public enum TcpEvents : byte
{
    None = 0,

    /// <summary>Data or the peer's end has come: each arrival is one, though what came before has not been read (epoll(7), EPOLLET).</summary>
    Readable = 1 << 0,

    /// <summary>There is room to write again.</summary>
    Writable = 1 << 1,

    /// <summary>It is established.</summary>
    Connected = 1 << 2,

    /// <summary>It has failed (<see cref="TcpConnection.PendingError"/>).</summary>
    Failed = 1 << 3,

    /// <summary>One way, or both, will carry no more.</summary>
    HangUp = 1 << 4,

    /// <summary>A byte of urgent data has been announced (SIGURG).</summary>
    Urgent = 1 << 5,

    /// <summary>All that was sent has been acknowledged, the FIN too: what a lingering close(2) waits for.</summary>
    Drained = 1 << 6,
}
