using System.Buffers.Binary;
using Semitone.Abi;
using Semitone.Net;

namespace Semitone.Sockets;

/// <summary>The options of SOL_TCP (tcp(7)).</summary>
internal static class TcpOptions
{
    private const long NsPerSecond = 1_000_000_000;
    private const long NsPerMillisecond = 1_000_000;
    private const long NsPerMicrosecond = 1000;
    private const int LongestKeepTime = 32767;
    private const int MostProbes = 127;
    private const int LongestLinger = 120;
    private const int SmallestSegment = 88;
    private const int LargestSegment = 32767;
    private const int UsualSegment = 536;

    /// <summary>sizeof(struct tcp_info) of Linux 6.18.</summary>
    private const int InfoLength = 280;

    public static readonly OptionTable Table = new(
        Int(TcpOption.TCP_NODELAY, s => s.Settings.IsNoDelay ? 1 : 0, (s, v) => Set(s, s.Settings with { IsNoDelay = v != 0 })),
        Int(TcpOption.TCP_CORK, s => s.Settings.IsCorked ? 1 : 0, (s, v) => Set(s, s.Settings with { IsCorked = v != 0 })),
        Int(TcpOption.TCP_QUICKACK, s => s.Connection?.IsQuickAcknowledgment != false ? 1 : 0, SetQuickAck),
        Int(TcpOption.TCP_MAXSEG, GetSegmentSize, SetSegmentSize),
        Int(TcpOption.TCP_KEEPIDLE, s => (int)(s.Settings.KeepIdleNs / NsPerSecond), SetKeepIdle),
        Int(TcpOption.TCP_KEEPINTVL, s => (int)(s.Settings.KeepIntervalNs / NsPerSecond), SetKeepInterval),
        Int(TcpOption.TCP_KEEPCNT, s => s.Settings.KeepProbes, SetKeepProbes),
        Int(TcpOption.TCP_SYNCNT, s => s.Settings.SynRetries, SetSynRetries),
        Int(TcpOption.TCP_LINGER2, s => (int)(s.Settings.FinWait2Ns / NsPerSecond), SetLinger),
        Int(TcpOption.TCP_DEFER_ACCEPT, s => (int)(s.Settings.DeferAcceptNs / NsPerSecond), SetDeferAccept),
        Int(TcpOption.TCP_WINDOW_CLAMP, s => s.Settings.WindowClamp, SetWindowClamp),
        Int(TcpOption.TCP_USER_TIMEOUT, s => (int)(s.Settings.UserTimeoutNs / NsPerMillisecond), SetUserTimeout),
        Int(TcpOption.TCP_NOTSENT_LOWAT, s => s.Settings.NotSentLowWater, (s, v) => Set(s, s.Settings with { NotSentLowWater = v })),
        new OptionEntry((int)TcpOption.TCP_CONGESTION, 1, GetCongestion, SetCongestion),
        new OptionEntry((int)TcpOption.TCP_INFO, 0, GetInfo, null));

    private static OptionEntry Int(TcpOption name, Func<InetStreamSocket, int> get, Func<InetStreamSocket, int, Errno> set) =>
        OptionEntry.Int((int)name, socket => get((InetStreamSocket)socket), (socket, value, _) => set((InetStreamSocket)socket, value));

    private static Errno Set(InetStreamSocket socket, TcpSettings settings)
    {
        socket.Settings = settings;
        return Errno.None;
    }

    private static Errno SetQuickAck(InetStreamSocket socket, int value)
    {
        socket.Connection?.SetQuickAcknowledgment(value != 0, socket.Network.NowNs);
        socket.Network.Task.Settle();
        return Errno.None;
    }

    private static int GetSegmentSize(InetStreamSocket socket)
    {
        if (socket.Connection is { State: not TcpState.Closed } connection)
        {
            return connection.SegmentSize;
        }

        int wanted = socket.Settings.MaximumSegmentSize;
        return wanted != 0 ? wanted : UsualSegment;
    }

    private static Errno SetSegmentSize(InetStreamSocket socket, int value) =>
        value != 0 && value is < SmallestSegment or > LargestSegment
            ? Errno.EINVAL
            : Set(socket, socket.Settings with { MaximumSegmentSize = value });

    private static Errno SetKeepIdle(InetStreamSocket socket, int value) =>
        value is < 1 or > LongestKeepTime ? Errno.EINVAL : Set(socket, socket.Settings with { KeepIdleNs = value * NsPerSecond });

    private static Errno SetKeepInterval(InetStreamSocket socket, int value) =>
        value is < 1 or > LongestKeepTime ? Errno.EINVAL : Set(socket, socket.Settings with { KeepIntervalNs = value * NsPerSecond });

    private static Errno SetKeepProbes(InetStreamSocket socket, int value) =>
        value is < 1 or > MostProbes ? Errno.EINVAL : Set(socket, socket.Settings with { KeepProbes = (byte)value });

