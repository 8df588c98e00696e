using Semitone.Net;
using Semitone.Network.Simulation;

namespace Semitone.Network.Ip;

public sealed class PingTests
{
    private const long SecondNs = 1_000_000_000;

    [Theory]
    [InlineData("10.0.0.2", 56)]
    [InlineData("10.0.0.2", 65507)]
    [InlineData("fd00::2", 56)]
    [InlineData("fd00::2", 65527 - 8)]
    [InlineData("127.0.0.1", 56)]
    [InlineData("10.0.0.1", 56)]
    [InlineData("::1", 65000)]
    public void Echo_IsAnswered(string to, int length)
    {
        (SimulatedNetwork network, SimulatedHost a, SimulatedHost b) = SimulatedNetwork.Pair();
        IpAddress address = SimulatedHost.Ip(to);
        RecordingListener listener = new();
        EchoEndpoint ping = a.Stack.Raw.CreateEcho(!address.IsIpv4, listener);
        ping.ReceiveBufferLimit = 1 << 20;
        byte[] message = new byte[8 + length];
        network.Random.Fill(message.AsSpan(8));
        message[0] = address.IsIpv4 ? (byte)8 : (byte)128;
        message[7] = 1;
        Assert.Equal(NetworkError.None, ping.Send(new DatagramTarget { HasAddress = true, Address = address }, message, network.NowNs));
        Assert.True(network.RunUntil(() => ping.QueuedCount != 0, SecondNs));
        Assert.True(ping.TryReceive(out ReceivedDatagram answer));
        Assert.Equal(address, answer.Source);
        Assert.Equal(address.IsIpv4 ? 0 : 129, answer.Buffer.Bytes[0]);
        Assert.True(message.AsSpan(8).SequenceEqual(answer.Buffer.Bytes[8..]));
        Assert.Equal(64, answer.HopLimit);
        Assert.Equal(1, listener.Count);
        answer.Buffer.Release();
        ping.Close(network.NowNs);
        network.Run(60 * SecondNs);
        Assert.Equal(0, a.UsedBuffers + b.UsedBuffers);
    }

    [Fact]
    public void RawEndpoint_SeesQuestionsAndAnswersWithTheirHeader()
    {
        (SimulatedNetwork network, SimulatedHost a, SimulatedHost b) = SimulatedNetwork.Pair();
        RawEndpoint raw = a.Stack.Raw.Create(isIpv6: false, IpProtocol.Icmp, null);
        RawEndpoint far = b.Stack.Raw.Create(isIpv6: false, IpProtocol.Icmp, null);
        byte[] message = [8, 0, 0, 0, 0, 1, 0, 2, 9, 9];
        ushort sum = InternetChecksum.Of(message);
        message[2] = (byte)(sum >> 8);
        message[3] = (byte)sum;
        Assert.Equal(
            NetworkError.None,
            raw.Send(new DatagramTarget { HasAddress = true, Address = SimulatedHost.Ip("10.0.0.2") }, message, network.NowNs));
        Assert.True(network.RunUntil(() => raw.QueuedCount == 1 && far.QueuedCount == 1, SecondNs));
        Assert.True(raw.TryReceive(out ReceivedDatagram answer));
        Assert.Equal(0x45, answer.Buffer.Bytes[0]);
        Assert.Equal(30, answer.Buffer.Length);
        Assert.Equal(0, answer.Buffer.Bytes[20]);
        answer.Buffer.Release();
        Assert.True(far.TryReceive(out ReceivedDatagram question));
        Assert.Equal(8, question.Buffer.Bytes[20]);
        question.Buffer.Release();

        raw.IcmpFilter = 1;
        raw.Send(new DatagramTarget { HasAddress = true, Address = SimulatedHost.Ip("10.0.0.2") }, message, network.NowNs);
        network.Run(SecondNs);
        Assert.Equal(0, raw.QueuedCount);
    }

    [Fact]
    public void Echo_ToNobody_IsReportedAsUnreachable()
    {
        (SimulatedNetwork network, SimulatedHost a, _) = SimulatedNetwork.Pair();
        EchoEndpoint ping = a.Stack.Raw.CreateEcho(isIpv6: false, null);
        ping.QueuesErrors = true;
        byte[] message = [8, 0, 0, 0, 0, 0, 0, 1];
        for (int i = 0; i < 10; i++)
        {
            Assert.Equal(NetworkError.None, ping.Send(new DatagramTarget { HasAddress = true, Address = SimulatedHost.Ip("10.0.0.9") }, message, network.NowNs));
        }

        Assert.True(network.RunUntil(() => (ping.Readiness & EndpointReadiness.Error) != 0, 4 * SecondNs));
        Assert.Equal(NetworkError.HostUnreachable, ping.TakeError());
        Assert.True(ping.TryTakeError(out QueuedError error));
        Assert.Equal("10.0.0.9", error.Destination.ToString());
        ping.Close(network.NowNs);
        Assert.Equal(0, a.UsedBuffers);
    }
}
