using System.Buffers.Binary;

namespace Semitone.Net;

/// <summary>Who has which address on the links: the results of ARP and NDP, with the states of RFC 4861, 7.3.</summary>
public sealed class NeighborCache
{
    /// <summary>So many neighbours are known at once; the one that is longest unused is forgotten.</summary>
    public const int Limit = 512;

    /// <summary>The parts of one datagram of the largest size, as Linux has it by bytes (unres_qlen_bytes).</summary>
    private const int PendingPerNeighbor = 48;
    private const int PendingLimit = 256;
    private const int MostAttempts = 3;
    private const long RetransmitNs = 1_000_000_000;
    private const long DelayNs = 5_000_000_000;
    private const long ReachableNs = 30_000_000_000;

    private readonly Dictionary<Key, NeighborEntry> _entries = [];
    private readonly List<NeighborEntry> _failed = [];
    private readonly INeighborSolicitor _solicitor;
    private readonly PacketPools _pools;
    private readonly INetworkRandom _random;
    private NeighborEntry? _last;
    private int _pendingCount;

    internal NeighborCache(INeighborSolicitor solicitor, PacketPools pools, INetworkRandom random)
    {
        _solicitor = solicitor;
        _pools = pools;
        _random = random;
    }

    /// <summary>All that are known.</summary>
    public IReadOnlyCollection<NeighborEntry> Entries => _entries.Values;

    internal long NextDeadlineNs { get; private set; } = long.MaxValue;

    /// <summary>Finds where frames for a neighbour go, and begins to ask where that is not known.</summary>
    /// <param name="networkInterface">The link.</param>
    /// <param name="address">The neighbour.</param>
    /// <param name="nowNs">The time.</param>
    /// <param name="mac">Where to.</param>
    /// <param name="waiting">Whom a frame waits for, when the answer is false (<see cref="Queue"/>).</param>
    internal bool TryResolve(NetworkInterface networkInterface, IpAddress address, long nowNs, out MacAddress mac, out NeighborEntry waiting)
    {
        if (!TryFind(networkInterface, address, out NeighborEntry? entry))
        {
            entry = Add(networkInterface, address);
            entry.State = NeighborState.Incomplete;
            entry.Attempts = 1;
            SetDeadline(entry, nowNs + RetransmitNs);
            _solicitor.Solicit(entry, isUnicast: false, nowNs);
        }

        waiting = entry;
        entry.LastUsedNs = nowNs;
        if (entry.State == NeighborState.Stale || (entry.State == NeighborState.Reachable && nowNs >= entry.DeadlineNs))
        {
            entry.State = NeighborState.Delay;
            SetDeadline(entry, nowNs + DelayNs);
        }

        mac = entry.Mac;
        return entry.State != NeighborState.Incomplete;
    }

    /// <summary>Keeps a copy of a frame until its neighbour has answered. The oldest of too many is dropped.</summary>
    /// <param name="entry">The neighbour.</param>
    /// <param name="frame">The frame; its Ethernet header is filled in later.</param>
    /// <returns>False when there is no room.</returns>
    internal bool Queue(NeighborEntry entry, in OutgoingFrame frame)
    {
        if (entry.PendingCount == PendingPerNeighbor || (_pendingCount == PendingLimit && entry.PendingCount != 0))
        {
            TakePending(entry).Release();
        }

        if (_pendingCount == PendingLimit
            || frame.SegmentSize != 0
            || !_pools.TryCopy(0, frame.Headers, frame.Payload, frame.MorePayload, out PacketBuffer? copy))
        {
            return false;
        }

        if (frame.ChecksumStart != 0)
        {
            // The link will not be asked to complete it: a copy is one piece with nothing noted beside it.
            Span<byte> summed = copy.Bytes[frame.ChecksumStart..];
            ushort checksum = InternetChecksum.Of(summed);
            BinaryPrimitives.WriteUInt16BigEndian(summed[frame.ChecksumOffset..], checksum == 0 ? (ushort)0xFFFF : checksum);
        }

        AddPending(entry, copy);
        return true;
    }

