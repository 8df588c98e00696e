using System.Buffers.Binary;

namespace Semitone.Cli.Kvm;

/// <summary>Model-specific registers as KVM_GET_MSRS and KVM_SET_MSRS take them.</summary>
internal static class Msr
{
    /// <summary>IA32_ARCH_CAPABILITIES (SDM Vol. 4, table 2-2).</summary>
    public const uint ArchitectureCapabilities = 0x10A;

    // struct kvm_msrs: a count and padding, then entries of index, padding and value.
    private const int CountOffset = 0;
    private const int IndexOffset = 8;
    private const int ValueOffset = 16;
    private const int Size = 24;

    /// <summary>Makes a list of one register.</summary>
    public static byte[] Describe(uint index, ulong value)
    {
        byte[] list = new byte[Size];
        BinaryPrimitives.WriteInt32LittleEndian(list.AsSpan(CountOffset), 1);
        BinaryPrimitives.WriteUInt32LittleEndian(list.AsSpan(IndexOffset), index);
        BinaryPrimitives.WriteUInt64LittleEndian(list.AsSpan(ValueOffset), value);
        return list;
    }

    /// <summary>Reads the value back out of a list of one.</summary>
    public static ulong GetValue(ReadOnlySpan<byte> list) => BinaryPrimitives.ReadUInt64LittleEndian(list[ValueOffset..]);
}
