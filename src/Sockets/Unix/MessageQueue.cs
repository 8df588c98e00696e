using System.Numerics;
using Semitone.Core;
using Semitone.Memory;

namespace Semitone.Sockets;

/// <summary>What a socket of AF_UNIX has received and nobody has read: bytes, and what belongs to each message.</summary>
internal sealed class MessageQueue(FramePool frames)
{
    private const int RecordBytes = 80;

    /// <summary>A ring; its length is a power of two.</summary>
    private MessageRecord[] _records = [];
    private int _first;

    /// <summary>Messages.</summary>
    public int Count { get; private set; }

    public FrameQueue Bytes { get; } = new(frames);

    /// <summary>A message by its place, from the oldest on.</summary>
    public ref MessageRecord this[int index] => ref _records[(_first + index) & (_records.Length - 1)];

    /// <summary>Makes sure that one more message finds a place.</summary>
    /// <returns>False when the kernel's heap has no room (ENOBUFS).</returns>
    public bool TryReserve()
    {
        if (Count < _records.Length)
        {
            return true;
        }

        int length = Math.Max(4, (int)BitOperations.RoundUpToPowerOf2((uint)Count + 1));
        if (!KernelHeap.TryAllocate(length, RecordBytes, out MessageRecord[]? longer))
        {
            return false;
        }

        for (int i = 0; i < Count; i++)
        {
            longer[i] = this[i];
        }

        _records = longer;
        _first = 0;
        return true;
    }

    /// <summary>Adds a message for which there is a place.</summary>
    public void Add(in MessageRecord record) => _records[(_first + Count++) & (_records.Length - 1)] = record;

    /// <summary>Forgets the oldest message, all of whose bytes have been dropped.</summary>
    public void RemoveFirst()
    {
        _records[_first] = default;
        _first = (_first + 1) & (_records.Length - 1);
        Count--;
    }
}
