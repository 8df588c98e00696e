using System.Diagnostics.CodeAnalysis;

namespace Semitone.Net;

/// <summary>Pools of three sizes, so that what a small packet occupies is not a large one's room.</summary>
public sealed class PacketPools
{
    /// <summary>Bytes for a frame of Ethernet.</summary>
    public const int SmallCapacity = 2048;

    /// <summary>Bytes for 16 KiB and all headers.</summary>
    public const int MediumCapacity = 16 * 1024 + 256;

    /// <summary>Bytes for the largest packet and all headers.</summary>
    public const int LargeCapacity = 64 * 1024 + 256;

    private readonly PacketPool _small;
    private readonly PacketPool _medium;
    private readonly PacketPool _large;

    /// <param name="limit">Bytes that all buffers together may have: half for small ones, a quarter for each of the others.</param>
    /// <param name="memory">Who is asked before a buffer is made; null for nobody.</param>
    public PacketPools(int limit, IMemoryBudget? memory)
    {
        _small = new PacketPool(SmallCapacity, limit / 2 / SmallCapacity, memory);
        _medium = new PacketPool(MediumCapacity, limit / 4 / MediumCapacity, memory);
        _large = new PacketPool(LargeCapacity, limit / 4 / LargeCapacity, memory);
    }

    /// <summary>Buffers that somebody has.</summary>
    public int UsedCount => _small.UsedCount + _medium.UsedCount + _large.UsedCount;

    /// <summary>Takes a buffer for so many bytes, of which it is told nothing yet; a larger one where the right ones are used up.</summary>
    public bool TryTake(int length, [NotNullWhen(true)] out PacketBuffer? buffer)
    {
        buffer = null;
        return (length <= SmallCapacity && _small.TryTake(out buffer))
            || (length <= MediumCapacity && _medium.TryTake(out buffer))
            || (length <= LargeCapacity && _large.TryTake(out buffer));
    }

    /// <summary>Takes a buffer and fills it.</summary>
    /// <param name="headroom">Bytes that are left free in front.</param>
    /// <param name="first">What it begins with.</param>
    /// <param name="second">What follows.</param>
    /// <param name="third">And what follows that.</param>
    /// <param name="buffer">The buffer; the caller's.</param>
    public bool TryCopy(
        int headroom,
        ReadOnlySpan<byte> first,
        ReadOnlySpan<byte> second,
        ReadOnlySpan<byte> third,
        [NotNullWhen(true)] out PacketBuffer? buffer)
    {
        int length = first.Length + second.Length + third.Length;
        if (!TryTake(headroom + length, out buffer))
        {
            return false;
        }

        buffer.Reset(headroom, length);
        first.CopyTo(buffer.Bytes);
        second.CopyTo(buffer.Bytes[first.Length..]);
        third.CopyTo(buffer.Bytes[(first.Length + second.Length)..]);
        return true;
    }
}
