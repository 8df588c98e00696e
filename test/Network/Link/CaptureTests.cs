using System.Buffers.Binary;
using Semitone.Net;
using Semitone.Network.Simulation;

namespace Semitone.Network.Link;

public sealed class CaptureTests
{
    [Fact]
    public void Capture_HoldsWhatWasSentAndWhatCame()
    {
        SimulatedNetwork network = new(1);
        SimulatedHost host = network.AddHost("host");
        host.Connect(network.AddWire(), "10.0.0.1");
        Sink sink = new();
        CaptureLink link = new(host.Links[0], sink, () => 1_700_000_000_123_456_789);
        NetworkInterface captured = host.Stack.AddInterface(link, "cap0");
        host.Stack.SetUp(captured, isUp: true, network.NowNs);
        host.Stack.AddAddress(captured, SimulatedHost.Ip("10.7.0.1"), 24, AddressOrigin.Manual, network.NowNs);
        PacketPool pool = new(2048, 1);
        pool.TryTake(out PacketBuffer? buffer);
        buffer!.Reset(0, 42);
        Ip.FrameBuilder.ArpRequest(new MacAddress(0x0200_0000_0001), SimulatedHost.Ip("10.7.0.2"), SimulatedHost.Ip("10.7.0.1"))
            .CopyTo(buffer.Bytes);
        host.Stack.Input(captured, buffer, network.NowNs);

        Assert.Equal(4, sink.Blocks.Count);
        Assert.Equal(0x0A0D0D0Au, Type(sink.Blocks[0]));
        Assert.Equal(1u, Type(sink.Blocks[1]));
        foreach (byte[] block in sink.Blocks)
        {
            Assert.Equal(block.Length, BinaryPrimitives.ReadInt32LittleEndian(block.AsSpan(4)));
            Assert.Equal(block.Length, BinaryPrimitives.ReadInt32LittleEndian(block.AsSpan(block.Length - 4)));
            Assert.Equal(0, block.Length % 4);
        }

        Assert.All(sink.Blocks.Skip(2), block =>
        {
            Assert.Equal(6u, Type(block));
            long high = BinaryPrimitives.ReadUInt32LittleEndian(block.AsSpan(12));
            Assert.Equal(1_700_000_000_123_456_789, high << 32 | BinaryPrimitives.ReadUInt32LittleEndian(block.AsSpan(16)));
            Assert.Equal(42, BinaryPrimitives.ReadInt32LittleEndian(block.AsSpan(20)));
        });
        Assert.Equal(1, sink.Blocks[2][28 + 21]);
        Assert.Equal(2, sink.Blocks[3][28 + 21]);
    }

    private static uint Type(byte[] block) => BinaryPrimitives.ReadUInt32LittleEndian(block);

    private sealed class Sink : IPacketSink
    {
        public List<byte[]> Blocks { get; } = [];

        public void Write(ReadOnlySpan<byte> block) => Blocks.Add(block.ToArray());
    }
}
