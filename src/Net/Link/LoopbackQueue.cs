using System.Diagnostics.CodeAnalysis;

namespace Semitone.Net;

/// <summary>Packets from this host to itself, which arrive when the sender has returned: nothing here calls back into who sends.</summary>
internal sealed class LoopbackQueue(PacketPools pools)
{
    private const int Limit = 1024;

    private readonly Entry[] _entries = new Entry[Limit];
    private int _first;

    public int Count { get; private set; }

    /// <summary>Queues a packet.</summary>
    /// <param name="arrivesBy">The interface by which it will seem to have come.</param>
    /// <param name="headers">From IP's header on.</param>
    /// <param name="payload">What follows.</param>
    /// <param name="morePayload">And what follows that.</param>
    /// <returns>False when there is no room.</returns>
    public bool TryAdd(
        NetworkInterface arrivesBy,
        ReadOnlySpan<byte> headers,
        ReadOnlySpan<byte> payload,
        ReadOnlySpan<byte> morePayload)
    {
        if (Count == Limit || !pools.TryCopy(0, headers, payload, morePayload, out PacketBuffer? buffer))
        {
            return false;
        }

        // Nothing damages what is copied within a memory.
        buffer.IsChecksumVerified = true;
        _entries[(_first + Count) % Limit] = new Entry(buffer, arrivesBy);
        Count++;
        return true;
    }

    public bool TryTake([NotNullWhen(true)] out PacketBuffer? buffer, [NotNullWhen(true)] out NetworkInterface? arrivesBy)
    {
        if (Count == 0)
        {
            buffer = null;
            arrivesBy = null;
            return false;
        }

        (buffer, arrivesBy) = _entries[_first];
        _entries[_first] = default;
        _first = (_first + 1) % Limit;
        Count--;
        return true;
    }

    private readonly record struct Entry(PacketBuffer Buffer, NetworkInterface ArrivesBy);
}
