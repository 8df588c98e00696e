using System.Buffers.Binary;
using Semitone.Net;

namespace Semitone.Network.Simulation;

/// <summary>A host's end of a wire.</summary>
public sealed class SimulatedLink(SimulatedHost host, SimulatedWire wire, MacAddress address, int mtu) : ILink
{
    /// <summary>Room for frames in the other direction: what a device has of buffers.</summary>
    private readonly PacketPool _pool = new(2048, 4096);

    public int Mtu => mtu;

    public MacAddress Address => address;

    public bool IsEthernet => true;

    public bool IsUp { get; set; } = true;

    public LinkOffloads Offloads { get; set; }

    /// <summary>Frames that the link takes before it is flushed; then it has no room.</summary>
    public int QueueLimit { get; set; } = int.MaxValue;

    public int UsedBuffers => _pool.UsedCount;

    public long SentCount { get; private set; }

    internal NetworkInterface? Interface { get; set; }

    private int _queued;

    public bool TrySend(in OutgoingFrame frame)
    {
        if (!IsUp)
        {
            return true;
        }

        if (_queued >= QueueLimit)
        {
            return false;
        }

        _queued++;
        SentCount++;
        byte[] bytes = new byte[frame.Length];
        frame.Headers.CopyTo(bytes);
        frame.Payload.CopyTo(bytes.AsSpan(frame.Headers.Length));
        frame.MorePayload.CopyTo(bytes.AsSpan(frame.Headers.Length + frame.Payload.Length));
        if (frame.SegmentSize != 0 || bytes.Length > mtu + EthernetHeader.Size)
        {
            throw new InvalidOperationException("The link cuts nothing.");
        }

        if (frame.ChecksumStart != 0)
        {
            ushort checksum = InternetChecksum.Of(bytes.AsSpan(frame.ChecksumStart));
            BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(frame.ChecksumStart + frame.ChecksumOffset), checksum);
        }

        wire.Send(this, bytes, isVerified: false);
        return true;
    }

    public void Flush() => _queued = 0;

    internal void Receive(byte[] frame, bool isVerified)
    {
        if (!IsUp || !_pool.TryTake(out PacketBuffer? buffer))
        {
            return;
        }

        // Frames come padded, as from a network card.
        host.Network.OnFrame?.Invoke(this, frame);
        buffer.Reset(0, Math.Min(Math.Max(frame.Length, EthernetHeader.ShortestFrame), buffer.Capacity));
        buffer.Bytes.Clear();
        frame.AsSpan(0, Math.Min(frame.Length, buffer.Length)).CopyTo(buffer.Bytes);
        buffer.IsChecksumVerified = isVerified;
        host.Stack.Input(Interface!, buffer, host.Network.NowNs);
    }
}
