using Semitone.Abi;
using Semitone.Machine;

namespace Semitone.Fakes;

/// <summary>Physical memory as an array, with the rules of the real one: misuse of a frame throws.</summary>
public sealed class FakeFrameAllocator : IFrameAllocator
{
    private const byte FreePattern = 0xA5;

    private readonly byte[]?[] _contents;
    private readonly State[] _states;
    private readonly Stack<uint> _free = new();

    public FakeFrameAllocator(int frameCount)
    {
        // Frame 0 is never given out, as on a PC.
        Limit = (uint)frameCount + 1;
        TotalCount = frameCount;
        _contents = new byte[Limit][];
        _states = new State[Limit];
        for (uint number = Limit - 1; number >= 1; number--)
        {
            _free.Push(number);
        }
    }

    public enum Kind : byte
    {
        Free,
        Untyped,

        /// <summary>In part the initrd's: good for reading.</summary>
        Fixed,

        /// <summary>The machine's own.</summary>
        Table,
    }

    public long TotalCount { get; private set; }

    public long FreeCount => _free.Count;

    public long UsedCount { get; private set; }

    public long PeakUsedCount { get; private set; }

    /// <summary>One more than the highest frame number.</summary>
    public uint Limit { get; }

    /// <summary>How many allocations succeed before all fail; null for as many as there are frames. Counts down.</summary>
    public int? FailAfter { get; set; }

    /// <summary>Allocations that were asked for.</summary>
    public long AllocationCount { get; private set; }

    /// <summary>How many more calls the machine serves before one throws instead, once; null for all. Counts down.</summary>
    public int? ThrowAfter { get; set; }

    public bool TryAllocate(out Frame frame)
    {
        MayThrow();
        return TryTake(Kind.Untyped, out frame);
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

    public bool TryAddReference(Frame frame)
    {
        MayThrow();
        ref State state = ref FindInUse(frame);
        if (state.References == byte.MaxValue)
        {
            return false;
        }

        state.References++;
        return true;
    }

    public void Release(Frame frame)
    {
        MayThrow();
        ref State state = ref FindInUse(frame);
        if (state.References == 0)
        {
            throw NotInUse(frame);
        }

        state.References--;
        FreeIfUnused(frame.Number);
    }

    public bool IsExclusive(Frame frame)
    {
        MayThrow();
        ref State state = ref FindInUse(frame);
        return state.References + state.Mappings == 1;
    }

    public void Read(Frame frame, int offset, Span<byte> destination)
    {
        MayThrow();
        GetReadable(frame).AsSpan(offset, destination.Length).CopyTo(destination);
    }

    public void Write(Frame frame, int offset, ReadOnlySpan<byte> source)
    {
        MayThrow();
        source.CopyTo(GetBytes(frame).Slice(offset, source.Length));
    }

    public void Clear(Frame frame, int offset, int count)
    {
        MayThrow();
        GetBytes(frame).Slice(offset, count).Clear();
    }

    public void Copy(Frame source, int sourceOffset, Frame destination, int destinationOffset, int count)
    {
        MayThrow();
        GetReadable(source).AsSpan(sourceOffset, count).CopyTo(GetBytes(destination).Slice(destinationOffset, count));
    }

    /// <summary>The bytes themselves, for tests.</summary>
    public Span<byte> GetBytes(Frame frame)
    {
        FindInUse(frame);
        return _contents[frame.Number] ??= new byte[Paging.PageSize];
    }

    /// <summary>
    /// Takes frames that lie one after the other, for a boot loader's range: those that it fills are in use, with one reference.
    /// </summary>
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
            bool isFilled = (i > 0 || offset == 0) && (long)(i + 1) * Paging.PageSize <= offset + bytes.Length;
            _states[first + i] = isFilled ? new State(Kind.Untyped) { References = 1 } : new State(Kind.Fixed);
            _contents[first + i] = new byte[Paging.PageSize];
            UsedCount += isFilled ? 1 : 0;
        }

        for (int i = 0; i < bytes.Length; i++)
        {
            int position = offset + i;
            _contents[first + (position / Paging.PageSize)]![position % Paging.PageSize] = bytes[i];
        }

        return new PhysicalRange(new Frame(count == 0 ? 0 : first), offset, bytes.Length);
    }

    /// <summary>Whether a frame is free, for tests that look for leaks.</summary>
    public bool IsFree(Frame frame) => _states[frame.Number].Kind == Kind.Free;

    /// <summary>A frame by its number, as a bug might make one.</summary>
    public static Frame Forge(uint number) => new(number);

    /// <summary>Takes a frame for the machine itself.</summary>
    internal bool TryTake(Kind kind, out Frame frame)
    {
        AllocationCount++;
        if (FailAfter is 0 || _free.Count == 0)
        {
            frame = default;
            return false;
        }

        FailAfter--;
        uint number = _free.Pop();
        _states[number] = new State(kind) { References = kind == Kind.Untyped ? (byte)1 : (byte)0 };
        byte[] contents = _contents[number] ??= new byte[Paging.PageSize];
        contents.AsSpan().Fill(FreePattern);
        frame = new Frame(number);
        if (kind == Kind.Untyped)
        {
            UsedCount++;
            PeakUsedCount = Math.Max(PeakUsedCount, UsedCount);
        }

        return true;
    }

    /// <summary>Gives back what the machine took for itself.</summary>
    internal void Return(Frame frame)
    {
        if (_states[frame.Number].Kind is not Kind.Table)
        {
            throw NotInUse(frame);
        }

        _states[frame.Number] = default;
        _free.Push(frame.Number);
    }

    internal void AddMapping(Frame frame)
    {
        MayThrow();
        FindInUse(frame).Mappings++;
    }

    internal void DropMapping(Frame frame)
    {
        FindInUse(frame).Mappings--;
        FreeIfUnused(frame.Number);
    }

    internal void MayThrow()
    {
        if (ThrowAfter is int left)
        {
            ThrowAfter = left == 0 ? null : left - 1;
            if (left == 0)
            {
                throw new InjectedException();
            }
        }
    }

    internal byte[] GetReadable(Frame frame)
    {
        if (frame.Number >= Limit || _states[frame.Number].Kind is not (Kind.Untyped or Kind.Fixed))
        {
            throw NotInUse(frame);
        }

        return _contents[frame.Number] ??= new byte[Paging.PageSize];
    }

    private static InvalidOperationException NotInUse(Frame frame) => new($"frame {frame.Number} is not untyped memory in use");

    private ref State FindInUse(Frame frame)
    {
        if (frame.Number >= Limit || _states[frame.Number].Kind != Kind.Untyped)
        {
            throw NotInUse(frame);
        }

        return ref _states[frame.Number];
    }

    private void FreeIfUnused(uint number)
    {
        ref State state = ref _states[number];
        if (state.References == 0 && state.Mappings == 0)
        {
            state = default;
            _free.Push(number);
            UsedCount--;
        }
    }

    private uint FindRun(int count)
    {
        int run = 0;
        for (uint number = Limit - 1; number >= 1 && count > 0; number--)
        {
            run = _states[number].Kind == Kind.Free ? run + 1 : 0;
            if (run == count)
            {
                return number;
            }
        }

        return count == 0 ? 0u : throw new InvalidOperationException("The fake machine is too small.");
    }

    private struct State(Kind kind)
    {
        public Kind Kind { get; } = kind;

        public byte References { get; set; }

        public int Mappings { get; set; }
    }
}
