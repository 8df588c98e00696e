using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Semitone.Net;
using Semitone.Network.Simulation;

namespace Semitone.Network.Tcp;

/// <summary>A peer that sends what a script says, and expects what it says.</summary>
/// <remarks>
/// One line is one thing:
/// <code>
/// in  SA seq=0 ack=1 win=1000 mss=1460 sackok ws=7 ts=5/0     a segment for the stack
/// out A  seq=1 ack=1 len=0                                    the next segment of the stack: what is written is compared
/// none                                                        the stack has sent nothing more
/// wait 200ms                                                  time passes, and deadlines are met
/// flush                                                       nothing is left to run: owed acknowledgments go
/// </code>
/// Flags are S F R P A U; PSH is compared only where it is written. Sequence numbers are counted from each side's initial one. Before
/// each line but
/// <c>out</c> all that the stack has sent must have been expected.
/// </remarks>
internal sealed class ScriptedPeer : IIpOutput, ITcpObserver, ITcpListenerObserver
{
    public const ushort LocalPort = 80;
    public const ushort PeerPort = 40000;

    private const int HeaderRoom = 20;
    private readonly Queue<byte[]> _sent = new();
    private readonly PacketPool _pool = new(2048, 4096);
    private uint? _stackInitial;

    public ScriptedPeer(ulong seed = 1, TcpLimits? limits = null, uint peerInitial = 1_000_000)
    {
        PeerInitial = peerInitial;
        Tcp = new TcpLayer(this, new SeededRandom(seed), limits ?? new TcpLimits());
    }

    public static IpAddress LocalAddress => IpAddress.FromIpv4(0x0A00_0002);

    public static IpAddress PeerAddress => IpAddress.FromIpv4(0x0A00_0001);

    public TcpLayer Tcp { get; }

    public TcpConnection Connection { get; private set; } = null!;

    public TcpListener Listener { get; private set; } = null!;

    public uint PeerInitial { get; set; }

    public long NowNs { get; private set; } = 1_000_000_000;

    public int Mtu { get; set; } = 1500;

    public int SegmentedPayload { get; set; }

    public bool IsLinkFull { get; set; }

    public TcpEvents Events { get; set; }

    public int AcceptReadyCount { get; private set; }

    public ushort Port { get; set; } = PeerPort;

    public bool HasStackInitial => _stackInitial is not null;

    /// <summary>Buffers that the stack has not given back.</summary>
    public int UsedBuffers => _pool.UsedCount;

    public int RouteGeneration { get; private set; }

    /// <summary>The initial number of the stack's side.</summary>
    public uint StackInitial => _stackInitial ?? throw new InvalidOperationException("The stack has sent no SYN.");

    /// <summary>The timestamp that the stack has sent last.</summary>
    public uint LastTimestamp { get; private set; }

    public static ScriptedPeer Listening(int backlog = 16, TcpSettings? settings = null, ulong seed = 1, TcpLimits? limits = null)
    {
        ScriptedPeer peer = new(seed, limits);
        peer.Listen(backlog, settings);
        return peer;
    }

    /// <summary>A connection that the peer has begun, with no options but MSS 1000.</summary>
    public static ScriptedPeer Accepted(TcpSettings? settings = null, string options = "", int window = 65535, int rttMs = 0)
    {
        ScriptedPeer peer = new();
        peer.Listen(16, settings);
        peer.Run(
            $"""
            in  S seq=0 win={window} mss=1000 {options}
            out SA seq=0 ack=1
            wait {rttMs}ms
            in  A seq=1 ack=1 win={window} {(options.Contains("ts=", StringComparison.Ordinal) ? "ts=1000/echo" : "")}
            """);
        peer.Accept();
        return peer;
    }

    public void Listen(int backlog, TcpSettings? settings = null)
    {
        Listener = Tcp.Listen(
            this,
            new TcpEndpoint(IpAddress.Ipv4Any, LocalPort),
            new TcpListenerOptions { Backlog = backlog },
            settings ?? TcpSettings.Default);
    }

