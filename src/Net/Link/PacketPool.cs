using System.Diagnostics.CodeAnalysis;

namespace Semitone.Net;

/// <summary>Buffers of one size, made when they are first needed and never more than a limit.</summary>
/// <remarks>A packet for which there is none is dropped, as by any queue that is full.</remarks>
/// <param name="capacity">Bytes of each.</param>
/// <param name="limit">How many there may be.</param>
/// <param name="memory">Who is asked before one is made; null for nobody.</param>
public sealed class PacketPool(int capacity, int limit, IMemoryBudget? memory = null)
{
    private PacketBuffer? _free;

    /// <summary>Bytes of each.</summary>
    public int Capacity => capacity;

    /// <summary>Buffers that were made.</summary>
    public int MadeCount { get; private set; }

    /// <summary>Buffers that somebody has.</summary>
    public int UsedCount { get; private set; }

    /// <summary>Takes a buffer, empty.</summary>
    /// <returns>False when all that there may be are in use.</returns>
    public bool TryTake([NotNullWhen(true)] out PacketBuffer? buffer)
    {
        buffer = _free;
        if (buffer is not null)
        {
            _free = buffer.Next;
        }
        else if (MadeCount < limit && memory?.HasRoom(capacity) != false)
        {
            buffer = new PacketBuffer(this, capacity);
            MadeCount++;
        }
        else
        {
            return false;
        }

        buffer.Take();
        buffer.Reset(0, 0);
        UsedCount++;
        return true;
    }

    internal void Return(PacketBuffer buffer)
    {
        buffer.Next = _free;
        _free = buffer;
        UsedCount--;
    }
}
