using Semitone.Abi;
using Semitone.Machine;

namespace Semitone.Fakes;

/// <summary>Physical memory as an array, which notices misuse: a double free or the use of a free frame throws.</summary>
public sealed class FakeFrameAllocator : IFrameAllocator
{
    private const byte FreePattern = 0xA5;

    private readonly byte[]?[] _contents;
    private readonly bool[] _isFree;
    private readonly Stack<uint> _free = new();

    public FakeFrameAllocator(int frameCount)
    {
        // Frame 0 is never given out, as on a PC.
        Limit = (uint)frameCount + 1;
        TotalCount = frameCount;
        _contents = new byte[Limit][];
        _isFree = new bool[Limit];
        for (uint number = Limit - 1; number >= 1; number--)
        {
            _isFree[number] = true;
            _free.Push(number);
        }
    }

    public long TotalCount { get; private set; }

    public long FreeCount => _free.Count;

    public uint Limit { get; }

    /// <summary>How many allocations succeed before all fail; null for as many as there are frames. Counts down.</summary>
    public int? FailAfter { get; set; }

    /// <summary>Allocations that were asked for.</summary>
    public long AllocationCount { get; private set; }

    public bool TryAllocate(out Frame frame)
    {
        AllocationCount++;
        if (FailAfter is 0 || _free.Count == 0)
        {
            frame = default;
            return false;
        }

        FailAfter--;
        uint number = _free.Pop();
        _isFree[number] = false;
        byte[] contents = _contents[number] ??= new byte[Paging.PageSize];
        contents.AsSpan().Fill(FreePattern);
        frame = new Frame(number);
        return true;
    }

    public bool TryAllocateZeroed(out Frame frame)
    {
        if (!TryAllocate(out frame))
        {
            return false;
        }

        GetBytes(frame).Clear();
        return true;
    }

    public void Free(Frame frame)
    {
        if (_isFree[frame.Number])
        {
            throw new InvalidOperationException($"Frame {frame.Number} is freed twice.");
        }

        _isFree[frame.Number] = true;
        _free.Push(frame.Number);
    }

    public Span<byte> GetBytes(Frame frame)
    {
        if (frame.Number == 0 || _isFree[frame.Number])
        {
            throw new InvalidOperationException($"Frame {frame.Number} is used while it is free.");
        }

        return _contents[frame.Number] ??= new byte[Paging.PageSize];
    }

    /// <summary>Takes frames that lie one after the other, for a boot loader's range: they count as allocated until they are freed.</summary>
    public PhysicalRange Reserve(ReadOnlySpan<byte> bytes, int offset = 0)
    {
        int count = (offset + bytes.Length + Paging.PageSize - 1) / Paging.PageSize;
        uint first = FindRun(count);
        List<uint> others = [];
        while (_free.TryPop(out uint number))
        {
            if (number < first || number >= first + count)
            {
                others.Add(number);
            }
        }

        others.Reverse();
        others.ForEach(_free.Push);
        for (int i = 0; i < count; i++)
        {
            _isFree[first + i] = false;
            _contents[first + i] = new byte[Paging.PageSize];
        }

        for (int i = 0; i < bytes.Length; i++)
        {
            int position = offset + i;
            _contents[first + (position / Paging.PageSize)]![position % Paging.PageSize] = bytes[i];
        }

        return new PhysicalRange(new Frame(count == 0 ? 0 : first), offset, bytes.Length);
    }

    /// <summary>Whether a frame is free, for tests that look for leaks.</summary>
    public bool IsFree(Frame frame) => _isFree[frame.Number];

    private uint FindRun(int count)
    {
        int run = 0;
        for (uint number = Limit - 1; number >= 1 && count > 0; number--)
        {
            run = _isFree[number] ? run + 1 : 0;
            if (run == count)
            {
                return number;
            }
        }

        return count == 0 ? 0u : throw new InvalidOperationException("The fake machine is too small.");
    }
}
