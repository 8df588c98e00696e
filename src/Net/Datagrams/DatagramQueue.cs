namespace Semitone.Net;

/// <summary>Datagrams that wait for their reader, bounded by what their buffers occupy.</summary>
internal sealed class DatagramQueue(IMemoryBudget? memory)
{
    private const int SmallestRing = 8;

    /// <summary>Bytes of one element, about.</summary>
    private const int ElementSize = 96;

    private ReceivedDatagram[] _ring = [];
    private int _first;

    public int Count { get; private set; }

    /// <summary>Bytes that the buffers occupy.</summary>
    public int Bytes { get; private set; }

    /// <summary>Queues a datagram.</summary>
    /// <param name="datagram">The datagram; the queue's if the answer is true.</param>
    /// <param name="limit">Bytes that all may occupy; one is always taken.</param>
    public bool TryAdd(in ReceivedDatagram datagram, int limit)
    {
        int capacity = datagram.Buffer.Capacity;
        if ((Count != 0 && (long)Bytes + capacity > limit) || (Count == _ring.Length && !TryGrow()))
        {
            return false;
        }

        _ring[(_first + Count) & (_ring.Length - 1)] = datagram;
        Count++;
        Bytes += capacity;
        return true;
    }

    /// <summary>Looks at the oldest.</summary>
    public bool TryPeek(out ReceivedDatagram datagram)
    {
        datagram = Count == 0 ? default : _ring[_first];
        return Count != 0;
    }

    /// <summary>Takes the oldest.</summary>
    public bool TryTake(out ReceivedDatagram datagram)
    {
        if (!TryPeek(out datagram))
        {
            return false;
        }

        _ring[_first] = default;
        _first = (_first + 1) & (_ring.Length - 1);
        Count--;
        Bytes -= datagram.Buffer.Capacity;
        return true;
    }

    /// <summary>Gives all buffers back.</summary>
    public void Clear()
    {
        while (TryTake(out ReceivedDatagram datagram))
        {
            datagram.Buffer.Release();
        }

        _ring = [];
        _first = 0;
    }

    private bool TryGrow()
    {
        int length = Math.Max(SmallestRing, _ring.Length * 2);
        if (memory?.HasRoom(length * ElementSize) == false)
        {
            return false;
        }

        ReceivedDatagram[] grown = new ReceivedDatagram[length];
        for (int i = 0; i < Count; i++)
        {
            grown[i] = _ring[(_first + i) & (_ring.Length - 1)];
        }

        _ring = grown;
        _first = 0;
        return true;
    }
}
