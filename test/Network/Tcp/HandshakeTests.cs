using Semitone.Net;

namespace Semitone.Network.Tcp;

/// <summary>How connections begin (RFC 9293, 3.5 and 3.10.7).</summary>
public sealed class HandshakeTests
{
    [Fact]
    public void Connect_IsAnswered_IsEstablished()
    {
        ScriptedPeer peer = new();
        Assert.Equal(NetworkError.None, peer.Connect());
        Assert.Equal(TcpReadiness.None, peer.Connection.Readiness);
        peer.Run("""
            out S seq=0 len=0 mss=1460 sackok ws=7 ts
            in  SA seq=0 ack=1 mss=1000 ws=2 sackok ts=77/echo
            out A seq=1 ack=1 ts
            none
            """);
        Assert.Equal(TcpState.Established, peer.Connection.State);
        Assert.Equal(988, peer.Connection.SegmentSize);
        Assert.True(peer.Events.HasFlag(TcpEvents.Connected));
        Assert.Equal(TcpReadiness.Out | TcpReadiness.WriteNormal, peer.Connection.Readiness);
    }

    [Fact]
    public void Connect_PeerHasNoOptions_GoesWithoutThem()
    {
        ScriptedPeer peer = new();
        peer.Connect();
        peer.Run("""
            out S seq=0
            in  SA seq=0 ack=1 win=3000
            out A seq=1 ack=1
            """);
        Assert.Equal(536, peer.Connection.SegmentSize);
        peer.Write(1000);
        peer.Run("""
            out A seq=1 len=536
            out PA seq=537 len=464
            none
            """);
    }

    [Fact]
    public void Connect_IsRefused_FailsOnce()
    {
        ScriptedPeer peer = new();
        peer.Connect();
        peer.Run("""
            out S seq=0
            in  R seq=0
            none
            in  RA seq=0 ack=2
            none
            in  RA seq=0 ack=1
            none
            """);
        Assert.Equal(TcpState.Closed, peer.Connection.State);
        Assert.Equal(
            TcpReadiness.In | TcpReadiness.Out | TcpReadiness.Error | TcpReadiness.HangUp | TcpReadiness.ReadHangUp
                | TcpReadiness.ReadNormal | TcpReadiness.WriteNormal,
            peer.Connection.Readiness);
        Assert.Equal(NetworkError.ConnectionRefused, peer.Connection.TakeError());
        Assert.False(peer.Connection.Readiness.HasFlag(TcpReadiness.Error));
    }

    [Fact]
    public void Connect_IsNeverAnswered_IsTriedSevenTimesAndTimesOut()
    {
        ScriptedPeer peer = new();
        peer.Connect();
        peer.Run("""
            out S seq=0
            wait 0.99s
            none
            wait 0.02s
            out S seq=0
            wait 2s
            out S seq=0
            wait 4s
            out S seq=0
            wait 8s
            out S seq=0
            wait 16s
            out S seq=0
            wait 32s
            out S seq=0
            wait 64s
            none
            """);
        Assert.Equal(NetworkError.TimedOut, peer.Connection.TakeError());
        Assert.Equal(long.MaxValue, peer.Tcp.NextDeadlineNs);
    }

    [Fact]
    public void Connect_AgainAfterFailure_IsANewConnection()
    {
        ScriptedPeer peer = new();
        peer.Connect();
        peer.Run("""
            out S seq=0
            in  RA seq=0 ack=1
            """);
        peer.Connection.TakeError();
        Assert.Equal(
            NetworkError.None,
            peer.Connection.Connect(
                new TcpEndpoint(ScriptedPeer.LocalAddress, 80), new TcpEndpoint(ScriptedPeer.PeerAddress, 40000), 0, peer.NowNs));
        peer.Run("""
            out S seq=0
            in  SA seq=0 ack=1 mss=1000
            out A seq=1 ack=1
            """);
        peer.Write(10);
        peer.Run("out PA seq=1 len=10");
    }

    [Fact]
    public void Connect_AcknowledgmentIsOfSomethingElse_IsReset()
    {
        ScriptedPeer peer = new();
        peer.Connect();
        peer.Run("""
            out S seq=0
            in  SA seq=0 ack=5
            out R seq=5
            in  A seq=0 ack=0
            out R seq=0
            none
            """);
        Assert.Equal(TcpState.SynSent, peer.Connection.State);
    }

