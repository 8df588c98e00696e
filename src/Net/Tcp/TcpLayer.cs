using System.Diagnostics.CodeAnalysis;

namespace Semitone.Net;

/// <summary>TCP: finds whose a segment is, and whose turn it is.</summary>
/// <remarks>
/// The state of all connections belongs to whoever calls: one call at a time, packets, deadlines and sockets alike. What a call makes
/// others hear goes through observers before it returns.
/// </remarks>
public sealed partial class TcpLayer : ITransport
{
    // RFC 6528, 3: the clock of initial sequence numbers ticks every four microseconds; Linux takes 64 nanoseconds, against quick reuse.
    private const int InitialSequenceTickNs = 64;

    private readonly KeyedHash _initialSequences;
    private readonly KeyedHash _timestampOffsets;
    private readonly KeyedHash _groups;
    private readonly Dictionary<ushort, TcpListener> _listeners = [];
    private TcpConnection? _owing;
    private int _connectionCount;
    private int _halfOpenCount;
    private int _timeWaitCount;
    private int _orphanCount;

    /// <summary>Makes it.</summary>
    /// <param name="ip">By what segments go out.</param>
    /// <param name="random">For keys that peers cannot guess.</param>
    /// <param name="limits">How much of everything there may be.</param>
    public TcpLayer(IIpOutput ip, INetworkRandom random, TcpLimits limits)
    {
        Ip = ip;
        Limits = limits;
        Memory = new TcpMemory(limits);
        Table = new ConnectionTable(random);
        Cookies = new SynCookies(random);
        _initialSequences = new KeyedHash(random);
        _timestampOffsets = new KeyedHash(random);
        _groups = new KeyedHash(random);
        while (limits.LargestReceiveBuffer >> WindowScale > ushort.MaxValue && WindowScale < 14)
        {
            WindowScale++;
        }
    }

    public TcpLimits Limits { get; }

    public TcpCounters Counters { get; } = new();

    /// <summary>All that occupies a pair of ends, for a walk over it (/proc/net/tcp).</summary>
    public ConnectionTable Table { get; }

    public long NextDeadlineNs => Timers.NextNs;

    /// <summary>Connections that are in use, those without socket too.</summary>
    public int ConnectionCount => _connectionCount;

    public int HalfOpenCount => _halfOpenCount;

    public int TimeWaitCount => _timeWaitCount;

    public int OrphanCount => _orphanCount;

    /// <summary>Whether an acknowledgment waits for <see cref="FlushAcknowledgments"/>.</summary>
    public bool HasOwedAcknowledgments => _owing is not null;

    /// <summary>Bytes that are kept for sending, and that were received: of all connections.</summary>
    public long SendBytes => Memory.SendBytes;

    public long ReceiveBytes => Memory.ReceiveBytes;

    internal IIpOutput Ip { get; }

    internal TcpMemory Memory { get; }

    internal TimerHeap Timers { get; } = new();

    internal SynCookies Cookies { get; }

    /// <summary>By how much windows are shifted: so that the largest buffer can be announced.</summary>
    internal byte WindowScale { get; }

    internal bool HasRoomForHalfOpen => _halfOpenCount < Limits.HalfOpen && Memory.HasRoom(512);

    /// <summary>Makes a connection, closed: for a socket that will connect.</summary>
    /// <returns>False where there is no memory.</returns>
    public bool TryCreate(in TcpSettings settings, [NotNullWhen(true)] out TcpConnection? connection)
    {
        connection = null;
        if (_connectionCount >= Limits.Connections || !Memory.HasRoom(2048))
        {
            return false;
        }

        connection = new TcpConnection(this, settings);
        return true;
    }

    /// <summary>Begins to take connections (listen(2)). Whether port and address are free has been asked before.</summary>
    /// <param name="observer">Who hears of them.</param>
    /// <param name="local">Where: an address, or any of IPv4, or any of IPv6, which covers IPv4.</param>
    /// <param name="options">How it is bound.</param>
    /// <param name="settings">What its connections begin with.</param>
    public TcpListener Listen(ITcpListenerObserver observer, TcpEndpoint local, in TcpListenerOptions options, in TcpSettings settings)
    {
        TcpListener listener = new(this, local, options, settings) { Observer = observer };
        listener.NextOnPort = _listeners.GetValueOrDefault(local.Port);
        _listeners[local.Port] = listener;
        return listener;
    }

    /// <summary>Tells whether connect(2) may use a pair of ends: nobody has it, or one in TIME-WAIT that may be replaced.</summary>
    public bool CanConnect(TcpEndpoint local, TcpEndpoint remote, long nowNs) =>
        !Table.TryFind(new ConnectionKey(local, remote), out TcpRecord? record)
        || (record is TimeWaitRecord timeWait && timeWait.MayReuse(nowNs));

    /// <summary>Does what is due.</summary>
    public void Poll(long nowNs)
    {
        // Not more than there are: whoever is due again at once waits for the next call.
        int most = Timers.Count + 1;
        for (int i = 0; i < most && Timers.TakeDue(nowNs) is { } record; i++)
        {
            record.OnTimer(nowNs);
        }
    }

