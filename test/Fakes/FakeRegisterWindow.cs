using Semitone.Machine;

namespace Semitone.Fakes;

/// <summary>What a device does when its registers are read and written.</summary>
public interface IFakeRegisters
{
    /// <summary>Bytes.</summary>
    int Length { get; }

    uint Read(int offset, int width);

    void Write(int offset, int width, uint value);
}

/// <summary>PCI configuration space.</summary>
public interface IFakePci
{
    uint Read(PciAddress function, int offset);

    void Write(PciAddress function, int offset, uint value);
}

/// <summary>A window onto whatever devices lie behind it; where there is none all ones are read.</summary>
internal sealed class FakeRegisterWindow(FakeDevices devices, ulong physical, int length) : IRegisterWindow
{
    public int Length => length;

    public byte ReadByte(int offset) => (byte)Read(offset, 1);

    public ushort ReadUInt16(int offset) => (ushort)Read(offset, 2);

    public uint ReadUInt32(int offset) => Read(offset, 4);

    public void WriteByte(int offset, byte value) => Write(offset, 1, value);

    public void WriteUInt16(int offset, ushort value) => Write(offset, 2, value);

    public void WriteUInt32(int offset, uint value) => Write(offset, 4, value);

    private uint Read(int offset, int width)
    {
        Check(offset, width);
        return devices.FindRegisters(physical + (ulong)offset) is var (registers, at) ? registers.Read(at, width) : uint.MaxValue;
    }

    private void Write(int offset, int width, uint value)
    {
        Check(offset, width);
        if (devices.FindRegisters(physical + (ulong)offset) is var (registers, at))
        {
            registers.Write(at, width, value);
        }
    }

    private void Check(int offset, int width)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, length - width);
        ArgumentOutOfRangeException.ThrowIfNotEqual(offset % width, 0, nameof(offset));
    }
}
