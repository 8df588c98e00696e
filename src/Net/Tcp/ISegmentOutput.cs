namespace Semitone.Net;

/// <summary>What a sender asks of its connection.</summary>
internal interface ISegmentOutput
{
    /// <summary>Bytes of data in a full segment, with the options that each carries.</summary>
    int SegmentSize { get; }

    /// <summary>Bytes of data that may go out at once for the link to cut; a multiple of <see cref="SegmentSize"/>.</summary>
    int BurstSize { get; }

    /// <summary>Looks whether the way to the peer has changed, and with it the sizes.</summary>
    void Refresh();

    /// <summary>The timestamp of a time.</summary>
    SequenceNumber GetTimestamp(long nowNs);

    /// <summary>Sends a segment with the acknowledgment that is due.</summary>
    /// <returns><see cref="NetworkError.NoBuffers"/> where it is to be tried again; whatever else, it may have been sent.</returns>
    NetworkError Emit(SequenceNumber sequence, TcpFlags flags, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> more, long nowNs);
}
