using System.Buffers.Binary;
using Semitone.Abi;
using Semitone.Files;
using Semitone.Net;

namespace Semitone.Sockets;

/// <summary>The texts of /proc/net about sockets, as Linux writes them (proc_pid_net(5)): what netstat reads.</summary>
internal static class SocketText
{
    private const int TcpLineLength = 149;
    private const int UdpLineLength = 127;
    private const long NsPerTick = 10_000_000;
    private const byte TimeWaitTimer = 3;
    private const byte SynTimer = 1;

    /// <summary>Writes a file.</summary>
    /// <returns>None, or ENOENT for one that there is not.</returns>
    public static Errno Write(Network network, string name, TextBuilder text)
    {
        bool isIpv6 = name.EndsWith('6');
        switch (name)
        {
            case "tcp" or "tcp6":
                WriteTcp(network, isIpv6, text);
                break;
            case "udp" or "udp6":
                WriteUdp(network, isIpv6, text);
                break;
            case "raw" or "raw6":
                // There are no such sockets.
                WriteHead(text, isIpv6 ? AddressHead6 : "  sl  local_address rem_address  "u8, EndOfUdpHead, 0);
                break;
            default:
                return Errno.ENOENT;
        }

        return Errno.None;
    }

    private static ReadOnlySpan<byte> AddressHead6 =>
        "  sl  local_address                         remote_address                       "u8;

    private static ReadOnlySpan<byte> EndOfTcpHead => " st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"u8;

    private static ReadOnlySpan<byte> EndOfUdpHead =>
        " st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops"u8;

    private static void WriteHead(TextBuilder text, ReadOnlySpan<byte> addresses, ReadOnlySpan<byte> rest, int length)
    {
        text.Append(addresses).Append(rest);
        NetworkText.EndLine(text, 0, length);
    }

    private static void WriteTcp(Network network, bool isIpv6, TextBuilder text)
    {
        int width = isIpv6 ? 0 : TcpLineLength;
        WriteHead(text, isIpv6 ? AddressHead6 : "  sl  local_address rem_address  "u8, EndOfTcpHead, width);
        int number = 0;
        foreach (TcpListener listener in network.Tcp.GetListeners())
        {
            Socket? socket = listener.Observer as Socket;
            if (IsOfIpv6(socket, listener.Local.Address) != isIpv6)
            {
                continue;
            }

            Line line = new() { State = TcpState.Listen, Received = listener.AcceptableCount, Socket = socket };
            int start = text.Length;
            WriteLine(text, number++, 4, isIpv6, listener.Local, new TcpEndpoint(Network.Any(isIpv6), 0), line);

            // What a connection would have here: a timeout of a second, ten segments, no threshold.
            text.Append(" 1 0000000000000000 100 0 0 10 0"u8);
            NetworkText.EndLine(text, start, width);
        }

        TcpTableCursor cursor = default;
        long nowNs = network.NowNs;
        while (network.Tcp.Table.TryGetNext(ref cursor, out TcpRecord? record))
        {
            TcpConnection? connection = record as TcpConnection;
            Socket? socket = connection?.Observer as Socket;
            if (IsOfIpv6(socket, record.Key.Local.Address) == isIpv6)
            {
                int start = text.Length;
                WriteConnection(text, number++, isIpv6, record, connection, socket, nowNs);
                NetworkText.EndLine(text, start, width);
            }
        }
    }

    private static void WriteConnection(
        TextBuilder text, int number, bool isIpv6, TcpRecord record, TcpConnection? connection, Socket? socket, long nowNs)
    {
        if (connection is null)
        {
            bool isHalfOpen = record.State == TcpState.SynReceived;
            Line half = new() { State = record.State, Timer = isHalfOpen ? SynTimer : TimeWaitTimer };
            WriteLine(text, number, 4, isIpv6, record.Key.Local, record.Key.Remote, half);
            text.Append(isHalfOpen ? " 1 0000000000000000"u8 : " 3 0000000000000000"u8);
            return;
        }

        TcpInfo info = connection.GetInfo(nowNs);

        // As long as nothing was lost there is no threshold.
        bool isFirst = (long)info.SlowStartThreshold * info.SendSegmentSize > int.MaxValue - info.SendSegmentSize;
        Line line = new()
        {
            State = record.State,
            Sent = connection.SendQueueCount,
            Received = connection.ReceivedCount,
            Timer = info.Timer,
            TimerNs = info.TimerNs,
            Retransmissions = info.Retransmits,
            Probes = info.Probes,
            Socket = socket,
        };
        WriteLine(text, number, 4, isIpv6, record.Key.Local, record.Key.Remote, line);
        text.Append(" 1 0000000000000000 "u8).Append(info.TimeoutNs / NsPerTick).Append(' ').Append(info.AckTimeoutNs / NsPerTick)
            .Append(' ').Append(connection.IsQuickAcknowledgment ? '2' : '0').Append(' ').Append((long)info.CongestionWindow).Append(' ')
            .Append(isFirst ? -1 : (long)info.SlowStartThreshold);
    }

