using System.Buffers.Binary;
using Semitone.Net;
using Semitone.Network.Simulation;

namespace Semitone.Network.Tcp;

/// <summary>A host: TCP over a wire that is a variable.</summary>
internal sealed class SimulatedHost : IIpOutput
{
    private const int HeaderRoom = 20;

    public SimulatedHost(SimulatedNetwork network, IpAddress address, ulong seed, TcpLimits limits, int bufferCount = 20000)
    {
        Network = network;
        Address = address;
        Pool = new PacketPool(2048, bufferCount);
        Tcp = new TcpLayer(this, new SeededRandom(seed), limits);
    }

    public SimulatedNetwork Network { get; }

    public IpAddress Address { get; }

    public PacketPool Pool { get; }

    public TcpLayer Tcp { get; }

    public int RouteGeneration { get; set; }

    public int? PathMtu { get; set; }

    public int SentCount { get; private set; }

    public long SentDataSegments { get; private set; }

    public NetworkError RouteError { get; set; }

    public NetworkError FindRoute(IpAddress source, IpAddress destination, int interfaceIndex, out IpRoute route)
    {
        route = new IpRoute
        {
            Source = source.IsAny ? Address : source,
            Destination = destination,
            NextHop = destination,
            InterfaceIndex = 1,
            Mtu = PathMtu ?? Network.Conditions.Mtu,
            LargestSegmentedPayload = Network.Conditions.SegmentedPayload,
        };
        return RouteError;
    }

    public NetworkError Send(in IpRoute route, in TransportPacket packet, long nowNs)
    {
        int length = packet.Payload.Length + packet.MorePayload.Length;
        int size = packet.SegmentSize > 0 ? packet.SegmentSize : Math.Max(length, 1);
        if (packet.SegmentSize == 0 && HeaderRoom + packet.Header.Length + length > route.Mtu)
        {
            return NetworkError.MessageTooLong;
        }

        if (Network.Refuses())
        {
            return NetworkError.NoBuffers;
        }

        int offset = 0;
        do
        {
            int count = Math.Min(size, length - offset);
            SendOne(packet, offset, count, offset + count >= length);
            offset += count;
        }
        while (offset < length);
        return NetworkError.None;
    }

    public bool IsLocalAddress(IpAddress address, int interfaceIndex) => address == Address;

    public void LowerPathMtu(IpAddress destination, int mtu, long nowNs)
    {
        PathMtu = mtu;
        RouteGeneration++;
    }

    public void ConfirmReachable(in IpRoute route, long nowNs)
    {
    }

    private void SendOne(in TransportPacket packet, int offset, int count, bool isLast)
    {
        SentCount++;
        SentDataSegments += count > 0 ? 1 : 0;
        if (!Network.GetPoolOfPeer(this).TryTake(out PacketBuffer? buffer))
        {
            return;
        }

        buffer.Reset(HeaderRoom, packet.Header.Length + count);
        Span<byte> bytes = buffer.Bytes;
        packet.Header.CopyTo(bytes);
        uint sequence = BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[4..], sequence + (uint)offset);
        if (!isLast)
        {
            bytes[13] &= 0xFF & ~(int)(TcpFlags.Fin | TcpFlags.Psh);
        }

        Span<byte> data = bytes[packet.Header.Length..];
        for (int i = 0; i < count;)
        {
            ReadOnlySpan<byte> piece = offset + i < packet.Payload.Length
                ? packet.Payload[(offset + i)..]
                : packet.MorePayload[(offset + i - packet.Payload.Length)..];
            piece = piece[..Math.Min(piece.Length, count - i)];
            piece.CopyTo(data[i..]);
            i += piece.Length;
        }

        BinaryPrimitives.WriteUInt16BigEndian(bytes[TcpHeader.ChecksumOffset..], 0);
        ushort checksum = Checksum.Compute(Address, Network.GetPeer(this).Address, bytes);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[TcpHeader.ChecksumOffset..], checksum);
        Network.Transmit(this, buffer);
    }
}
