using Semitone.Abi;
using Semitone.Core;

namespace Semitone.Files;

/// <summary>How the bytes of a pipe divide into packets, and into stretches that were written without (pipe2(2), O_DIRECT).</summary>
internal sealed class PacketQueue
{
    private const int InitialLength = 16;

    // A ring; a packet's length is stored as its complement.
    private int[] _lengths = new int[InitialLength];
    private int _first;

    /// <param name="bytes">What the pipe holds already, none of it in packets.</param>
    public PacketQueue(int bytes)
    {
        if (bytes != 0)
        {
            _lengths[0] = bytes;
            Count = 1;
        }
    }

    /// <summary>Packets and stretches.</summary>
    public int Count { get; private set; }

    public bool IsEmpty => Count == 0;

    public bool IsLastPacket => Count != 0 && Last < 0;

    /// <summary>What is read next. There must be something.</summary>
    public (int Length, bool IsPacket) First => _lengths[_first] < 0 ? (~_lengths[_first], true) : (_lengths[_first], false);

    private ref int Last => ref _lengths[(_first + Count - 1) % _lengths.Length];

    /// <summary>Adds a packet, or bytes to the last stretch.</summary>
    /// <returns>False when the kernel has no memory.</returns>
    public bool TryAdd(int length, bool isPacket)
    {
        if (Count != 0 && Last >= 0 && (!isPacket || ((Last - 1) % Paging.PageSize) + 1 + length <= Paging.PageSize))
        {
            // A packet that fits into the last page of a stretch is none, in Linux as well.
            Last += length;
            return true;
        }
        if (Count == _lengths.Length)
        {
            if (!KernelHeap.TryAllocate(Count * 2, sizeof(int), out int[]? longer))
            {
                return false;
            }
            for (int i = 0; i < Count; i++)
            {
                longer[i] = _lengths[(_first + i) % _lengths.Length];
            }
            _lengths = longer;
            _first = 0;
        }
        Count++;
        Last = isPacket ? ~length : length;
        return true;
    }

    public void RemoveFirst()
    {
        _first = (_first + 1) % _lengths.Length;
        Count--;
    }

    /// <summary>Takes bytes from the first packet or stretch; an empty one goes.</summary>
    public void Shorten(int count)
    {
        (int length, bool isPacket) = First;
        if (length == count)
        {
            RemoveFirst();
            return;
        }
        _lengths[_first] = isPacket ? ~(length - count) : length - count;
    }
}
