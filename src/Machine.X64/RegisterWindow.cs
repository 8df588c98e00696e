using System.Runtime.CompilerServices;

namespace Semitone.Machine.X64;

/// <summary>Registers of a device in memory.</summary>
/// <remarks>
/// Nothing is inlined: where a caller wants the low byte of a register only, the compiler would make a load of four bytes one of one byte,
/// volatile or not, and QEMU's virtio-mmio answers other widths than four with 0.
/// </remarks>
// SAFETY: Metal mapped this many bytes from here on, uncached and for good, and nothing of the kernel's lies there; every
// offset is checked.
internal sealed unsafe class RegisterWindow(byte* start, int length) : IRegisterWindow
{
    public int Length => length;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public byte ReadByte(int offset) => Volatile.Read(ref *Find(offset, sizeof(byte)));

    [MethodImpl(MethodImplOptions.NoInlining)]
    public ushort ReadUInt16(int offset) => Volatile.Read(ref *(ushort*)Find(offset, sizeof(ushort)));

    [MethodImpl(MethodImplOptions.NoInlining)]
    public uint ReadUInt32(int offset) => Volatile.Read(ref *(uint*)Find(offset, sizeof(uint)));

    [MethodImpl(MethodImplOptions.NoInlining)]
    public void WriteByte(int offset, byte value) => Volatile.Write(ref *Find(offset, sizeof(byte)), value);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public void WriteUInt16(int offset, ushort value) => Volatile.Write(ref *(ushort*)Find(offset, sizeof(ushort)), value);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public void WriteUInt32(int offset, uint value) => Volatile.Write(ref *(uint*)Find(offset, sizeof(uint)), value);

    /// <summary>Where a register is; an exception of the span's where there is none, or it would lie across others.</summary>
    private byte* Find(int offset, int width)
    {
        _ = new ReadOnlySpan<byte>(start, length).Slice((offset & (width - 1)) == 0 ? offset : -1, width);
        return start + offset;
    }
}