    private static void WriteUdp(Network network, bool isIpv6, TextBuilder text)
    {
        int width = isIpv6 ? 0 : UdpLineLength;
        WriteHead(text, isIpv6 ? AddressHead6 : "   sl  local_address rem_address  "u8, EndOfUdpHead, width);
        foreach (UdpEndpoint endpoint in network.Udp.Endpoints)
        {
            if (endpoint.IsIpv6 != isIpv6)
            {
                continue;
            }

            Line line = new()
            {
                State = endpoint.IsConnected ? TcpState.Established : TcpState.Closed,
                Received = endpoint.QueuedSize,
                Socket = endpoint.Listener as Socket,
            };
            IpAddress remote = endpoint.IsConnected ? endpoint.RemoteAddress : Network.Any(isIpv6);
            int start = text.Length;
            WriteLine(
                text,
                endpoint.LocalPort,
                5,
                isIpv6,
                new TcpEndpoint(endpoint.LocalAddress, endpoint.LocalPort),
                new TcpEndpoint(remote, endpoint.IsConnected ? endpoint.RemotePort : (ushort)0),
                line);
            text.Append(" 2 0000000000000000 "u8).Append(endpoint.DroppedCount);
            NetworkText.EndLine(text, start, width);
        }
    }

    private static bool IsOfIpv6(Socket? socket, IpAddress local) =>
        socket is null ? !local.IsIpv4 : socket.Family == AddressFamily.AF_INET6;

    private static void WriteLine(
        TextBuilder text, int number, int numberWidth, bool isIpv6, TcpEndpoint local, TcpEndpoint remote, in Line line)
    {
        text.AppendPadded(number, numberWidth).Append(": "u8);
        WriteEnd(text, local, isIpv6);
        text.Append(' ');
        WriteEnd(text, remote, isIpv6);
        text.Append(' ').AppendUpperHex((ulong)line.State, 2).Append(' ').AppendUpperHex((ulong)line.Sent, 8).Append(':')
            .AppendUpperHex((ulong)line.Received, 8).Append(' ').AppendUpperHex(line.Timer, 2).Append(':')
            .AppendUpperHex((ulong)Math.Max(line.TimerNs / NsPerTick, 0), 8).Append(' ')
            .AppendUpperHex((ulong)line.Retransmissions, 8).Append(' ').AppendPadded(line.Socket?.Inode.UserId ?? 0, 5).Append(' ')
            .AppendPadded(line.Probes, 8).Append(' ').Append(line.Socket?.Inode.Number ?? 0);
    }

    /// <summary>Writes an address by four bytes as numbers of this machine, and a port.</summary>
    private static void WriteEnd(TextBuilder text, TcpEndpoint end, bool isIpv6)
    {
        if (isIpv6)
        {
            Span<byte> bytes = stackalloc byte[IpAddress.Ipv6Size];
            end.Address.WriteIpv6(bytes);
            for (int i = 0; i < bytes.Length; i += sizeof(uint))
            {
                text.AppendUpperHex(BinaryPrimitives.ReadUInt32LittleEndian(bytes[i..]), 8);
            }
        }
        else
        {
            text.AppendUpperHex(NetworkText.ToRaw(end.Address.Ipv4), 8);
        }

        text.Append(':').AppendUpperHex(end.Port, 4);
    }

    /// <summary>What a line tells of a socket besides its ends.</summary>
    private readonly ref struct Line
    {
        public TcpState State { get; init; }

        public int Sent { get; init; }

        public long Received { get; init; }

        public byte Timer { get; init; }

        public long TimerNs { get; init; }

        public int Retransmissions { get; init; }

        public int Probes { get; init; }

        /// <summary>Whose it is; null for nobody's.</summary>
        public Socket? Socket { get; init; }
    }
}
