namespace Semitone.Machine;

/// <summary>Registers of a device, by their offset in bytes.</summary>
/// <remarks>
/// Each access is one access of the CPU with this width, made where it stands, in the order of the source. Numbers are little-endian. An
/// offset that does not lie in the window or is no multiple of the width is a bug of the caller: an exception.
/// </remarks>
[NonAllocating]
public interface IRegisterWindow
{
    /// <summary>Bytes that a window can have.</summary>
    const int MaximumLength = 1 << 20;

    /// <summary>Bytes.</summary>
    int Length { get; }

    byte ReadByte(int offset);

    ushort ReadUInt16(int offset);

    uint ReadUInt32(int offset);

    void WriteByte(int offset, byte value);

    void WriteUInt16(int offset, ushort value);

    void WriteUInt32(int offset, uint value);
}
