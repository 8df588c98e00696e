namespace Semitone.Net;

/// <summary>A run of sequence numbers that was sent at once and is not acknowledged.</summary>
internal sealed class SentSegment
{
    public SequenceNumber Start { get; set; }

    public SequenceNumber End { get; set; }

    /// <summary>When it was sent, the last time.</summary>
    public long SentNs { get; set; }

    /// <summary>Whether the peer has said that it has it (RFC 2018): it may still take that back.</summary>
    public bool IsSacked { get; set; }

    /// <summary>Whether it is held for lost and has not been sent again since.</summary>
    public bool IsLost { get; set; }

    /// <summary>Whether it was sent more than once: its round trip is not measured (Karn's algorithm).</summary>
    public bool WasRetransmitted { get; set; }

    /// <summary>The neighbours by sequence number.</summary>
    public SentSegment? Previous { get; set; }

    public SentSegment? Next { get; set; }

    /// <summary>Whether it is in the order of sending: while it is held to be on its way.</summary>
    public bool IsInSentOrder { get; set; }

    /// <summary>The neighbours by time of sending (RFC 8985, 5.2).</summary>
    public SentSegment? PreviousSent { get; set; }

    public SentSegment? NextSent { get; set; }

    public int Length => End - Start;

    public void Reset()
    {
        IsSacked = false;
        IsLost = false;
        IsInSentOrder = false;
        WasRetransmitted = false;
        Previous = null;
        Next = null;
        PreviousSent = null;
        NextSent = null;
    }
}
