using Semitone.Net;

namespace Semitone.Network.Tcp;

/// <summary>How connections end (RFC 9293, 3.6).</summary>
public sealed class ClosingTests
{
    [Fact]
    public void PeerCloses_ThenWe_EndsInLastAck()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted();
        peer.Run("""
            in  FA seq=1 ack=1
            out A seq=1 ack=2
            """);
        Assert.Equal(TcpState.CloseWait, peer.Connection.State);
        Assert.Equal(TcpTransferState.EndOfStream, peer.Connection.CheckReceive(out _));
        Assert.Equal(
            TcpReadiness.In | TcpReadiness.Out | TcpReadiness.ReadHangUp | TcpReadiness.ReadNormal | TcpReadiness.WriteNormal,
            peer.Connection.Readiness);
        peer.Write(7);
        peer.Connection.Close(peer.NowNs);
        peer.Run("""
            out A seq=1 ack=2 len=7
            out FA seq=8 ack=2
            """);
        Assert.Equal(TcpState.LastAck, peer.Connection.State);
        peer.Run("""
            in  A seq=2 ack=9
            none
            """);
        Assert.Equal(TcpState.Closed, peer.Connection.State);
        Assert.Equal(0, peer.Tcp.Table.Count);
        Assert.Equal(long.MaxValue, peer.Tcp.NextDeadlineNs);
    }

    [Fact]
    public void WeShut_PeerAnswersAndCloses_EndsInTimeWait()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted();
        peer.Connection.Shutdown(false, true, peer.NowNs);
        Assert.Equal(TcpState.FinWait1, peer.Connection.State);
        peer.Run("""
            out FA seq=1 ack=1
            in  A seq=1 ack=2
            """);
        Assert.Equal(TcpState.FinWait2, peer.Connection.State);
        Assert.Equal(TcpReadiness.Out | TcpReadiness.WriteNormal, peer.Connection.Readiness);
        peer.Run("""
            in  PA seq=1 ack=2 len=30
            in  FA seq=31 ack=2
            out A seq=2 ack=32
            none
            """);
        Assert.Equal(TcpState.Closed, peer.Connection.State);
        Assert.Equal(30, peer.Read());
        Assert.Equal(TcpTransferState.EndOfStream, peer.Connection.CheckReceive(out _));
        Assert.Equal(
            TcpReadiness.In | TcpReadiness.Out | TcpReadiness.HangUp | TcpReadiness.ReadHangUp | TcpReadiness.ReadNormal
                | TcpReadiness.WriteNormal,
            peer.Connection.Readiness);
        Assert.Equal(1, peer.Tcp.TimeWaitCount);
        peer.Run("""
            wait 30s
            in  FA seq=31 ack=2
            out A seq=2 ack=32
            wait 59s
            none
            """);
        Assert.Equal(1, peer.Tcp.TimeWaitCount);
        peer.Run("wait 2s");
        Assert.Equal(0, peer.Tcp.TimeWaitCount);
        Assert.Equal(long.MaxValue, peer.Tcp.NextDeadlineNs);
    }

    [Fact]
    public void BothClose_AtOnce_EndsInTimeWait()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted();
        peer.Connection.Shutdown(false, true, peer.NowNs);
        peer.Run("""
            out FA seq=1 ack=1
            in  FA seq=1 ack=1
            out A seq=2 ack=2
            """);
        Assert.Equal(TcpState.Closing, peer.Connection.State);
        peer.Run("""
            in  A seq=2 ack=2
            out A seq=2 ack=2
            """);
        Assert.Equal(1, peer.Tcp.TimeWaitCount);
    }

    [Fact]
    public void FinIsAcknowledgedWithAFin_EndsInTimeWait()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted();
        peer.Connection.Close(peer.NowNs);
        peer.Run("""
            out FA seq=1 ack=1
            in  FA seq=1 ack=2
            out A seq=2 ack=2
            none
            """);
        Assert.Equal(1, peer.Tcp.TimeWaitCount);
        Assert.Equal(0, peer.Tcp.OrphanCount);
    }

    [Fact]
    public void Close_DataIsUnread_Resets()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted();
        peer.Run("in PA seq=1 ack=1 len=10");
        peer.Connection.Close(peer.NowNs);
        peer.Run("""
            out RA seq=1 ack=11
            none
            """);
        Assert.Equal(0, peer.Tcp.Table.Count);
        Assert.Equal(0, peer.Tcp.ReceiveBytes);
    }

    [Fact]
    public void Close_DataComesLater_Resets()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted();
        peer.Connection.Close(peer.NowNs);
        peer.Run("""
            out FA seq=1 ack=1
            in  A seq=1 ack=2
            none
            in  PA seq=1 ack=2 len=10
            out RA seq=2 ack=1
            none
            """);
        Assert.Equal(0, peer.Tcp.Table.Count);
        Assert.Equal(1, peer.Tcp.Counters[TcpCounter.TCPAbortOnData]);
    }

    [Fact]
    public void Orphan_InFinWait2_LeavesAfterAMinute()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted();
        peer.Connection.Close(peer.NowNs);
        peer.Run("""
            out FA seq=1 ack=1
            in  A seq=1 ack=2
            wait 59s
            """);
        Assert.Equal(1, peer.Tcp.ConnectionCount);
        peer.Run("""
            wait 2s
            none
            """);
        Assert.Equal(0, peer.Tcp.ConnectionCount);
        Assert.Equal(0, peer.Tcp.OrphanCount);
    }

    [Fact]
    public void Orphan_PeerIsGone_IsGivenUpSooner()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted();
        peer.Write(10);
        peer.Connection.Close(peer.NowNs);
        peer.Wait(400_000_000_000);
        Assert.InRange(peer.TakeSent().Count, 10, 20);
        Assert.Equal(0, peer.Tcp.ConnectionCount);
        Assert.Equal(long.MaxValue, peer.Tcp.NextDeadlineNs);
    }

    [Fact]
    public void Abort_Resets()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted();
        peer.Write(10);
        peer.Run("out PA seq=1 len=10");
        peer.Connection.Abort(peer.NowNs);
        peer.Run("""
            out RA seq=11 ack=1
            none
            """);
        Assert.Equal(0, peer.Tcp.Table.Count);
        Assert.Equal(0, peer.Tcp.SendBytes);
    }

    [Fact]
    public void Shutdown_WhileDataIsHeld_SendsItWithTheFin()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted();
        peer.Write(5);
        peer.Write(5);
        peer.Run("""
            out PA seq=1 len=5
            none
            """);
        peer.Connection.Shutdown(false, true, peer.NowNs);
        peer.Run("""
            out FPA seq=6 len=5
            in  A seq=1 ack=12
            """);
        Assert.True(peer.Events.HasFlag(TcpEvents.Drained));
    }

    [Theory]
    [InlineData(TcpState.Established, NetworkError.ConnectionReset)]
    [InlineData(TcpState.FinWait1, NetworkError.ConnectionReset)]
    [InlineData(TcpState.FinWait2, NetworkError.ConnectionReset)]
    [InlineData(TcpState.CloseWait, NetworkError.Shutdown)]
    public void Reset_ComesInAnyState_Ends(TcpState state, NetworkError error)
    {
        ScriptedPeer peer = ScriptedPeer.Accepted();
        int next = 1;
        if (state == TcpState.CloseWait)
        {
            peer.Run("""
                in  FA seq=1 ack=1
                out A ack=2
                """);
            next = 2;
        }
        else if (state is TcpState.FinWait1 or TcpState.FinWait2)
        {
            peer.Connection.Shutdown(false, true, peer.NowNs);
            peer.Run("out FA seq=1");
            if (state == TcpState.FinWait2)
            {
                peer.Run("in A seq=1 ack=2");
            }
        }

        Assert.Equal(state, peer.Connection.State);
        peer.Run($"""
            in  R seq={next - 10}
            none
            in  R seq={next + 5}
            out A ack={next}
            in  R seq={next + 5}
            none
            """);
        Assert.Equal(state, peer.Connection.State);
        peer.Run($"""
            in  R seq={next}
            none
            """);
        Assert.Equal(TcpState.Closed, peer.Connection.State);
        Assert.Equal(error, peer.Connection.TakeError());
        Assert.Equal(0, peer.Tcp.Table.Count);
    }

    [Fact]
    public void Reset_AfterData_LeavesTheDataToRead()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted();
        peer.Run("""
            in  PA seq=1 ack=1 len=9
            in  R seq=10
            none
            """);
        Assert.Equal(9, peer.Read());
        Assert.Equal(TcpTransferState.Failed, peer.Connection.CheckReceive(out NetworkError error));
        Assert.Equal(NetworkError.ConnectionReset, error);
        Assert.Equal(TcpTransferState.EndOfStream, peer.Connection.CheckReceive(out _));
    }

    [Fact]
    public void TimeWait_NewerSyn_BeginsAgain()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted();
        peer.Connection.Close(peer.NowNs);
        peer.Run("""
            out FA seq=1 ack=1
            in  FA seq=1 ack=2
            out A seq=2 ack=2
            in  S seq=1 mss=1000
            out A seq=2 ack=2
            in  S seq=50 mss=1000
            out SA seq=0 ack=51
            in  A seq=51 ack=1
            none
            """);
        Assert.Equal(0, peer.Tcp.TimeWaitCount);
        Assert.Equal(1, peer.Listener.AcceptableCount);
    }

    [Fact]
    public void TimeWait_Reset_EndsIt()
    {
        ScriptedPeer peer = ScriptedPeer.Accepted();
        peer.Connection.Close(peer.NowNs);
        peer.Run("""
            out FA seq=1 ack=1
            in  FA seq=1 ack=2
            out A seq=2 ack=2
            in  R seq=1
            none
            """);
        Assert.Equal(1, peer.Tcp.TimeWaitCount);
        peer.Run("in R seq=2");
        Assert.Equal(0, peer.Tcp.TimeWaitCount);
    }

    [Fact]
    public void TimeWait_IsBounded()
    {
        ScriptedPeer peer = ScriptedPeer.Listening(16, null, 1, new TcpLimits { TimeWait = 5 });
        for (ushort port = 1; port <= 10; port++)
        {
            peer.Port = port;
            peer.Run("""
                in  S seq=0 mss=1000
                out SA seq=0 ack=1
                in  A seq=1 ack=1
                """);
            peer.Accept();
            peer.Connection.Close(peer.NowNs);
            peer.Run("""
                out FA seq=1 ack=1
                in  FA seq=1 ack=2
                out A seq=2 ack=2
                """);
        }

        Assert.Equal(5, peer.Tcp.TimeWaitCount);
        Assert.Equal(5, peer.Tcp.Counters[TcpCounter.TCPTimeWaitOverflow]);
    }
}
