namespace Semitone.Net;

/// <content>What goes out without a connection.</content>
public sealed partial class TcpLayer
{
    /// <summary>Sends a segment without data.</summary>
    internal void SendControl(
        in ConnectionKey key,
        SequenceNumber sequence,
        SequenceNumber acknowledgment,
        TcpFlags flags,
        ushort window,
        in TcpOptions options,
        int interfaceIndex,
        long nowNs)
    {
        if (Ip.FindRoute(key.Local.Address, key.Remote.Address, interfaceIndex, out IpRoute route) == NetworkError.None)
        {
            SendOn(route, key, sequence, acknowledgment, flags, window, options, default, nowNs);
        }
    }

    internal void SendReset(
        in ConnectionKey key,
        SequenceNumber sequence,
        SequenceNumber acknowledgment,
        TcpFlags flags,
        int interfaceIndex,
        long nowNs)
    {
        Counters.Add(TcpCounter.OutRsts);
        SendControl(key, sequence, acknowledgment, flags, 0, default, interfaceIndex, nowNs);
    }

    /// <summary>Answers a SYN.</summary>
    /// <param name="handshake">What is agreed on.</param>
    /// <param name="route">The way to the peer.</param>
    /// <param name="settings">The listener's.</param>
    /// <param name="hasScale">Whether the peer has offered window scaling; null for what the handshake tells.</param>
    /// <param name="nowNs">The time.</param>
    internal void SendSynAck(in Handshake handshake, in IpRoute route, in TcpSettings settings, bool? hasScale, long nowNs)
    {
        TcpOptions options = GetAnswer(handshake, route, settings, hasScale ?? handshake.ReceiveScale > 0 || handshake.SendScale > 0, nowNs);
        SendSynAck(handshake, route, settings, options, nowNs);
    }

    /// <summary>Answers a SYN that is not remembered.</summary>
    internal void SendCookie(in Handshake handshake, in IpRoute route, in TcpSettings settings, in TcpOptions offered, long nowNs)
    {
        // Without timestamps nothing else can be remembered.
        bool isRich = handshake.HasTimestamps;
        TcpOptions options = GetAnswer(handshake, route, settings, isRich && offered.HasWindowScale, nowNs);
        options.IsSackPermitted &= isRich;
        if (isRich)
        {
            options.TimestampValue = SynCookies.Hide((uint)(nowNs / 1_000_000), offered) + handshake.TimestampOffset;
        }

        SendSynAck(handshake, route, settings, options, nowNs);
    }

    private TcpOptions GetAnswer(in Handshake handshake, in IpRoute route, in TcpSettings settings, bool hasScale, long nowNs)
    {
        int size = GetSegmentSize(route, handshake.Key.Remote.Address);
        return new TcpOptions
        {
            MaximumSegmentSize = (ushort)(settings.MaximumSegmentSize > 0 ? Math.Min(size, settings.MaximumSegmentSize) : size),
            HasWindowScale = hasScale,
            WindowScale = hasScale ? handshake.ReceiveScale : (byte)0,
            IsSackPermitted = handshake.HasSack,
            HasTimestamps = handshake.HasTimestamps,
            TimestampValue = (uint)(nowNs / 1_000_000) + handshake.TimestampOffset,
            TimestampEcho = handshake.RecentTimestamp,
        };
    }

    private void SendSynAck(in Handshake handshake, in IpRoute route, in TcpSettings settings, in TcpOptions options, long nowNs) =>
        SendOn(
            route,
            handshake.Key,
            handshake.InitialSend,
            handshake.InitialReceive + 1,
            TcpFlags.Syn | TcpFlags.Ack,
            (ushort)handshake.AnnouncedWindow,
            options,
            settings,
            nowNs);

    /// <summary>RFC 9293, 3.10.7.1: what belongs to nobody is answered with a RST, unless it is one.</summary>
    private void AnswerStray(in TcpSegment segment, in ConnectionKey key, int interfaceIndex, long nowNs)
    {
        if (segment.HasRst)
        {
            return;
        }

        int bound = GetBinding(key, 0, interfaceIndex);
        if (segment.HasAck)
        {
            SendReset(key, segment.Acknowledgment, default, TcpFlags.Rst, bound, nowNs);
            return;
        }

        SendReset(key, default, segment.Sequence + segment.SequenceLength, TcpFlags.Rst | TcpFlags.Ack, bound, nowNs);
    }

    private void SendOn(
        in IpRoute route,
        in ConnectionKey key,
        SequenceNumber sequence,
        SequenceNumber acknowledgment,
        TcpFlags flags,
        ushort window,
        in TcpOptions options,
        in TcpSettings settings,
        long nowNs)
    {
        Span<byte> header = stackalloc byte[TcpHeader.MaximumSize];
        header = header[..(TcpHeader.Size + options.Write(header[TcpHeader.Size..]))];
        TcpHeader.Write(header, key.Local.Port, key.Remote.Port, sequence.Value, acknowledgment.Value, flags, window, 0);
        TransportPacket packet = new()
        {
            Protocol = IpProtocol.Tcp,
            Header = header,
            ChecksumOffset = TcpHeader.ChecksumOffset,
            HopLimit = settings.HopLimit,
            TrafficClass = settings.TrafficClass,
            DontFragment = true,
        };
        if (Ip.Send(route, packet, nowNs) == NetworkError.None)
        {
            Counters.Add(TcpCounter.OutSegs);
        }
    }
}