    [Fact]
    public void Connect_IcmpSaysUnreachable_FailsAtOnce()
    {
        ScriptedPeer peer = new();
        peer.Connect();
        peer.Run("out S seq=0");
        byte[] quoted = new byte[8];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt16BigEndian(quoted, 80);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt16BigEndian(quoted.AsSpan(2), 40000);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(quoted.AsSpan(4), peer.StackInitial + 5000);
        Complain();
        Assert.Equal(TcpState.SynSent, peer.Connection.State);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(quoted.AsSpan(4), peer.StackInitial);
        Complain();
        Assert.Equal(NetworkError.HostUnreachable, peer.Connection.TakeError());

        void Complain() => peer.Tcp.ReceiveError(
            new IcmpError
            {
                Error = NetworkError.HostUnreachable,
                Source = ScriptedPeer.LocalAddress,
                Destination = ScriptedPeer.PeerAddress,
                Quoted = quoted,
            },
            peer.NowNs);
    }

    [Fact]
    public void Connect_BothAtOnce_IsOneConnection()
    {
        ScriptedPeer peer = new();
        peer.Connect();
        peer.Run("""
            out S seq=0
            in  S seq=0 mss=1000
            out SA seq=0 ack=1
            in  SA seq=0 ack=1 mss=1000
            none
            """);
        Assert.Equal(TcpState.Established, peer.Connection.State);
        peer.Write(5);
        peer.Run("""
            out PA seq=1 ack=1 len=5
            in  A seq=1 ack=6
            none
            """);
    }

    [Fact]
    public void Connect_BothAtOnceOverAWire_IsOneConnection()
    {
        SimulatedNetwork network = new(1, new WireConditions());
        Assert.True(network.Client.Tcp.TryCreate(TcpSettings.Default, out TcpConnection? connection));
        Assert.Equal(
            NetworkError.None,
            connection.Connect(new TcpEndpoint(network.Client.Address, 5), new TcpEndpoint(network.Server.Address, 5), 0, network.NowNs));
        Assert.True(network.Server.Tcp.TryCreate(TcpSettings.Default, out TcpConnection? other));
        Assert.Equal(
            NetworkError.None,
            other.Connect(new TcpEndpoint(network.Server.Address, 5), new TcpEndpoint(network.Client.Address, 5), 0, network.NowNs));
        network.Run(1_000_000_000);
        Assert.Equal(TcpState.Established, connection.State);
        Assert.Equal(TcpState.Established, other.State);
    }

    [Fact]
    public void Accept_TakesTheOldestFirst()
    {
        ScriptedPeer peer = ScriptedPeer.Listening();
        for (ushort port = 1; port <= 3; port++)
        {
            peer.Port = port;
            peer.Run("""
                in  S seq=0 mss=1000
                out SA seq=0 ack=1
                in  A seq=1 ack=1
                none
                """);
        }

        Assert.Equal(3, peer.AcceptReadyCount);
        for (ushort port = 1; port <= 3; port++)
        {
            peer.Accept();
            Assert.Equal(port, peer.Connection.Key.Remote.Port);
        }

        Assert.False(peer.Listener.TryAccept(peer.NowNs, out _));
    }

