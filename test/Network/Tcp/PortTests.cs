using Semitone.Net;
using Semitone.Network.Simulation;

namespace Semitone.Network.Tcp;

/// <summary>Who may have a port.</summary>
public sealed class PortTests
{
    [Fact]
    public void Listener_BarsItsPort_AlsoForThoseWhoShare()
    {
        ScriptedPeer peer = new();
        TcpPortHold first = Take(peer, 80, true)!;
        TcpPortHold second = Take(peer, 80, true)!;
        Assert.True(first.TrySetListening(false));
        Assert.False(first.TrySetListening(true));
        second.Release();
        Assert.True(first.TrySetListening(true));
        Assert.Null(Take(peer, 80, true));
        first.Release();
        Assert.NotNull(Take(peer, 80, false));
    }

    [Fact]
    public void Connection_KeepsItsPort_UntilTimeWaitIsOver()
    {
        ScriptedPeer peer = new();
        TcpPortHold hold = Take(peer, 80, true)!;
        Assert.True(hold.TrySetListening(true));
        TcpListener listener = peer.Tcp.Listen(
            peer, new TcpEndpoint(IpAddress.Ipv4Any, 80), new TcpListenerOptions { Backlog = 1, Hold = hold }, TcpSettings.Default);
        peer.Run("""
            in  S seq=0 mss=1000
            out SA seq=0 ack=1
            in  A seq=1 ack=1
            """);
        Assert.True(listener.TryAccept(peer.NowNs, out TcpConnection? connection));
        listener.Close(peer.NowNs);
        hold.TrySetListening(false);
        hold.Release();
        Assert.Null(Take(peer, 80, false));
        TcpPortHold other = Take(peer, 80, true)!;
        Assert.NotNull(other);
        other.Release();
        connection.Close(peer.NowNs);
        peer.Run("""
            out FA seq=1 ack=1
            in  FA seq=1 ack=2
            out A seq=2 ack=2
            """);
        Assert.Null(Take(peer, 80, false));
        peer.Run("wait 61s");
        Assert.NotNull(Take(peer, 80, false));
    }

    [Fact]
    public void Connect_TakesPortsThatOthersUseForOtherPeers()
    {
        ScriptedPeer peer = new();
        PortAllocator allocator = new(new SeededRandom(4)) { Range = (50000, 50001) };
        for (byte host = 1; host <= 5; host++)
        {
            IpAddress remote = IpAddress.FromIpv4(0x0A01_0000u + host);
            for (int i = 0; i < 3; i++)
            {
                PortRequest request = new()
                {
                    Binding = new PortBinding { Address = ScriptedPeer.LocalAddress },
                    RemoteAddress = remote,
                    RemotePort = 80,
                };
                bool isFree = peer.Tcp.Ports.TryHold(0, request, allocator, peer.NowNs, out TcpPortHold? hold);
                Assert.Equal(i < 2, isFree);
                if (hold is null)
                {
                    continue;
                }

                Assert.True(peer.Tcp.TryCreate(TcpSettings.Default, out TcpConnection? connection));
                connection.SetHold(hold);
                Assert.Equal(
                    NetworkError.None,
                    connection.Connect(new TcpEndpoint(ScriptedPeer.LocalAddress, hold.Port), new TcpEndpoint(remote, 80), 0, peer.NowNs));
            }
        }
    }

    private static TcpPortHold? Take(ScriptedPeer peer, ushort port, bool reuse)
    {
        PortRequest request = new() { Binding = new PortBinding { Address = IpAddress.Ipv4Any, ReuseAddress = reuse } };
        PortAllocator allocator = new(new SeededRandom(3));
        return peer.Tcp.Ports.TryHold(port, request, allocator, peer.NowNs, out TcpPortHold? hold) ? hold : null;
    }
}
