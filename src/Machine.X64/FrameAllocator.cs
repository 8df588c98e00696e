namespace Semitone.Machine.X64;

/// <summary>Metal's page frames.</summary>
internal sealed unsafe class FrameAllocator : IFrameAllocator
{
    private readonly MetalDoor* _door;
    private readonly ulong _directMap;

    internal FrameAllocator(MetalDoor* door)
    {
        _door = door;
        _directMap = door->DirectMap;
    }

    public long TotalCount => _door->GetTotalFrames();

    public long FreeCount => _door->GetFreeFrames();

    public uint Limit => (uint)_door->FrameLimit;

    public bool TryAllocate(out Frame frame)
    {
        ulong physical = _door->TakeFrame();
        frame = new Frame((uint)(physical >> 12));
        return physical != 0;
    }

    public bool TryAllocateZeroed(out Frame frame)
    {
        ulong physical = _door->TakeFrame();
        frame = new Frame((uint)(physical >> 12));
        if (physical == 0)
        {
            return false;
        }

        // SAFETY: a frame just taken belongs to nobody else.
        _door->ClearPage((void*)(_directMap + physical));
        return true;
    }

    public void Free(Frame frame) => _door->FreeFrame((ulong)frame.Number << 12);

    public Span<byte> GetBytes(Frame frame)
    {
        // SAFETY: the direct map covers every frame below Limit; a frame number beyond it is refused.
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((ulong)frame.Number, _door->FrameLimit);
        return new Span<byte>((void*)(_directMap + ((ulong)frame.Number << 12)), 4096);
    }
}
