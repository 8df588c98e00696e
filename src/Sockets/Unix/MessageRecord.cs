namespace Semitone.Sockets;

/// <summary>One message in the queue of a socket of AF_UNIX, or one connection that waits to be accepted.</summary>
internal struct MessageRecord
{
    /// <summary>Bytes of it that are in the queue still.</summary>
    public int Length { get; set; }

    /// <summary>What the sender's buffer is charged for it.</summary>
    public int Charge { get; set; }

    /// <summary>Who is charged.</summary>
    public UnixSocket? Sender { get; set; }

    /// <summary>The address it came from; null for a sender without one.</summary>
    public byte[]? From { get; set; }

    /// <summary>Who sent it; null where neither end has asked for that.</summary>
    public PeerCredentials? Credentials { get; set; }

    public PassedFiles? Files { get; set; }

    /// <summary>A connection, in the queue of a socket that listens.</summary>
    public UnixConnectionSocket? Connection { get; set; }
}