    public void Accept()
    {
        Assert.True(Listener.TryAccept(NowNs, out TcpConnection? connection));
        Connection = connection;
        connection.Observer = this;
    }

    public NetworkError Connect(TcpSettings? settings = null)
    {
        Assert.True(Tcp.TryCreate(settings ?? TcpSettings.Default, out TcpConnection? connection));
        Connection = connection;
        connection.Observer = this;
        return connection.Connect(new TcpEndpoint(LocalAddress, LocalPort), new TcpEndpoint(PeerAddress, Port), 0, NowNs);
    }

    public void Write(int count, bool hasMore = false, bool isUrgent = false)
    {
        while (count > 0)
        {
            Span<byte> span = Connection.GetSendSpan(count);
            Assert.False(span.IsEmpty);
            span.Fill((byte)'x');
            Connection.CommitSend(span.Length);
            count -= span.Length;
        }

        Connection.Push(hasMore, isUrgent, NowNs);
    }

    public int Read(int most = int.MaxValue)
    {
        int total = 0;
        while (total < most)
        {
            ReadOnlySpan<byte> span = Connection.PeekReceived(0, total > 0);
            if (span.IsEmpty)
            {
                break;
            }

            int count = Math.Min(span.Length, most - total);
            Connection.Consume(count, NowNs);
            total += count;
        }

        return total;
    }

