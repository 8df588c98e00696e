namespace Semitone.Net;

/// <summary>A frame to be sent, in the pieces in which it lies. The link copies what it takes: nothing is kept.</summary>
public readonly ref struct OutgoingFrame
{
    /// <summary>All headers, from the link's own.</summary>
    public required ReadOnlySpan<byte> Headers { get; init; }

    /// <summary>What the headers are for, in two pieces, the second of which is often none.</summary>
    public ReadOnlySpan<byte> Payload { get; init; }

    public ReadOnlySpan<byte> MorePayload { get; init; }

    /// <summary>
    /// Where in the frame the link begins to sum, for a checksum that it is to complete; 0 where the checksum is right already. The field
    /// holds the folded sum over the pseudo-header then (<see cref="LinkOffloads.TransmitChecksum"/>).
    /// </summary>
    public int ChecksumStart { get; init; }

    /// <summary>Where the field is, counted from <see cref="ChecksumStart"/>.</summary>
    public int ChecksumOffset { get; init; }

    /// <summary>Bytes of payload in each frame that the link is to cut this into; 0 for a frame that is sent as it is.</summary>
    public int SegmentSize { get; init; }

    public int Length => Headers.Length + Payload.Length + MorePayload.Length;
}
