namespace Semitone.Net;

/// <summary>A packet that has come through IP, whole, for this host.</summary>
public readonly struct ReceivedPacket
{
    /// <summary>From the transport's header on, without padding. The receiver owns it.</summary>
    public required PacketBuffer Buffer { get; init; }

    public required IpAddress Source { get; init; }

    public required IpAddress Destination { get; init; }

    /// <summary>The interface by which it came.</summary>
    public required int InterfaceIndex { get; init; }

    /// <summary>Bytes of the IP header, which still lie in front of the buffer's beginning (<see cref="PacketBuffer.Untrim"/>).</summary>
    public int NetworkHeaderLength { get; init; }

    public byte HopLimit { get; init; }

    /// <summary>TOS or traffic class, with the ECN bits.</summary>
    public byte TrafficClass { get; init; }

    /// <summary>Whether it was sent to a group or to all: TCP answers no such packet.</summary>
    public bool IsMulticast { get; init; }
}