    /// <summary>Takes an answer, or what comes unasked from one that is known.</summary>
    /// <param name="networkInterface">The link.</param>
    /// <param name="address">The neighbour.</param>
    /// <param name="mac">Where it says it is.</param>
    /// <param name="isSolicited">Whether it answers a question of ours.</param>
    /// <param name="isOverride">Whether it is right where something else was known.</param>
    /// <param name="isRouter">Whether it says to be a router; null for what does not say.</param>
    /// <param name="nowNs">The time.</param>
    internal void Answer(
        NetworkInterface networkInterface,
        IpAddress address,
        MacAddress mac,
        bool isSolicited,
        bool isOverride,
        bool? isRouter,
        long nowNs)
    {
        if (!TryFind(networkInterface, address, out NeighborEntry? entry))
        {
            return;
        }

        bool isOther = entry.Mac != mac;
        if (entry.State != NeighborState.Incomplete && isOther && !isOverride)
        {
            // RFC 4861, 7.2.5, I: another address without the right to override makes what is known doubtful, and no more.
            if (entry.State == NeighborState.Reachable)
            {
                entry.State = NeighborState.Stale;
                entry.DeadlineNs = long.MaxValue;
            }

            return;
        }

        entry.IsRouter = isRouter ?? entry.IsRouter;
        bool wasIncomplete = entry.State == NeighborState.Incomplete;
        entry.Mac = mac;
        if (isSolicited)
        {
            SetReachable(entry, nowNs);
        }
        else if (wasIncomplete || isOther)
        {
            entry.State = NeighborState.Stale;
            entry.DeadlineNs = long.MaxValue;
        }

        if (wasIncomplete)
        {
            SendPending(entry, nowNs);
        }
    }

    /// <summary>Takes what somebody who asks for this host says of himself (RFC 826; RFC 4861, 7.2.3).</summary>
    internal void Learn(NetworkInterface networkInterface, IpAddress address, MacAddress mac, long nowNs)
    {
        if (!TryFind(networkInterface, address, out NeighborEntry? entry))
        {
            entry = Add(networkInterface, address);
            entry.Mac = mac;
            entry.State = NeighborState.Stale;
            return;
        }

        if (entry.State == NeighborState.Incomplete || entry.Mac != mac)
        {
            bool wasIncomplete = entry.State == NeighborState.Incomplete;
            entry.Mac = mac;
            entry.State = NeighborState.Stale;
            entry.DeadlineNs = long.MaxValue;
            if (wasIncomplete)
            {
                SendPending(entry, nowNs);
            }
        }
    }

    /// <summary>Takes note that a neighbour routes, or no longer does.</summary>
    internal void SetRouter(NetworkInterface networkInterface, IpAddress address, bool isRouter)
    {
        if (TryFind(networkInterface, address, out NeighborEntry? entry))
        {
            entry.IsRouter = isRouter;
        }
    }

    /// <summary>Takes a transport's word that a neighbour lets packets through.</summary>
    internal void Confirm(NetworkInterface networkInterface, IpAddress address, long nowNs)
    {
        if (TryFind(networkInterface, address, out NeighborEntry? entry) && entry.State != NeighborState.Incomplete)
        {
            SetReachable(entry, nowNs);
        }
    }

    /// <summary>Forgets all neighbours on a link.</summary>
    internal void Clear(NetworkInterface networkInterface)
    {
        foreach ((Key key, NeighborEntry entry) in _entries)
        {
            if (entry.Interface == networkInterface)
            {
                Remove(key, entry);
            }
        }
    }

