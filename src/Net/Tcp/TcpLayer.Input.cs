namespace Semitone.Net;

/// <content>What comes in.</content>
public sealed partial class TcpLayer
{
    // Bytes of a segment that a complaint quotes: ports and sequence number.
    private const int QuotedSize = 8;

    private TcpRecord? _last;

    public void Receive(in ReceivedPacket packet, long nowNs)
    {
        PacketBuffer buffer = packet.Buffer;
        if (!TryRead(packet, out TcpSegment segment, out ConnectionKey key))
        {
            buffer.Release();
            return;
        }

        Dispatch(ref segment, key, packet.InterfaceIndex, nowNs);
        segment.Buffer?.Release();
    }

    public void ReceiveError(in IcmpError error, long nowNs)
    {
        if (error.Quoted.Length < QuotedSize)
        {
            return;
        }

        ushort localPort = System.Buffers.Binary.BinaryPrimitives.ReadUInt16BigEndian(error.Quoted);
        ushort remotePort = System.Buffers.Binary.BinaryPrimitives.ReadUInt16BigEndian(error.Quoted[2..]);
        SequenceNumber sequence = new(System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(error.Quoted[4..]));
        ConnectionKey key = new(new TcpEndpoint(error.Source, localPort), new TcpEndpoint(error.Destination, remotePort));
        if (Table.TryFind(key, out TcpRecord? record) && record is TcpConnection connection)
        {
            connection.OnIcmpError(error.Error, error.Mtu, sequence, nowNs);
        }
    }

    /// <summary>Reads the header, and leaves the data in the buffer.</summary>
    private bool TryRead(in ReceivedPacket packet, out TcpSegment segment, out ConnectionKey key)
    {
        segment = default;
        key = default;
        PacketBuffer buffer = packet.Buffer;
        Counters.Add(TcpCounter.InSegs);
        if (packet.IsMulticast)
        {
            return false;
        }

        if (!TcpHeader.TryParse(buffer.Bytes, out TcpHeader header) || header.SourcePort == 0 || header.DestinationPort == 0)
        {
            Counters.Add(TcpCounter.InErrs);
            return false;
        }

        if (!buffer.IsChecksumVerified && !TcpChecksum.IsRight(packet.Source, packet.Destination, buffer.Bytes))
        {
            Counters.Add(TcpCounter.InCsumErrors);
            Counters.Add(TcpCounter.InErrs);
            return false;
        }

        int length = header.Length;
        key = new ConnectionKey(
            new TcpEndpoint(packet.Destination, header.DestinationPort),
            new TcpEndpoint(packet.Source, header.SourcePort));
        segment = new TcpSegment
        {
            Sequence = new SequenceNumber(header.Sequence),
            Acknowledgment = new SequenceNumber(header.Acknowledgment),
            Flags = header.Flags,
            Window = header.Window,
            UrgentPointer = header.UrgentPointer,
            Options = TcpOptions.Parse(header.Options),
            Buffer = buffer,
            PayloadLength = buffer.Length - length,
            InterfaceIndex = packet.InterfaceIndex,
        };
        buffer.TrimStart(length);
        return true;
    }

    private void Dispatch(ref TcpSegment segment, in ConnectionKey key, int interfaceIndex, long nowNs)
    {
        if (TryFind(key, interfaceIndex, out TcpRecord? record))
        {
            switch (record)
            {
                case TcpConnection connection:
                    connection.OnSegment(ref segment, nowNs);
                    return;
                case SynRecord half:
                    half.Listener.OnSegment(half, ref segment, nowNs);
                    return;
                case TimeWaitRecord timeWait:
                    if (!timeWait.OnSegment(segment, nowNs))
                    {
                        return;
                    }

                    // A new connection takes the place, if somebody listens.
                    if (FindListener(key, interfaceIndex) is null)
                    {
                        break;
                    }

                    Counters.Add(TcpCounter.TWRecycled);
                    Remove(timeWait);
                    break;
            }
        }

        if (FindListener(key, interfaceIndex) is { } listener && listener.OnSegment(ref segment, key, nowNs))
        {
            return;
        }

        AnswerStray(segment, key, interfaceIndex, nowNs);
    }

    private bool TryFind(in ConnectionKey key, int interfaceIndex, out TcpRecord? record)
    {
        record = _last;
        if (record is null || record.Key != key)
        {
            if (!Table.TryFind(key, out record))
            {
                return false;
            }

            _last = record;
        }

        return record.InterfaceIndex == 0 || record.InterfaceIndex == interfaceIndex;
    }

    /// <summary>Finds who listens: for the address rather than for any, on the interface rather than on all.</summary>
    private TcpListener? FindListener(in ConnectionKey key, int interfaceIndex)
    {
        TcpListener? best = null;
        int bestScore = 0;
        int sharing = 0;
        ulong hash = 0;
        for (TcpListener? listener = _listeners.GetValueOrDefault(key.Local.Port); listener is not null; listener = listener.NextOnPort)
        {
            int score = GetScore(listener, key.Local.Address, interfaceIndex);
            if (score > bestScore)
            {
                best = listener;
                bestScore = score;
                sharing = 1;
            }
            else if (score > 0 && score == bestScore && listener.Options.IsPortShared)
            {
                // Each of n is taken with the same chance, and always the same one for a peer while they stay.
                hash = sharing == 1 ? _groups.Compute(key) : hash;
                sharing++;
                hash = (hash * 6364136223846793005) + 1442695040888963407;
                best = (hash >> 33) % (ulong)sharing == 0 ? listener : best;
            }
        }

        return best;
    }

    private static int GetScore(TcpListener listener, IpAddress destination, int interfaceIndex)
    {
        int bound = listener.Options.InterfaceIndex;
        if (bound != 0 && bound != interfaceIndex)
        {
            return 0;
        }

        IpAddress local = listener.Local.Address;
        int score = bound != 0 ? 2 : 0;
        if (local == destination)
        {
            return score + 8;
        }

        if (!local.IsAny || (destination.IsIpv4 && !local.IsIpv4 && listener.Options.IsIpv6Only) || (!destination.IsIpv4 && local.IsIpv4))
        {
            return 0;
        }

        return score + (local.IsIpv4 ? 5 : 4);
    }
}
