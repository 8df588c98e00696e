using System.Runtime.CompilerServices;

namespace Semitone.Machine.X64;

/// <summary>Metal's page frames, as callers may use them.</summary>
// SAFETY: the table of frames tells where bytes lie that are untyped memory in use; each method ends before they can be anything else.
internal sealed unsafe class FrameAllocator : IFrameAllocator
{
    private readonly MetalDoor* _door;
    private readonly FrameTable _table;
    private readonly ulong _directMap;

    internal FrameAllocator(MetalDoor* door, FrameTable table)
    {
        _door = door;
        _table = table;
        _directMap = door->DirectMap;
    }

    public long TotalCount => _door->GetTotalFrames();

    public long FreeCount => _door->GetFreeFrames();

    public long UsedCount => _table.UsedCount;

    public long PeakUsedCount => _table.PeakUsedCount;

    public bool TryAllocate(out Frame frame)
    {
        uint number = _table.TakeUntyped();
        frame = new Frame(number);
        return number != 0;
    }

    public bool TryAllocateZeroed(out Frame frame)
    {
        uint number = _table.TakeUntyped();
        frame = new Frame(number);
        if (number == 0)
        {
            return false;
        }

        _door->ClearPage((void*)(_directMap + ((ulong)number << 12)));
        return true;
    }

    public bool TryAddReference(Frame frame) => _table.TryAddReference(frame.Number);

    public void Release(Frame frame) => _table.DropReference(frame.Number);

    public bool IsExclusive(Frame frame) => _table.IsExclusive(frame.Number);

    public void Read(Frame frame, int offset, Span<byte> destination) =>
        new ReadOnlySpan<byte>(_table.ForReading(frame.Number, offset, destination.Length), destination.Length).CopyTo(destination);

    public void Write(Frame frame, int offset, ReadOnlySpan<byte> source) =>
        source.CopyTo(new Span<byte>(_table.ForWriting(frame.Number, offset, source.Length), source.Length));

    public void Clear(Frame frame, int offset, int count) =>
        new Span<byte>(_table.ForWriting(frame.Number, offset, count), count).Clear();

    public void Copy(Frame source, int sourceOffset, Frame destination, int destinationOffset, int count)
    {
        byte* from = _table.ForReading(source.Number, sourceOffset, count);
        byte* to = _table.ForWriting(destination.Number, destinationOffset, count);
        new ReadOnlySpan<byte>(from, count).CopyTo(new Span<byte>(to, count));
    }
}
