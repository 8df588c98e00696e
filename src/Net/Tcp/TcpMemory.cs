using System.Diagnostics.CodeAnalysis;

namespace Semitone.Net;

/// <summary>The memory of all connections: chunks for what is sent, records of what is in flight, and the count of what was received.</summary>
/// <remarks>What was made once is kept for the next one, so that nothing is allocated in steady state; a few chunks more than are in use.</remarks>
internal sealed class TcpMemory(TcpLimits limits)
{
    /// <summary>Bytes that are kept though nobody uses them.</summary>
    private const int MostSpareBytes = 1 << 20;
    private const int MostSpareSegments = 1024;
    private const int SegmentCost = 96;

    private SendChunk? _freeSmall;
    private SendChunk? _freeLarge;
    private SentSegment? _freeSegments;
    private ReceivedRange? _freeRanges;
    private int _spareBytes;
    private int _spareSegments;

    public TcpLimits Limits => limits;

    /// <summary>Bytes of the chunks in use.</summary>
    public long SendBytes { get; private set; }

    /// <summary>Bytes of the packets that connections keep.</summary>
    public long ReceiveBytes { get; private set; }

    public int SegmentCount { get; private set; }

    /// <summary>Whether so much is kept that buffers should not grow.</summary>
    public bool IsUnderPressure => SendBytes > limits.SendBytes / 2 || ReceiveBytes > limits.ReceiveBytes / 2;

    public bool HasRoom(long bytes) => limits.HasRoom is null || limits.HasRoom(bytes);

    public bool TryTakeChunk(bool isLarge, [NotNullWhen(true)] out SendChunk? chunk)
    {
        int size = isLarge ? SendChunk.LargeSize : SendChunk.SmallSize;
        chunk = null;
        if (SendBytes + size > limits.SendBytes)
        {
            return false;
        }

        ref SendChunk? free = ref isLarge ? ref _freeLarge : ref _freeSmall;
        if (free is not null)
        {
            chunk = free;
            free = chunk.Next;
            _spareBytes -= size;
        }
        else if (HasRoom(size))
        {
            chunk = new SendChunk(size);
        }
        else
        {
            return false;
        }

        chunk.Reset();
        SendBytes += size;
        return true;
    }

    public void Return(SendChunk chunk)
    {
        int size = chunk.Bytes.Length;
        SendBytes -= size;
        if (_spareBytes + size > MostSpareBytes)
        {
            return;
        }

        ref SendChunk? free = ref size == SendChunk.LargeSize ? ref _freeLarge : ref _freeSmall;
        chunk.Next = free;
        free = chunk;
        _spareBytes += size;
    }

    public bool TryTakeSegment([NotNullWhen(true)] out SentSegment? segment)
    {
        segment = _freeSegments;
        if (segment is not null)
        {
            _freeSegments = segment.Next;
            _spareSegments--;
        }
        else if (SegmentCount < limits.SentSegments && HasRoom(SegmentCost))
        {
            segment = new SentSegment();
        }
        else
        {
            return false;
        }

        SegmentCount++;
        segment.Reset();
        return true;
    }

    public void Return(SentSegment segment)
    {
        SegmentCount--;
        if (_spareSegments < MostSpareSegments)
        {
            segment.Next = _freeSegments;
            _freeSegments = segment;
            _spareSegments++;
        }
    }

    public bool TryTakeRange([NotNullWhen(true)] out ReceivedRange? range)
    {
        range = _freeRanges;
        if (range is not null)
        {
            _freeRanges = range.Next;
            range.Next = null;
            return true;
        }

        // As many as there are ranges at once: bounded by the bytes that they hold.
        if (!HasRoom(SegmentCost))
        {
            return false;
        }

        range = new ReceivedRange();
        return true;
    }

    public void Return(ReceivedRange range)
    {
        range.Head = null;
        range.Tail = null;
        range.Next = _freeRanges;
        _freeRanges = range;
    }

    /// <summary>Charges a packet that is to be kept.</summary>
    /// <returns>False where all connections together keep as much as they may.</returns>
    public bool TryCharge(PacketBuffer buffer)
    {
        if (ReceiveBytes + buffer.Capacity > limits.ReceiveBytes)
        {
            return false;
        }

        ReceiveBytes += buffer.Capacity;
        return true;
    }

    /// <summary>Gives a packet back that was charged.</summary>
    public void Release(PacketBuffer buffer)
    {
        ReceiveBytes -= buffer.Capacity;
        buffer.Release();
    }
}
