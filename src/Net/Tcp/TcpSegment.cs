namespace Semitone.Net;

/// <summary>A segment that was received, with what is left of its data.</summary>
internal struct TcpSegment
{
    public required SequenceNumber Sequence { get; set; }

    public required SequenceNumber Acknowledgment { get; init; }

    public required TcpFlags Flags { get; set; }

    /// <summary>The window as it stands there, not scaled.</summary>
    public required ushort Window { get; init; }

    public required ushort UrgentPointer { get; init; }

    public TcpOptions Options { get; init; }

    /// <summary>The data, without the header; null once somebody keeps it.</summary>
    public PacketBuffer? Buffer { get; set; }

    /// <summary>Bytes of data.</summary>
    public int PayloadLength { get; set; }

    public int InterfaceIndex { get; init; }

    public readonly bool HasAck => (Flags & TcpFlags.Ack) != 0;

    public readonly bool HasSyn => (Flags & TcpFlags.Syn) != 0;

    public readonly bool HasFin => (Flags & TcpFlags.Fin) != 0;

    public readonly bool HasRst => (Flags & TcpFlags.Rst) != 0;

    /// <summary>What it occupies of the sequence space (RFC 9293, 3.3.1, SEG.LEN).</summary>
    public readonly int SequenceLength => PayloadLength + (HasSyn ? 1 : 0) + (HasFin ? 1 : 0);

    public readonly SequenceNumber End => Sequence + SequenceLength;

    /// <summary>Drops data from the front that is here already.</summary>
    public void TrimStart(int count)
    {
        Sequence += count;
        PayloadLength -= count;
        Buffer!.TrimStart(count);
    }

    /// <summary>Drops data behind a number of bytes, and the FIN behind it.</summary>
    public void TrimEnd(int length)
    {
        PayloadLength = length;
        Buffer!.TrimEnd(length);
        Flags &= ~TcpFlags.Fin;
    }

    /// <summary>Takes the data over.</summary>
    public PacketBuffer TakeBuffer()
    {
        PacketBuffer buffer = Buffer!;
        Buffer = null;
        return buffer;
    }
}