    /// <summary>
    /// Sends the acknowledgments that are owed. To be called when nothing is left to run: a program that answers has done so then, with the
    /// acknowledgment in the answer. Without it they go after 40 ms.
    /// </summary>
    public void FlushAcknowledgments(long nowNs)
    {
        while (_owing is { } connection)
        {
            _owing = connection.NextOwing;
            connection.NextOwing = null;
            connection.IsOwing = false;
            connection.FlushAcknowledgment(nowNs);
        }
    }

    /// <summary>All listeners, for /proc/net/tcp.</summary>
    public IEnumerable<TcpListener> GetListeners()
    {
        foreach (TcpListener first in _listeners.Values)
        {
            for (TcpListener? listener = first; listener is not null; listener = listener.NextOnPort)
            {
                yield return listener;
            }
        }
    }

    internal void AddOwing(TcpConnection connection)
    {
        if (!connection.IsOwing)
        {
            connection.IsOwing = true;
            connection.NextOwing = _owing;
            _owing = connection;
        }
    }

    /// <summary>RFC 6528: the clock, and what nobody can guess of the two ends.</summary>
    internal SequenceNumber GetInitialSequence(in ConnectionKey key, long nowNs) =>
        new((uint)(nowNs / InitialSequenceTickNs) + (uint)_initialSequences.Compute(key));

    /// <summary>RFC 7323, 5.4: timestamps begin anywhere, and tell nobody how long we have been up. The same for all between two hosts.</summary>
    internal uint GetTimestampOffset(in ConnectionKey key) => (uint)_timestampOffsets.ComputePair(key);

    internal int GetInitialWindow(in TcpSettings settings)
    {
        int window = (settings.ReceiveBuffer > 0 ? settings.ReceiveBuffer : Limits.ReceiveBuffer) / 2;
        return settings.WindowClamp > 0 ? Math.Min(window, settings.WindowClamp) : window;
    }

    /// <summary>Bytes of data that a packet of the path's size has room for.</summary>
    internal int GetSegmentSize(in IpRoute route, IpAddress remote)
    {
        // The lengths in the headers have 16 bits: of the packet in IPv4, of what follows the header in IPv6.
        int mtu = remote.IsIpv4 ? Math.Min(route.Mtu, ushort.MaxValue) : Math.Min(route.Mtu, ushort.MaxValue + 40);
        return Math.Max(mtu - (remote.IsIpv4 ? 20 : 40) - TcpHeader.Size, 1);
    }

    /// <summary>The interface that a peer is bound to: the one that the socket chose, or the link that its address is of (RFC 4007).</summary>
    internal int GetBinding(in ConnectionKey key, int bound, int received)
    {
        bool isLinkLocal = key.Remote.Address.High >> 54 == 0xFE80 >> 6;
        return bound == 0 && isLinkLocal ? received : bound;
    }

    internal NetworkError TryAdd(TcpConnection connection, long nowNs)
    {
        if (_connectionCount >= Limits.Connections)
        {
            return NetworkError.NoBuffers;
        }

        if (Table.TryFind(connection.Key, out TcpRecord? record))
        {
            if (record is not TimeWaitRecord timeWait || !timeWait.MayReuse(nowNs))
            {
                return NetworkError.AddressNotAvailable;
            }

            Counters.Add(TcpCounter.TWRecycled);
            Remove(timeWait);
        }

        Add(connection);
        return NetworkError.None;
    }

    internal void Add(TcpRecord record)
    {
        Count(record, 1);
        Table.Add(record);
        Timers.Update(record);
    }

    internal void AddTimeWait(TimeWaitRecord record, long nowNs)
    {
        if (_timeWaitCount >= Limits.TimeWait || !Memory.HasRoom(256))
        {
            Counters.Add(TcpCounter.TCPTimeWaitOverflow);
            return;
        }

        Counters.Add(TcpCounter.TW);
        record.Start(nowNs);
        Add(record);
    }

    internal void Remove(TcpRecord record)
    {
        if (!record.IsInTable)
        {
            return;
        }

        Table.Remove(record);
        Timers.Remove(record);
        Count(record, -1);
        if (_last == record)
        {
            _last = null;
        }
    }

    internal bool TryAddOrphan()
    {
        if (_orphanCount >= Limits.Orphans)
        {
            return false;
        }

        _orphanCount++;
        return true;
    }

    internal void RemoveListener(TcpListener listener)
    {
        TcpListener? first = _listeners.GetValueOrDefault(listener.Local.Port);
        if (first == listener)
        {
            if (listener.NextOnPort is { } next)
            {
                _listeners[listener.Local.Port] = next;
            }
            else
            {
                _listeners.Remove(listener.Local.Port);
            }

            return;
        }

        while (first is not null && first.NextOnPort != listener)
        {
            first = first.NextOnPort;
        }

        first?.NextOnPort = listener.NextOnPort;
    }

    private void Count(TcpRecord record, int change)
    {
        switch (record)
        {
            case TcpConnection connection:
                _connectionCount += change;
                _orphanCount -= change < 0 && connection.IsOrphan ? 1 : 0;
                break;
            case SynRecord:
                _halfOpenCount += change;
                break;
            default:
                _timeWaitCount += change;
                break;
        }
    }
}
