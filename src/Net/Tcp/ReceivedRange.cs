namespace Semitone.Net;

/// <summary>A run of bytes that came before what precedes them, in the packets in which they came.</summary>
internal sealed class ReceivedRange
{
    public SequenceNumber Start { get; set; }

    public SequenceNumber End { get; set; }

    /// <summary>When something was added last, by a count: what is reported first (RFC 2018, 4).</summary>
    public int Stamp { get; set; }

    public PacketBuffer? Head { get; set; }

    public PacketBuffer? Tail { get; set; }

    public ReceivedRange? Next { get; set; }
}
