using Semitone.Net;

namespace Semitone.Network.Tcp;

/// <summary>What goes each way on a connection (RFC 9293, 3.8; RFC 5681).</summary>
public sealed class DataTests
{
    [Fact]
    public void Request_IsAnswered_CostsOneSegmentEachWay()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted();
        for (int i = 0; i < 50; i++)
        {
            peer.Run($"in PA seq={1 + (i * 100)} ack={1 + (i * 200)} len=100");
            Assert.Equal(100, peer.Read());
            peer.Write(200);
            peer.Run($"""
                out PA seq={1 + (i * 200)} ack={101 + (i * 100)} len=200
                none
                """);
        }
    }

    [Fact]
    public void Acknowledgment_IsForTwoFullSegments()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted();
        peer.Run("""
            in  A seq=1 ack=1 len=1000
            none
            in  A seq=1001 ack=1 len=1000
            out A ack=2001
            in  A seq=2001 ack=1 len=1000
            none
            flush
            out A ack=3001
            flush
            none
            wait 100ms
            none
            """);
    }

    [Fact]
    public void Hole_IsAnsweredAtOnce_WithWhatIsHere()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted(options: "sackok");
        peer.Run("""
            in  A seq=1001 ack=1 len=1000
            out A ack=1 sack=1001-2001
            in  A seq=3001 ack=1 len=1000
            out A ack=1 sack=3001-4001 sack=1001-2001
            in  A seq=2001 ack=1 len=1000
            out A ack=1 sack=1001-4001
            in  A seq=1501 ack=1 len=1000
            out A ack=1 sack=1501-2501 sack=1001-4001
            in  A seq=1 ack=1 len=1000
            out A ack=4001
            in  A seq=1 ack=1 len=1000
            out A ack=4001 sack=1-1001
            none
            """);
        Assert.Equal(4000, peer.Read());
    }

    [Fact]
    public void Nagle_HoldsOneSmallSegment()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted();
        peer.Write(5);
        peer.Write(6);
        peer.Write(7);
        peer.Run("""
            out PA seq=1 len=5
            none
            in  A seq=1 ack=6
            out PA seq=6 len=13
            none
            """);
    }

    [Fact]
    public void NoDelay_HoldsNothing()
    {
        TcpSettings settings = TcpSettings.Default;
        settings.IsNoDelay = true;
        ScriptedPeer peer = ScriptedPeer.Accepted(settings);
        peer.Write(5);
        peer.Write(6);
        peer.Run("""
            out PA seq=1 len=5
            out PA seq=6 len=6
            none
            """);
    }

    [Fact]
    public void Cork_HoldsWhatIsNotFull_ForATime()
    {
        TcpSettings settings = TcpSettings.Default;
        settings.IsCorked = true;
        ScriptedPeer peer = ScriptedPeer.Accepted(settings);
        peer.Write(1300);
        peer.Run("""
            out A seq=1 len=1000
            none
            in  A seq=1 ack=1001
            none
            wait 199ms
            none
            wait 10ms
            out PA seq=1001 len=300
            in  A seq=1 ack=1301
            """);
        peer.Write(10);
        peer.Run("none");
        settings.IsCorked = false;
        peer.Connection.Apply(settings, peer.NowNs);
        peer.Run("out PA seq=1301 len=10");
    }

    [Fact]
    public void More_HoldsWhatIsNotFull()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted();
        peer.Write(10, true);
        peer.Run("none");
        peer.Write(10);
        peer.Run("out PA seq=1 len=20");
    }

    [Fact]
    public void Window_OfThePeer_IsKept()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted(window: 2500);
        peer.Write(4000);
        peer.Run("""
            out A seq=1 len=1000
            out A seq=1001 len=1000
            none
            in  A seq=1 ack=2001 win=2500
            out A seq=2001 len=1000
            out PA seq=3001 len=1000
            none
            """);
    }

    [Fact]
    public void Window_IsShut_IsAskedFor()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted(window: 1000);
        peer.Write(1500);
        peer.Run("""
            out A seq=1 len=1000
            in  A seq=1 ack=1001 win=0
            none
            wait 190ms
            none
            wait 20ms
            out A seq=1000 len=0
            in  A seq=1 ack=1001 win=0
            none
            wait 380ms
            none
            wait 20ms
            out A seq=1000 len=0
            in  A seq=1 ack=1001 win=0
            wait 780ms
            none
            wait 20ms
            out A seq=1000 len=0
            in  A seq=1 ack=1001 win=3000
            out PA seq=1001 len=500
            none
            """);
    }

    [Fact]
    public void Window_IsShutForEver_ThePeerAnswers_Lasts()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted(window: 1000);
        peer.Write(1500);
        peer.Run("""
            out A seq=1 len=1000
            in  A seq=1 ack=1001 win=0
            """);
        for (int i = 0; i < 40; i++)
        {
            peer.Wait(120_000_000_000);
            Assert.NotEmpty(peer.TakeSent());
            peer.Run("in A seq=1 ack=1001 win=0");
        }

        Assert.Equal(TcpState.Established, peer.Connection.State);
    }

    [Fact]
    public void Window_IsShutForEver_WithUserTimeout_Ends()
    {
        TcpSettings settings = TcpSettings.Default;
        settings.UserTimeoutNs = 3_000_000_000;
        ScriptedPeer peer = ScriptedPeer.Accepted(settings, window: 1000);
        peer.Write(1500);
        peer.Run("""
            out A seq=1 len=1000
            in  A seq=1 ack=1001 win=0
            """);
        for (int i = 0; i < 30; i++)
        {
            peer.Wait(200_000_000);
            if (peer.Connection.State == TcpState.Closed)
            {
                break;
            }

            if (peer.TakeSent().Count > 0)
            {
                peer.Run("in A seq=1 ack=1001 win=0");
            }
        }

        Assert.Equal(NetworkError.TimedOut, peer.Connection.TakeError());
    }

    [Fact]
    public void OwnWindow_Fills_ShutsAndOpens()
    {
        TcpSettings settings = TcpSettings.Default;
        settings.ReceiveBuffer = 8000;
        ScriptedPeer peer = ScriptedPeer.Accepted(settings);
        peer.Run("""
            in  A seq=1 ack=1 len=1000
            in  A seq=1001 ack=1 len=1000
            out A ack=2001 win=2000
            in  A seq=2001 ack=1 len=1000
            in  A seq=3001 ack=1 len=1000
            out A ack=4001 win=0
            in  A seq=4001 ack=1 len=1000
            out A ack=4001 win=0
            in  A seq=4000 ack=1
            out A ack=4001 win=0
            """);
        Assert.Equal(500, peer.Read(500));
        peer.Run("none");
        Assert.Equal(3500, peer.Read());
        List<string> opened = peer.TakeSent();
        Assert.InRange(opened.Count, 1, 2);
        Assert.Contains("win=4000", opened[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void OwnWindow_IsShut_AcknowledgmentsCount()
    {
        TcpSettings settings = TcpSettings.Default;
        settings.ReceiveBuffer = 4000;
        ScriptedPeer peer = ScriptedPeer.Accepted(settings);
        peer.Write(10);
        peer.Run("""
            out PA seq=1 len=10
            in  A seq=1 ack=1 len=1000
            in  A seq=1001 ack=1 len=1000
            out A ack=2001 win=0
            in  A seq=2001 ack=11 len=1
            out A seq=11 ack=2001 win=0
            """);
        Assert.Equal(0, peer.Connection.SendQueueCount);
    }

    [Fact]
    public void OutOfWindow_WithoutData_IsAnsweredNowAndThen()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted();
        peer.Run("""
            in  A seq=0 ack=1
            out A seq=1 ack=1
            in  A seq=0 ack=1
            none
            wait 600ms
            in  A seq=0 ack=1
            out A seq=1 ack=1
            in  A seq=200000 ack=1 len=10
            out A seq=1 ack=1
            in  A seq=200000 ack=1 len=10
            out A seq=1 ack=1
            """);
    }

    [Fact]
    public void SynAndForeignAcknowledgments_AreChallenged()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted();
        peer.Run("""
            in  S seq=1
            out A seq=1 ack=1
            wait 600ms
            in  S seq=99999999
            out A seq=1 ack=1
            wait 600ms
            in  A seq=1 ack=500
            out A seq=1 ack=1
            wait 600ms
            in  A seq=1 ack=-100000
            out A seq=1 ack=1
            in  - seq=1 len=5
            none
            """);
        Assert.Equal(0, peer.Connection.ReceivedCount);
    }

    [Fact]
    public void Paws_OldTimestamp_IsDropped()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted(options: "ts=1000/0");
        peer.Run("""
            in  PA seq=1 ack=1 len=5 ts=1010/echo
            in  PA seq=6 ack=1 len=5 ts=900/echo
            out A ack=6
            in  PA seq=6 ack=1 len=5
            flush
            out A ack=11
            """);
        Assert.Equal(10, peer.Connection.ReceivedCount);
        Assert.Equal(1, peer.Tcp.Counters[TcpCounter.PAWSEstab]);
    }

    [Fact]
    public void KeepAlive_PeerIsGone_Ends()
    {
        TcpSettings settings = TcpSettings.Default;
        settings.IsKeptAlive = true;
        settings.KeepIdleNs = 10_000_000_000;
        settings.KeepIntervalNs = 2_000_000_000;
        settings.KeepProbes = 3;
        ScriptedPeer peer = ScriptedPeer.Accepted(settings);
        peer.Run("""
            wait 9.9s
            none
            wait 0.2s
            out A seq=0 len=0
            in  A seq=1 ack=1
            none
            wait 9.9s
            none
            wait 0.2s
            out A seq=0 len=0
            wait 2s
            out A seq=0
            wait 2s
            out A seq=0
            wait 2s
            out RA seq=1
            none
            """);
        Assert.Equal(NetworkError.TimedOut, peer.Connection.TakeError());
    }

    [Fact]
    public void Urgent_Byte_IsReadApart()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted();
        Assert.Equal(TcpTransferState.Failed, peer.Connection.ReceiveUrgent(false, out _));
        peer.Run("in PUA seq=1 ack=1 len=10 urg=5");
        Assert.True(peer.Events.HasFlag(TcpEvents.Urgent));
        Assert.True(peer.Connection.Readiness.HasFlag(TcpReadiness.Priority));
        Assert.Equal(4, peer.Connection.ReceivedCount);
        Assert.False(peer.Connection.IsAtMark);
        Assert.Equal(4, peer.Read());
        Assert.True(peer.Connection.IsAtMark);
        Assert.Equal(TcpTransferState.Ready, peer.Connection.ReceiveUrgent(true, out byte value));
        Assert.Equal((byte)'y', value);
        Assert.Equal(TcpTransferState.Ready, peer.Connection.ReceiveUrgent(false, out _));
        Assert.Equal(TcpTransferState.Failed, peer.Connection.ReceiveUrgent(false, out _));
        Assert.Equal(5, peer.Read());
        Assert.False(peer.Connection.Readiness.HasFlag(TcpReadiness.Priority));
    }

    [Fact]
    public void Urgent_ByteIsSent_IsPointedAt()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted();
        peer.Write(3, false, true);
        peer.Run("""
            out PUA seq=1 len=3 urg=3
            in  A seq=1 ack=4
            """);
        peer.Write(3);
        peer.Run("out PA seq=4 len=3 urg=0");
    }

    [Fact]
    public void PathMtu_IsLowered_SendsAgainInSmallerSegments()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted(options: "sackok");
        peer.Write(2000);
        peer.Run("""
            out A seq=1 len=1000
            out PA seq=1001 len=1000
            """);
        byte[] quoted = new byte[8];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt16BigEndian(quoted, 80);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt16BigEndian(quoted.AsSpan(2), 40000);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(quoted.AsSpan(4), peer.StackInitial + 1);
        peer.Tcp.ReceiveError(
            new IcmpError
            {
                Error = NetworkError.MessageTooLong,
                Mtu = 576,
                Source = ScriptedPeer.LocalAddress,
                Destination = ScriptedPeer.PeerAddress,
                Quoted = quoted,
            },
            peer.NowNs);
        peer.Run("""
            out A seq=1 len=536
            out A seq=537 len=464
            out A seq=1001 len=536
            out PA seq=1537 len=464
            none
            """);
    }

    [Fact]
    public void Buffers_OfOneBytePackets_AreJoined()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted();
        for (int i = 0; i < 1000; i++)
        {
            peer.Run($"in PA seq={1 + i} ack=1 len=1");
            peer.TakeSent();
        }

        Assert.Equal(1000, peer.Connection.ReceivedCount);
        Assert.Equal(2048, peer.Tcp.ReceiveBytes);
        Assert.Equal(1000, peer.Read());
        Assert.Equal(0, peer.Tcp.ReceiveBytes);
    }

    [Fact]
    public void Holes_WithoutEnd_AreBounded()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted(options: "sackok ws=7");
        for (int i = 0; i < 20_000; i++)
        {
            peer.Run($"in A seq={3 + (i * 3)} ack=1 len=1");
            peer.TakeSent();
        }

        Assert.InRange(peer.Tcp.ReceiveBytes, 2048, 131072);
    }
}
