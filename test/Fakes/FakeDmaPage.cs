using System.Buffers.Binary;
using Semitone.Machine;

namespace Semitone.Fakes;

/// <summary>A page for devices, which tests see as an array. Undefined contents are not zeros.</summary>
internal sealed class FakeDmaPage : IDmaPage
{
    private const byte Undefined = 0xA5;

    public FakeDmaPage(ulong deviceAddress)
    {
        DeviceAddress = deviceAddress;
        Bytes.AsSpan().Fill(Undefined);
    }

    public byte[] Bytes { get; } = new byte[IDmaPage.Size];

    public ulong DeviceAddress { get; }

    public ushort ReadUInt16(int offset) => BinaryPrimitives.ReadUInt16LittleEndian(Find(offset, 2));

    public uint ReadUInt32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(Find(offset, 4));

    public void WriteUInt16(int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(Find(offset, 2), value);

    public void WriteUInt32(int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(Find(offset, 4), value);

    public void WriteUInt64(int offset, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(Find(offset, 8), value);

    public void Read(int offset, Span<byte> destination) => Bytes.AsSpan(offset, destination.Length).CopyTo(destination);

    public void Write(int offset, ReadOnlySpan<byte> source) => source.CopyTo(Bytes.AsSpan(offset, source.Length));

    private Span<byte> Find(int offset, int width)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(offset % width, 0, nameof(offset));
        return Bytes.AsSpan(offset, width);
    }
}
