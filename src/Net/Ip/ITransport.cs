namespace Semitone.Net;

/// <summary>A protocol over IP.</summary>
public interface ITransport
{
    /// <summary>When <see cref="Poll"/> has something to do, in nanoseconds on the stack's clock; <see cref="long.MaxValue"/> for never.</summary>
    long NextDeadlineNs { get; }

    /// <summary>Takes a packet. Its buffer is the transport's from now on.</summary>
    void Receive(in ReceivedPacket packet, long nowNs);

    /// <summary>Takes a router's or a peer's complaint about a packet that this host is said to have sent.</summary>
    /// <param name="error">What it says; the quoted bytes are valid during the call.</param>
    /// <param name="nowNs">The time.</param>
    void ReceiveError(in IcmpError error, long nowNs);

    /// <summary>Does what is due.</summary>
    void Poll(long nowNs);
}
