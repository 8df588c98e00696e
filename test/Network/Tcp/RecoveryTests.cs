using Semitone.Net;

namespace Semitone.Network.Tcp;

/// <summary>What is done when segments are lost (RFC 6298, 6582, 6675, 8985).</summary>
public sealed class RecoveryTests
{
    [Fact]
    public void Timeout_SendsTheFirstAgain_TwiceAsLateEachTime()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted();
        peer.Write(3000);
        peer.Run("""
            out A seq=1 len=1000
            out A seq=1001 len=1000
            out PA seq=2001 len=1000
            wait 195ms
            none
            wait 10ms
            out A seq=1 len=1000
            none
            wait 390ms
            none
            wait 20ms
            out A seq=1 len=1000
            none
            in  A seq=1 ack=1001
            out A seq=1001 len=1000
            out PA seq=2001 len=1000
            none
            in  A seq=1 ack=3001
            none
            """);
        Assert.Equal(2, peer.Tcp.Counters[TcpCounter.TCPTimeouts]);
        peer.Run("""
            wait 1000s
            none
            """);
        Assert.Equal(long.MaxValue, peer.Tcp.NextDeadlineNs);
    }

    [Fact]
    public void Timeout_ForEver_GivesUpAfterFifteen()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted();
        peer.Write(10);
        peer.Wait(800_000_000_000);
        Assert.Equal(TcpState.Established, peer.Connection.State);
        peer.Wait(400_000_000_000);
        Assert.Equal(NetworkError.TimedOut, peer.Connection.TakeError());

        // The data, fifteen times more, and the RST.
        Assert.Equal(17, peer.TakeSent().Count);
    }

    [Fact]
    public void UserTimeout_Ends()
    {
        TcpSettings settings = TcpSettings.Default;
        settings.UserTimeoutNs = 1_000_000_000;
        ScriptedPeer peer = ScriptedPeer.Accepted(settings);
        peer.Write(10);
        peer.Wait(990_000_000);
        Assert.Equal(TcpState.Established, peer.Connection.State);
        peer.Wait(20_000_000);
        Assert.Equal(NetworkError.TimedOut, peer.Connection.TakeError());
    }

    [Fact]
    public void Duplicates_WithoutSack_SendOneSegmentAgain()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted();
        peer.Write(8000);
        Assert.Equal(8, peer.TakeSent().Count);
        peer.Run("""
            in  A seq=1 ack=1
            none
            in  A seq=1 ack=1
            none
            in  A seq=1 ack=1
            out A seq=1 len=1000
            none
            in  A seq=1 ack=1
            none
            in  A seq=1 ack=2001
            out A seq=2001 len=1000
            none
            in  A seq=1 ack=8001
            none
            """);
        Assert.Equal(1, peer.Tcp.Counters[TcpCounter.TCPRenoRecovery]);
        Assert.Equal(0, peer.Tcp.Counters[TcpCounter.TCPTimeouts]);
    }

    [Fact]
    public void Sack_ShowsHoles_OnlyTheseAreSentAgain()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted(options: "sackok", rttMs: 10);
        peer.Write(8000);
        Assert.Equal(8, peer.TakeSent().Count);
        peer.Run("""
            wait 10ms
            in  A seq=1 ack=1 sack=1001-2001
            in  A seq=1 ack=1 sack=1001-2001 sack=3001-4001
            in  A seq=1 ack=1 sack=3001-5001 sack=1001-2001
            out A seq=1 len=1000
            in  A seq=1 ack=1 sack=3001-8001 sack=1001-2001
            out A seq=2001 len=1000
            none
            wait 10ms
            in  A seq=1 ack=2001 sack=3001-8001
            none
            in  A seq=1 ack=8001
            none
            """);
        Assert.Equal(2, peer.Tcp.Counters[TcpCounter.RetransSegs]);
        Assert.Equal(1, peer.Tcp.Counters[TcpCounter.TCPSackRecovery]);
    }

    [Fact]
    public void TailLoss_IsProbed()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted(options: "sackok", rttMs: 10);
        peer.Write(3000);
        peer.Run("""
            out A seq=1 len=1000
            out A seq=1001 len=1000
            out PA seq=2001 len=1000
            wait 10ms
            in  A seq=1 ack=2001
            """);
        long waited = peer.Tcp.NextDeadlineNs - peer.NowNs;
        Assert.InRange(waited, 1_000_000, 210_000_000);
        peer.Run("""
            wait 210ms
            out PA seq=2001 len=1000
            in  A seq=1 ack=3001
            none
            """);
        Assert.Equal(1, peer.Tcp.Counters[TcpCounter.TCPLossProbes]);
        Assert.Equal(0, peer.Tcp.Counters[TcpCounter.TCPTimeouts]);
    }

    [Fact]
    public void Timeout_WasSpurious_IsUndone()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted(options: "sackok ts=100/0");
        peer.Write(9880);
        Assert.Equal(10, peer.TakeSent().Count);
        uint first = peer.LastTimestamp;
        int before = peer.Connection.GetInfo(peer.NowNs).CongestionWindow;
        peer.Wait(1_000_000_000);
        Assert.NotEmpty(peer.TakeSent());
        Assert.Equal(1, peer.Connection.GetInfo(peer.NowNs).CongestionWindow);
        peer.Run($"in A seq=1 ack=1977 ts=2000/{first}");
        Assert.InRange(peer.Connection.GetInfo(peer.NowNs).CongestionWindow, before, before + 2);
        Assert.Equal(1, peer.Tcp.Counters[TcpCounter.TCPSpuriousRTOs]);
        Assert.Empty(peer.TakeSent());
    }

    [Fact]
    public void RoundTrip_AcknowledgmentWasLost_IsNotTheWait()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted(options: "sackok ts=100/0", rttMs: 10);
        peer.Write(500);
        peer.Run("out PA seq=1 len=500");
        uint first = peer.LastTimestamp;
        peer.Wait(5_000_000_000);
        Assert.NotEmpty(peer.TakeSent());

        // The peer has it since long, and says so; what it echoes is from then.
        peer.Run($"in A seq=1 ack=501 sack=1-501 ts=2000/{first}");
        Assert.InRange(peer.Connection.GetInfo(peer.NowNs).RttNs, 1, 500_000_000);
    }

    [Fact]
    public void RoundTrip_OneAcknowledgmentIsForTwo_IsOfTheYoungerOne()
    {
        TcpSettings settings = TcpSettings.Default;
        settings.IsNoDelay = true;
        ScriptedPeer peer = ScriptedPeer.Accepted(settings, "sackok ts=100/0", rttMs: 10);
        peer.Write(500);
        peer.Run("""
            out PA seq=1 len=500
            wait 150ms
            """);
        peer.Write(500);
        peer.Run("""
            out PA seq=501 len=500
            wait 10ms
            in  A seq=1 ack=1001 ts=2000/echo
            """);
        Assert.InRange(peer.Connection.GetInfo(peer.NowNs).RttNs, 1, 12_000_000);
    }

    [Fact]
    public void Link_HasNoRoomForLong_ConnectionLasts()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted();
        peer.IsLinkFull = true;
        peer.Write(100);
        peer.Run("""
            wait 60s
            none
            """);
        peer.IsLinkFull = false;
        peer.Run("""
            wait 20ms
            out PA seq=1 len=100
            in  A seq=1 ack=101
            none
            """);
        Assert.Equal(TcpState.Established, peer.Connection.State);
    }

    [Fact]
    public void Reneging_AtTheTimeout_SendsAllAgain()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted(options: "sackok");
        peer.Write(4000);
        Assert.Equal(4, peer.TakeSent().Count);

        // It says that it has everything, then that it has nothing.
        peer.Run("in A seq=1 ack=1 sack=1001-4001");
        peer.TakeSent();
        peer.Run("in A seq=1 ack=1001");
        peer.Wait(3_000_000_000);
        List<string> sent = peer.TakeSent();
        Assert.Contains(sent, line => line.Contains("seq=1001 ", StringComparison.Ordinal));
        Assert.Equal(1, peer.Tcp.Counters[TcpCounter.TCPSACKReneging]);
        peer.Run("""
            in  A seq=1 ack=2001
            out A seq=2001 len=1000
            out PA seq=3001 len=1000
            in  A seq=1 ack=4001
            none
            """);
    }

    [Fact]
    public void Sack_OfManySmallPieces_IsBounded()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted(options: "sackok ws=7");
        peer.Write(10_000);
        peer.TakeSent();
        for (int i = 2; i < 9_990; i += 2)
        {
            peer.Run($"in A seq=1 ack=1 sack={i}-{i + 1}");
            peer.TakeSent();
        }

        TcpInfo info = peer.Connection.GetInfo(peer.NowNs);
        Assert.True(info.BytesRetransmitted < 200_000, $"{info.BytesRetransmitted} bytes for 10,000");
        peer.Run("in A seq=1 ack=10001");
        Assert.Equal(0, peer.Connection.SendQueueCount);
    }

    [Fact]
    public void Burst_ThatTheLinkCuts_IsRepairedByTheSegment()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted(options: "sackok", rttMs: 10);
        peer.SegmentedPayload = 65536;
        peer.Connection.Apply(peer.Connection.Settings, peer.NowNs);
        peer.Reroute();
        peer.Write(8000);
        peer.Run("out PA seq=1 len=8000");
        peer.Run("""
            wait 10ms
            in  A seq=1 ack=3001 sack=4001-8001
            out A seq=3001 len=1000
            none
            in  A seq=1 ack=8001
            none
            """);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(27)]
    [InlineData(1000)]
    [InlineData(-8)]
    public void CubeRoot_IsOne(double value)
    {
        double root = Cubic.CubeRoot(value);
        Assert.Equal(Math.Max(value, 0), root * root * root, 6);
    }

    [Fact]
    public void Cubic_GrowsBackToWhereItWas()
    {
        // RFC 9438, 4.2: after K seconds it is at the old maximum: cbrt(100 * 0.3 / 0.4) = 4.22.
        Cubic cubic = new();
        CongestionWindow window = new() { SegmentSize = 1000, Bytes = 100_000, Threshold = 1 };
        window.Threshold = cubic.GetThreshold(window, 100_000);
        Assert.Equal(70_000, window.Threshold);
        window.Bytes = window.Threshold;
        long now = 0;
        const long RttNs = 100_000_000;
        while (now < 4_220_000_000)
        {
            for (int left = window.Bytes; left > 0; left -= 1000)
            {
                cubic.OnAcknowledged(ref window, 1000, RttNs, now);
            }

            now += RttNs;
        }

        Assert.InRange(window.Bytes, 95_000, 105_000);
    }
}