    /// <summary>Asks again, and gives up.</summary>
    internal void Poll(long nowNs)
    {
        if (nowNs < NextDeadlineNs)
        {
            return;
        }

        NextDeadlineNs = long.MaxValue;
        foreach ((Key key, NeighborEntry entry) in _entries)
        {
            if (entry.State is NeighborState.Reachable or NeighborState.Stale)
            {
                continue;
            }

            if (entry.DeadlineNs <= nowNs)
            {
                if (entry.State != NeighborState.Delay && entry.Attempts == MostAttempts)
                {
                    _entries.Remove(key);
                    _failed.Add(entry);
                    continue;
                }

                entry.Attempts = entry.State == NeighborState.Delay ? 1 : entry.Attempts + 1;
                entry.State = entry.State == NeighborState.Delay ? NeighborState.Probe : entry.State;
                entry.DeadlineNs = nowNs + RetransmitNs;
                _solicitor.Solicit(entry, entry.State == NeighborState.Probe, nowNs);
            }

            NextDeadlineNs = Math.Min(NextDeadlineNs, entry.DeadlineNs);
        }

        // Whoever hears of a failure may send again, and so add entries: not while they are gone through.
        foreach (NeighborEntry entry in _failed)
        {
            _last = null;
            while (entry.FirstPending is not null)
            {
                PacketBuffer frame = TakePending(entry);
                _solicitor.ReportFailure(entry, frame.Bytes, nowNs);
                frame.Release();
            }
        }

        _failed.Clear();
    }

    private bool TryFind(
        NetworkInterface networkInterface,
        IpAddress address,
        [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out NeighborEntry? entry)
    {
        entry = _last;
        if (entry is not null && entry.Address == address && entry.Interface == networkInterface)
        {
            return true;
        }

        if (!_entries.TryGetValue(new Key(networkInterface.Index, address), out entry))
        {
            return false;
        }

        _last = entry;
        return true;
    }

    private NeighborEntry Add(NetworkInterface networkInterface, IpAddress address)
    {
        if (_entries.Count >= Limit)
        {
            NeighborEntry? oldest = null;
            foreach (NeighborEntry candidate in _entries.Values)
            {
                if (oldest is null || candidate.LastUsedNs < oldest.LastUsedNs)
                {
                    oldest = candidate;
                }
            }

            Remove(new Key(oldest!.Interface.Index, oldest.Address), oldest);
        }

        NeighborEntry entry = new(networkInterface, address);
        _entries.Add(new Key(networkInterface.Index, address), entry);
        return entry;
    }

    private void Remove(Key key, NeighborEntry entry)
    {
        _last = null;
        _entries.Remove(key);
        while (entry.FirstPending is not null)
        {
            TakePending(entry).Release();
        }
    }

    /// <summary>RFC 4861, 6.3.2: between half and one and a half times the usual, so that hosts do not ask in step.</summary>
    private void SetReachable(NeighborEntry entry, long nowNs)
    {
        entry.State = NeighborState.Reachable;
        entry.Attempts = 0;
        entry.DeadlineNs = nowNs + ReachableNs / 2 + (long)(_random.NextUInt64() % (ulong)ReachableNs);
    }

    private void SetDeadline(NeighborEntry entry, long deadlineNs)
    {
        entry.DeadlineNs = deadlineNs;
        NextDeadlineNs = Math.Min(NextDeadlineNs, deadlineNs);
    }

    private void AddPending(NeighborEntry entry, PacketBuffer frame)
    {
        if (entry.FirstPending is null)
        {
            entry.FirstPending = frame;
        }
        else
        {
            PacketBuffer last = entry.FirstPending;
            while (last.Next is not null)
            {
                last = last.Next;
            }

            last.Next = frame;
        }

        entry.PendingCount++;
        _pendingCount++;
    }

    private PacketBuffer TakePending(NeighborEntry entry)
    {
        PacketBuffer frame = entry.FirstPending!;
        entry.FirstPending = frame.Next;
        frame.Next = null;
        entry.PendingCount--;
        _pendingCount--;
        return frame;
    }

    private void SendPending(NeighborEntry entry, long nowNs)
    {
        while (entry.FirstPending is not null)
        {
            PacketBuffer frame = TakePending(entry);
            _solicitor.SendResolved(entry, frame.Bytes, nowNs);
            frame.Release();
        }
    }

    private readonly record struct Key(int InterfaceIndex, IpAddress Address);
}