    private static Errno SetSynRetries(InetStreamSocket socket, int value) =>
        value is < 1 or > MostProbes ? Errno.EINVAL : Set(socket, socket.Settings with { SynRetries = (byte)value });

    private static Errno SetLinger(InetStreamSocket socket, int value)
    {
        long time = value switch
        {
            < 0 => -NsPerSecond,
            0 => TcpSettings.Default.FinWait2Ns,
            _ => Math.Min(value, LongestLinger) * NsPerSecond,
        };
        return Set(socket, socket.Settings with { FinWait2Ns = time });
    }

    private static Errno SetDeferAccept(InetStreamSocket socket, int value) =>
        Set(socket, socket.Settings with { DeferAcceptNs = Math.Max(0, value) * NsPerSecond });

    private static Errno SetWindowClamp(InetStreamSocket socket, int value) =>
        value < 0 ? Errno.EINVAL : Set(socket, socket.Settings with { WindowClamp = value });

    private static Errno SetUserTimeout(InetStreamSocket socket, int value) =>
        value < 0 ? Errno.EINVAL : Set(socket, socket.Settings with { UserTimeoutNs = value * NsPerMillisecond });

    private static Errno GetCongestion(Socket socket, Span<byte> value, out int length)
    {
        // A name of TCP_CA_NAME_MAX bytes, with what fills it up.
        length = 16;
        value[..length].Clear();
        bool isReno = ((InetStreamSocket)socket).Settings.Congestion == TcpCongestion.Reno;
        (isReno ? "reno"u8 : "cubic"u8).CopyTo(value);
        return Errno.None;
    }

    private static Errno SetCongestion(Socket socket, ReadOnlySpan<byte> value, ISocketCaller caller)
    {
        int end = value.IndexOf((byte)0);
        ReadOnlySpan<byte> name = end < 0 ? value : value[..end];
        bool isReno = name.SequenceEqual("reno"u8);
        if (!isReno && !name.SequenceEqual("cubic"u8))
        {
            return Errno.ENOENT;
        }

        InetStreamSocket stream = (InetStreamSocket)socket;
        return Set(stream, stream.Settings with { Congestion = isReno ? TcpCongestion.Reno : TcpCongestion.Cubic });
    }

    private static Errno GetInfo(Socket socket, Span<byte> value, out int length)
    {
        InetStreamSocket stream = (InetStreamSocket)socket;
        length = InfoLength;
        value = value[..length];
        value.Clear();
        if (stream.Connection is not { } connection)
        {
            value[0] = (byte)(stream.IsListening ? TcpState.Listen : TcpState.Closed);
            return Errno.None;
        }

        TcpInfo info = connection.GetInfo(stream.Network.NowNs);
        value[0] = (byte)info.State;
        value[1] = info.CongestionState;
        value[2] = info.Retransmits;
        value[3] = info.Probes;
        value[4] = info.Backoff;
        value[5] = (byte)((info.HasTimestamps ? 1 : 0) | (info.HasSack ? 2 : 0) | (info.HasWindowScale ? 4 : 0));
        value[6] = (byte)(info.SendScale | (info.ReceiveScale << 4));
        PutNumbers(value[8..], info.TimeoutNs / NsPerMicrosecond, info.AckTimeoutNs / NsPerMicrosecond, info.SendSegmentSize);
        PutNumbers(value[20..], info.ReceiveSegmentSize, info.Unacknowledged, info.Sacked, info.Lost);
        PutNumbers(value[44..], info.LastDataSentAgoNs / NsPerMillisecond);
        PutNumbers(value[52..], info.LastReceivedAgoNs / NsPerMillisecond);
        PutNumbers(value[60..], info.PathMtu);
        PutNumbers(value[68..], info.RttNs / NsPerMicrosecond, info.RttVariationNs / NsPerMicrosecond, info.SlowStartThreshold);
        PutNumbers(value[80..], info.CongestionWindow, info.AdvertisedSegmentSize);
        PutNumbers(value[96..], info.ReceiveSpace, info.TotalRetransmissions);
        BinaryPrimitives.WriteInt64LittleEndian(value[112..], -1);
        BinaryPrimitives.WriteInt64LittleEndian(value[120..], info.BytesAcknowledged);
        BinaryPrimitives.WriteInt64LittleEndian(value[128..], info.BytesReceived);
        PutNumbers(value[144..], info.NotSentBytes, info.MinimumRttNs / NsPerMicrosecond);
        BinaryPrimitives.WriteInt64LittleEndian(value[200..], info.BytesSent);
        BinaryPrimitives.WriteInt64LittleEndian(value[208..], info.BytesRetransmitted);
        PutNumbers(value[228..], info.SendWindow, info.ReceiveWindow);
        return Errno.None;
    }

    private static void PutNumbers(Span<byte> destination, params ReadOnlySpan<long> numbers)
    {
        for (int i = 0; i < numbers.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(destination[(i * sizeof(uint))..], (uint)Math.Clamp(numbers[i], 0, uint.MaxValue));
        }
    }
}
