namespace Semitone.Net;

/// <summary>A link whose frames are written down on their way: those that are sent here, those that come in by <see cref="NetworkStack.Input"/>.</summary>
/// <param name="inner">The link.</param>
/// <param name="sink">Where the capture goes, as pcapng.</param>
/// <param name="clock">Nanoseconds since 1970-01-01 UTC.</param>
public sealed class CaptureLink(ILink inner, IPacketSink sink, Func<long> clock) : ILink
{
    private const ushort EthernetLinkType = 1;
    private const ushort RawIpLinkType = 101;

    private readonly PcapngWriter _writer = new(sink, inner.IsEthernet ? EthernetLinkType : RawIpLinkType);

    public int Mtu => inner.Mtu;

    public MacAddress Address => inner.Address;

    public bool IsEthernet => inner.IsEthernet;

    public bool IsUp => inner.IsUp;

    public LinkOffloads Offloads => inner.Offloads;

    public bool TrySend(in OutgoingFrame frame)
    {
        if (!inner.TrySend(frame))
        {
            return false;
        }

        Capture(frame.Headers, frame.Payload, frame.MorePayload);
        return true;
    }

    public void Flush() => inner.Flush();

    /// <summary>Writes a frame down.</summary>
    internal void Capture(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, ReadOnlySpan<byte> third) =>
        _writer.Write(clock(), first, second, third);
}