    public void Run(string script)
    {
        foreach (string line in script.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words[0] != "out")
            {
                Assert.True(_sent.Count == 0, $"before '{line}' the stack has sent {(_sent.Count > 0 ? Describe(_sent.Peek()) : "")}");
            }

            switch (words[0])
            {
                case "in":
                    Send(words);
                    break;
                case "out":
                    Assert.True(_sent.TryDequeue(out byte[]? segment), $"nothing was sent for '{line}'");
                    Compare(line, words, segment);
                    break;
                case "none":
                    break;
                case "wait":
                    Wait(ParseTime(words[1]));
                    break;
                case "flush":
                    Tcp.FlushAcknowledgments(NowNs);
                    break;
                default:
                    throw new FormatException(line);
            }
        }
    }

    /// <summary>All that was sent and not expected.</summary>
    public List<string> TakeSent()
    {
        List<string> all = [.. _sent.Select(Describe)];
        _sent.Clear();
        return all;
    }

    public void Wait(long durationNs)
    {
        long endNs = NowNs + durationNs;
        while (Tcp.NextDeadlineNs <= endNs)
        {
            NowNs = Math.Max(NowNs, Tcp.NextDeadlineNs);
            Tcp.Poll(NowNs);
        }

        NowNs = endNs;
    }

    /// <summary>The way to the peer may have changed.</summary>
    public void Reroute() => RouteGeneration++;

    public void Receive(byte[] segment, IpAddress? source = null)
    {
        Assert.True(_pool.TryTake(out PacketBuffer? buffer));
        buffer.Reset(HeaderRoom, segment.Length);
        segment.CopyTo(buffer.Bytes);
        Tcp.Receive(
            new ReceivedPacket { Buffer = buffer, Source = source ?? PeerAddress, Destination = LocalAddress, InterfaceIndex = 1 },
            NowNs);
    }

    public byte[] Build(string[] words)
    {
        TcpFlags flags = ParseFlags(words[1]);
        uint sequence = 0;
        uint acknowledgment = 0;
        int window = 65535;
        int length = 0;
        int urgent = 0;
        TcpOptions options = default;
        foreach (string word in words.Skip(2))
        {
            string[] pair = word.Split('=');
            switch (pair[0])
            {
                case "seq":
                    sequence = (uint)long.Parse(pair[1], CultureInfo.InvariantCulture) + PeerInitial;
                    break;
                case "ack":
                    acknowledgment = (uint)long.Parse(pair[1], CultureInfo.InvariantCulture) + (_stackInitial ?? 0);
                    break;
                case "win":
                    window = int.Parse(pair[1], CultureInfo.InvariantCulture);
                    break;
                case "len":
                    length = int.Parse(pair[1], CultureInfo.InvariantCulture);
                    break;
                case "urg":
                    urgent = int.Parse(pair[1], CultureInfo.InvariantCulture);
                    break;
                case "mss":
                    options.MaximumSegmentSize = ushort.Parse(pair[1], CultureInfo.InvariantCulture);
                    break;
                case "ws":
                    options.HasWindowScale = true;
                    options.WindowScale = byte.Parse(pair[1], CultureInfo.InvariantCulture);
                    break;
                case "sackok":
                    options.IsSackPermitted = true;
                    break;
                case "ts":
                    string[] parts = pair[1].Split('/');
                    options.HasTimestamps = true;
                    options.TimestampValue = uint.Parse(parts[0], CultureInfo.InvariantCulture);
                    options.TimestampEcho = parts[1] == "echo" ? LastTimestamp : uint.Parse(parts[1], CultureInfo.InvariantCulture);
                    break;
                case "sack":
                    string[] ends = pair[1].Split('-');
                    options.AddSackBlock(new SackBlock(
                        new SequenceNumber(uint.Parse(ends[0], CultureInfo.InvariantCulture) + StackInitial),
                        new SequenceNumber(uint.Parse(ends[1], CultureInfo.InvariantCulture) + StackInitial)));
                    break;
                default:
                    throw new FormatException(word);
            }
        }

        byte[] bytes = new byte[TcpHeader.MaximumSize];
        int header = TcpHeader.Size + options.Write(bytes.AsSpan(TcpHeader.Size));
        Array.Resize(ref bytes, header + length);
        bytes.AsSpan(header).Fill((byte)'y');
        TcpHeader.Write(bytes.AsSpan(0, header), Port, LocalPort, sequence, acknowledgment, flags, (ushort)window, (ushort)urgent);
        Seal(bytes);
        return bytes;
    }

    /// <summary>Puts the right checksum in.</summary>
    public static void Seal(byte[] segment)
    {
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(TcpHeader.ChecksumOffset), 0);
        ushort checksum = Checksum.Compute(PeerAddress, LocalAddress, segment);
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(TcpHeader.ChecksumOffset), checksum);
    }

    NetworkError IIpOutput.FindRoute(IpAddress source, IpAddress destination, int interfaceIndex, out IpRoute route)
    {
        route = new IpRoute
        {
            Source = source.IsAny ? LocalAddress : source,
            Destination = destination,
            NextHop = destination,
            InterfaceIndex = 1,
            Mtu = Mtu,
            LargestSegmentedPayload = SegmentedPayload,
        };
        return NetworkError.None;
    }

    NetworkError IIpOutput.Send(in IpRoute route, in TransportPacket packet, long nowNs)
    {
        if (IsLinkFull)
        {
            return NetworkError.NoBuffers;
        }

        int size = packet.SegmentSize > 0 ? packet.SegmentSize : packet.Payload.Length + packet.MorePayload.Length;
        Assert.True(20 + packet.Header.Length + size <= route.Mtu, $"{packet.Header.Length} and {size} bytes are too many");
        byte[] bytes = [.. packet.Header, .. packet.Payload, .. packet.MorePayload];
        TcpHeader.TryParse(bytes, out TcpHeader header);
        if ((header.Flags & TcpFlags.Syn) != 0)
        {
            _stackInitial = header.Sequence;
        }

        TcpOptions options = TcpOptions.Parse(header.Options);
        LastTimestamp = options.HasTimestamps ? options.TimestampValue : LastTimestamp;
        _sent.Enqueue(bytes);
        return NetworkError.None;
    }

    bool IIpOutput.IsLocalAddress(IpAddress address, int interfaceIndex) => address == LocalAddress;

    void IIpOutput.LowerPathMtu(IpAddress destination, int mtu, long nowNs)
    {
        Mtu = mtu;
        RouteGeneration++;
    }

    void IIpOutput.ConfirmReachable(in IpRoute route, long nowNs)
    {
    }

    void ITcpObserver.OnEvents(TcpConnection connection, TcpEvents events) => Events |= events;

    void ITcpListenerObserver.OnAcceptReady(TcpListener listener) => AcceptReadyCount++;

    private static long ParseTime(string text) => text.EndsWith("ms", StringComparison.Ordinal)
        ? (long)(double.Parse(text[..^2], CultureInfo.InvariantCulture) * 1_000_000)
        : (long)(double.Parse(text.TrimEnd('s'), CultureInfo.InvariantCulture) * 1_000_000_000);

    private static TcpFlags ParseFlags(string text)
    {
        TcpFlags flags = TcpFlags.None;
        foreach (char letter in text)
        {
            flags |= letter switch
            {
                'S' => TcpFlags.Syn,
                'F' => TcpFlags.Fin,
                'R' => TcpFlags.Rst,
                'P' => TcpFlags.Psh,
                'A' => TcpFlags.Ack,
                'U' => TcpFlags.Urg,
                'E' => TcpFlags.Ece,
                'C' => TcpFlags.Cwr,
                '-' => TcpFlags.None,
                _ => throw new FormatException(text),
            };
        }

        return flags;
    }

    private void Send(string[] words) => Receive(Build(words));

    private void Compare(string line, string[] words, byte[] segment)
    {
        string actual = Describe(segment);
        TcpHeader.TryParse(segment, out TcpHeader header);
        TcpFlags wanted = ParseFlags(words[1]);
        TcpFlags mask = (wanted & TcpFlags.Psh) != 0 ? 0 : TcpFlags.Psh;
        Assert.True((header.Flags & ~mask) == (wanted & ~mask), $"expected '{line}', was '{actual}'");
        string[] parts = actual.Split(' ');
        foreach (string word in words.Skip(2))
        {
            Assert.True(parts.Contains(word), $"expected '{line}', was '{actual}'");
        }
    }

    private string Describe(byte[] segment)
    {
        TcpHeader.TryParse(segment, out TcpHeader header);
        StringBuilder text = new("out ");
        foreach ((TcpFlags flag, char letter) in new[]
                 {
                     (TcpFlags.Syn, 'S'), (TcpFlags.Fin, 'F'), (TcpFlags.Rst, 'R'),
                     (TcpFlags.Psh, 'P'), (TcpFlags.Ack, 'A'), (TcpFlags.Urg, 'U'),
                 })
        {
            text.Append((header.Flags & flag) != 0 ? letter : null);
        }

        uint initial = _stackInitial ?? 0;
        text.Append(CultureInfo.InvariantCulture, $" seq={(int)(header.Sequence - initial)}");
        text.Append(CultureInfo.InvariantCulture, $" ack={(int)(header.Acknowledgment - PeerInitial)}");
        text.Append(CultureInfo.InvariantCulture, $" len={segment.Length - header.Length} win={header.Window} urg={header.UrgentPointer}");
        TcpOptions options = TcpOptions.Parse(header.Options);
        if (options.MaximumSegmentSize != 0)
        {
            text.Append(CultureInfo.InvariantCulture, $" mss={options.MaximumSegmentSize}");
        }

        text.Append(options.IsSackPermitted ? " sackok" : "");
        if (options.HasWindowScale)
        {
            text.Append(CultureInfo.InvariantCulture, $" ws={options.WindowScale}");
        }

        text.Append(options.HasTimestamps ? " ts" : "");
        for (int i = 0; i < options.SackBlockCount; i++)
        {
            SackBlock block = options.GetSackBlock(i);
            text.Append(CultureInfo.InvariantCulture, $" sack={(int)(block.Start.Value - PeerInitial)}");
            text.Append(CultureInfo.InvariantCulture, $"-{(int)(block.End.Value - PeerInitial)}");
        }

        return text.ToString();
    }
}
