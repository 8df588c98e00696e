namespace Semitone.Machine.X64;

/// <summary>A page for devices.</summary>
// SAFETY: the frame was taken for this object alone and is never given back; every offset is checked. Devices change its bytes at any time,
// so what is read is copied once and means nothing to this code.
internal sealed unsafe class DmaPage(byte* start, ulong physical) : IDmaPage
{
    public ulong DeviceAddress => physical;

    private Span<byte> Bytes => new(start, IDmaPage.Size);

    public ushort ReadUInt16(int offset) => Volatile.Read(ref *(ushort*)Find(offset, sizeof(ushort)));

    public uint ReadUInt32(int offset) => Volatile.Read(ref *(uint*)Find(offset, sizeof(uint)));

    public void WriteUInt16(int offset, ushort value) => Volatile.Write(ref *(ushort*)Find(offset, sizeof(ushort)), value);

    public void WriteUInt32(int offset, uint value) => Volatile.Write(ref *(uint*)Find(offset, sizeof(uint)), value);

    public void WriteUInt64(int offset, ulong value) => Volatile.Write(ref *(ulong*)Find(offset, sizeof(ulong)), value);

    public void Read(int offset, Span<byte> destination) => Bytes.Slice(offset, destination.Length).CopyTo(destination);

    public void Write(int offset, ReadOnlySpan<byte> source) => source.CopyTo(Bytes.Slice(offset, source.Length));

    /// <summary>Where a number is; an exception of the span's where none can be.</summary>
    private byte* Find(int offset, int width)
    {
        _ = Bytes.Slice((offset & (width - 1)) == 0 ? offset : -1, width);
        return start + offset;
    }
}