    [Fact]
    public void Accept_DataOnTheThirdSegment_IsThere()
    {
        ScriptedPeer peer = ScriptedPeer.Listening();
        peer.Run("""
            in  S seq=0 mss=1000
            out SA seq=0 ack=1 mss=1460
            in  PA seq=1 ack=1 len=100
            none
            """);
        peer.Accept();
        Assert.Equal(100, peer.Connection.ReceivedCount);
        peer.Run("""
            wait 39ms
            none
            wait 2ms
            out A seq=1 ack=101
            """);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 2)]
    [InlineData(2, 3)]
    public void Backlog_IsFull_WithOneMore(int backlog, int complete)
    {
        ScriptedPeer peer = ScriptedPeer.Listening(backlog);
        for (ushort port = 1; port <= complete; port++)
        {
            peer.Port = port;
            peer.Run("""
                in  S seq=0 mss=1000
                out SA seq=0 ack=1
                in  A seq=1 ack=1
                none
                """);
        }

        peer.Port = 100;
        peer.Run("""
            in  S seq=0 mss=1000
            none
            """);
        Assert.Equal(complete, peer.Listener.AcceptableCount);
        Assert.Equal(1, peer.Tcp.Counters[TcpCounter.ListenOverflows]);
        peer.Accept();
        peer.Run("""
            in  S seq=0 mss=1000
            out SA seq=0 ack=1
            """);
    }

    [Fact]
    public void Backlog_IsFullAtTheThirdSegment_LetsInLater()
    {
        ScriptedPeer peer = ScriptedPeer.Listening(0);
        peer.Run("""
            in  S seq=0 mss=1000
            out SA seq=0 ack=1
            """);
        uint initial = peer.StackInitial;
        peer.Port = 7;
        peer.Run("""
            in  S seq=0 mss=1000
            out SA seq=0 ack=1
            in  A seq=1 ack=1
            none
            """);
        peer.Port = ScriptedPeer.PeerPort;
        uint other = peer.StackInitial;
        peer.Run($"in A seq=1 ack={(long)initial - other + 1}");
        Assert.Equal(1, peer.Listener.AcceptableCount);
        Assert.Equal(1, peer.Listener.HalfOpenCount);

        // It has confirmed, so the SYN-ACK does not come again, not even for a SYN that was on its way for long.
        peer.Run("""
            wait 1.1s
            none
            in  S seq=0 mss=1000
            out A ack=1
            wait 10s
            none
            """);
        Assert.Equal(1, peer.AcceptReadyCount);
        peer.Accept();
        Assert.Equal(7, peer.Connection.Key.Remote.Port);
        Assert.Equal(2, peer.AcceptReadyCount);
        Assert.Equal(0, peer.Listener.HalfOpenCount);
        peer.Accept();
        Assert.Equal(ScriptedPeer.PeerPort, peer.Connection.Key.Remote.Port);
        Assert.InRange(peer.Connection.GetInfo(peer.NowNs).RttNs, 0, 1_000_000);
        peer.Run($"in PA seq=1 ack={(long)initial - other + 1} len=10");
        Assert.Equal(10, peer.Connection.ReceivedCount);
    }

    [Fact]
    public void Backlog_IsFullForMany_LetsThemInOneByOneInTheirOrder()
    {
        ScriptedPeer peer = ScriptedPeer.Listening(1);
        uint[] initials = HalfOpen(peer, 5, window: 500);

        for (ushort port = 1; port <= 5; port++)
        {
            // The data of those that find no room is kept: it may take them seconds to send it again.
            peer.Port = port;
            peer.Run($"in PA seq=1 ack={(long)initials[port] - peer.StackInitial + 1} len=10 win=500");
        }

        Assert.Equal(3, peer.Listener.HalfOpenCount);
        for (ushort port = 1; port <= 5; port++)
        {
            Assert.Equal(Math.Min(2, 6 - port), peer.Listener.AcceptableCount);
            peer.Accept();
            Assert.Equal(port, peer.Connection.Key.Remote.Port);
            Assert.Equal(10, peer.Connection.ReceivedCount);
        }

        Assert.False(peer.Listener.TryAccept(peer.NowNs, out _));
        Assert.Equal(0, peer.Tcp.HalfOpenCount);
    }

    [Fact]
    public void Backlog_DataOfThoseWhoWait_GoesWithThem()
    {
        ScriptedPeer peer = ScriptedPeer.Listening(0);
        uint[] initials = HalfOpen(peer, 3);

        for (ushort port = 1; port <= 3; port++)
        {
            string acknowledgment = $"ack={(long)initials[port] - peer.StackInitial + 1}";
            peer.Port = port;
            foreach (int sequence in (int[])[1, 1, 11])
            {
                peer.Run($"in PA seq={sequence} {acknowledgment} len=10");
                peer.TakeSent();
            }
        }

        Assert.Equal(2, peer.Listener.HalfOpenCount);
        Assert.True(peer.UsedBuffers > 0);
        peer.Port = 2;
        peer.Run("in R seq=1");
        peer.Listener.Close(peer.NowNs);
        Assert.Equal(0, peer.UsedBuffers);
    }

    [Fact]
    public void Backlog_Grows_LetsInWhoWaits()
    {
        ScriptedPeer peer = ScriptedPeer.Listening(0);
        uint[] initials = HalfOpen(peer, 3);

        for (ushort port = 1; port <= 3; port++)
        {
            peer.Port = port;
            peer.Run($"in A seq=1 ack={(long)initials[port] - peer.StackInitial + 1}");
        }

        Assert.Equal(1, peer.Listener.AcceptableCount);
        peer.Listener.SetBacklog(1, peer.NowNs);
        Assert.Equal(2, peer.Listener.AcceptableCount);
        Assert.Equal(1, peer.Listener.HalfOpenCount);
        peer.Run("in R seq=1");
        Assert.Equal(0, peer.Listener.HalfOpenCount);
        peer.Listener.Close(peer.NowNs);
        Assert.Equal(2, peer.TakeSent().Count);
        Assert.Equal(long.MaxValue, peer.Tcp.NextDeadlineNs);
    }

    [Fact]
    public void Backlog_StaysFull_ThoseThatWaitAreGoneAfterAMinute()
    {
        ScriptedPeer peer = ScriptedPeer.Listening(0);
        peer.Run("""
            in  S seq=0 mss=1000
            out SA seq=0 ack=1
            """);
        uint initial = peer.StackInitial;
        peer.Port = 7;
        peer.Run("""
            in  S seq=0 mss=1000
            out SA seq=0 ack=1
            in  A seq=1 ack=1
            """);
        peer.Port = ScriptedPeer.PeerPort;
        peer.Run($"""
            in A seq=1 ack={(long)initial - peer.StackInitial + 1}
            wait 64s
            none
            """);
        Assert.Equal(0, peer.Listener.HalfOpenCount);
    }

    [Fact]
    public void HalfOpen_IsNeverConfirmed_IsTriedSixTimesAndGone()
    {
        ScriptedPeer peer = ScriptedPeer.Listening();
        peer.Run("""
            in  S seq=0 mss=1000
            out SA seq=0 ack=1
            wait 1.01s
            out SA seq=0 ack=1
            wait 2s
            out SA seq=0 ack=1
            wait 4s
            out SA seq=0 ack=1
            wait 8s
            out SA seq=0 ack=1
            wait 16s
            out SA seq=0 ack=1
            wait 32s
            none
            """);
        Assert.Equal(0, peer.Tcp.HalfOpenCount);
        Assert.Equal(long.MaxValue, peer.Tcp.NextDeadlineNs);
    }

    [Fact]
    public void HalfOpen_SynAgain_IsAnsweredAgain()
    {
        ScriptedPeer peer = ScriptedPeer.Listening();
        peer.Run("""
            in  S seq=0 mss=1000
            out SA seq=0 ack=1
            in  S seq=0 mss=1000
            out SA seq=0 ack=1
            in  R seq=1
            none
            """);
        Assert.Equal(0, peer.Tcp.HalfOpenCount);
    }

    [Fact]
    public void HalfOpen_WrongAcknowledgment_IsReset()
    {
        ScriptedPeer peer = ScriptedPeer.Listening();
        peer.Run("""
            in  S seq=0 mss=1000
            out SA seq=0 ack=1
            in  A seq=1 ack=99
            out R seq=99
            in  A seq=1 ack=1
            none
            """);
        Assert.Equal(1, peer.Listener.AcceptableCount);
    }

    [Fact]
    public void Listener_Closes_TakesItsConnectionsAlong()
    {
        ScriptedPeer peer = ScriptedPeer.Listening();
        peer.Run("""
            in  S seq=0 mss=1000
            out SA seq=0 ack=1
            in  A seq=1 ack=1
            """);
        peer.Port = 9;
        peer.Run("""
            in  S seq=0 mss=1000
            out SA seq=0 ack=1
            """);
        peer.Port = ScriptedPeer.PeerPort;
        peer.Listener.Close(peer.NowNs);
        Assert.Single(peer.TakeSent());
        Assert.Equal(0, peer.Tcp.ConnectionCount);
        Assert.Equal(0, peer.Tcp.HalfOpenCount);
        peer.Run("""
            in  S seq=5 mss=1000
            out RA ack=6
            """);
    }

    [Fact]
    public void DeferAccept_WaitsForData()
    {
        TcpSettings settings = TcpSettings.Default;
        settings.DeferAcceptNs = 3_000_000_000;
        ScriptedPeer peer = ScriptedPeer.Listening(16, settings);
        peer.Run("""
            in  S seq=0 mss=1000
            out SA seq=0 ack=1
            in  A seq=1 ack=1
            none
            """);
        Assert.Equal(0, peer.Listener.AcceptableCount);
        peer.Run("in PA seq=1 ack=1 len=3");
        Assert.Equal(1, peer.Listener.AcceptableCount);
    }

    [Fact]
    public void DeferAccept_NoDataComes_LetsInWhenTheTimeIsOver()
    {
        TcpSettings settings = TcpSettings.Default;
        settings.DeferAcceptNs = 3_000_000_000;
        ScriptedPeer peer = ScriptedPeer.Listening(16, settings);
        peer.Run("""
            in  S seq=0 mss=1000
            out SA seq=0 ack=1
            in  A seq=1 ack=1
            wait 2.9s
            none
            """);
        Assert.Equal(0, peer.Listener.AcceptableCount);
        peer.Run("""
            wait 0.2s
            none
            """);
        Assert.Equal(1, peer.Listener.AcceptableCount);
    }

    [Fact]
    public void Stray_IsReset()
    {
        ScriptedPeer peer = new();
        peer.Run("""
            in  A seq=7 ack=9
            out R seq=9
            in  S seq=7
            out RA ack=8
            in  R seq=7
            none
            in  SFA seq=7 ack=3
            out R seq=3
            """);
    }

    [Fact]
    public void Segment_IsDamaged_IsDropped()
    {
        ScriptedPeer peer = ScriptedPeer.Listening();
        byte[] segment = peer.Build("in S seq=0 mss=1000".Split(' '));
        segment[5] ^= 1;
        peer.Receive(segment);
        peer.Run("none");
        Assert.Equal(1, peer.Tcp.Counters[TcpCounter.InCsumErrors]);
    }

    [Fact]
    public void SynFlood_IsAnsweredWithCookiesThatWork()
    {
        ScriptedPeer peer = ScriptedPeer.Listening(4);
        for (ushort port = 1; port <= 1000; port++)
        {
            peer.Port = port;
            peer.Run("in S seq=0 mss=1460 sackok ws=9 ts=500/0");
            Assert.Single(peer.TakeSent());
        }

        Assert.True(peer.Tcp.HalfOpenCount <= 64);
        Assert.True(peer.Tcp.Counters[TcpCounter.SyncookiesSent] >= 900);
        peer.Run("in A seq=1 ack=1 ts=510/echo");
        Assert.Equal(1, peer.Listener.AcceptableCount);
        peer.Accept();
        TcpInfo info = peer.Connection.GetInfo(peer.NowNs);
        Assert.Equal(TcpState.Established, info.State);
        Assert.True(info.HasSack);
        Assert.Equal(9, info.SendScale);
        Assert.Equal(1448, info.SendSegmentSize);
        peer.Write(5);
        peer.Run("""
            out PA seq=1 ack=1 len=5
            in  A seq=1 ack=6 ts=520/echo
            none
            """);

        // What nobody has given is not taken.
        peer.Port = 2000;
        peer.Run("""
            in  A seq=1 ack=12345
            out R seq=12345
            """);
    }

    [Fact]
    public void Listeners_ShareAPort_EachGetsSome()
    {
        ScriptedPeer peer = new();
        List<TcpListener> listeners = [];
        for (int i = 0; i < 3; i++)
        {
            listeners.Add(peer.Tcp.Listen(
                peer,
                new TcpEndpoint(IpAddress.Ipv6Any, 80),
                new TcpListenerOptions { Backlog = 1000, IsPortShared = true },
                TcpSettings.Default));
        }

        for (ushort port = 1; port <= 300; port++)
        {
            peer.Port = port;
            peer.Run("""
                in  S seq=0 mss=1000
                out SA seq=0 ack=1
                in  A seq=1 ack=1
                """);
        }

        Assert.All(listeners, listener => Assert.InRange(listener.AcceptableCount, 60, 140));
    }

    /// <summary>Has peers at ports from 1 on ask for connections, and confirm none.</summary>
    /// <returns>The initial numbers that each was answered with, by its port.</returns>
    private static uint[] HalfOpen(ScriptedPeer peer, ushort count, int window = 65535)
    {
        uint[] initials = new uint[count + 1];
        for (ushort port = 1; port <= count; port++)
        {
            peer.Port = port;
            peer.Run($"""
                in  S seq=0 mss=1000 win={window}
                out SA seq=0 ack=1
                """);
            initials[port] = peer.StackInitial;
        }

        return initials;
    }
}
