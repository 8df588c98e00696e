namespace Semitone.Net;

/// <summary>The loop back to oneself: what is sent arrives at the next <see cref="NetworkStack.Poll"/>.</summary>
internal sealed class LoopbackLink(LoopbackQueue queue) : ILink
{
    /// <summary>The interface that it belongs to.</summary>
    public NetworkInterface? Interface { get; set; }

    /// <summary>What Linux has, so that a TCP segment of 64 KiB less headers goes in one piece.</summary>
    public int Mtu => 65536;

    public MacAddress Address => default;

    public bool IsEthernet => false;

    public bool IsUp => true;

    /// <summary>No sum is made where none is checked.</summary>
    public LinkOffloads Offloads => LinkOffloads.TransmitChecksum;

    public bool TrySend(in OutgoingFrame frame) => queue.TryAdd(Interface!, frame.Headers, frame.Payload, frame.MorePayload);

    public void Flush()
    {
    }
}
