using System.Buffers.Binary;
using System.Text;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Kvm;

/// <summary>What the guest of the probe is about to try: a record of ProbeGuest.S.</summary>
/// <param name="Name">As a person would call it.</param>
/// <param name="Condition">The bit of CPUID that allows it.</param>
/// <param name="Flag">Takes it away in QEMU's <c>-cpu</c>; empty for what we cannot do without.</param>
internal sealed record ProbeStep(string Name, CpuidBit Condition, string Flag)
{
    private const int HeaderSize = 12;
    private const int MaximumSize = 128;

    /// <summary>Reads the record at an address of the guest's.</summary>
    public static ProbeStep Read(MappedMemory memory, ulong address)
    {
        if (address > memory.ByteLength - MaximumSize)
        {
            throw new KvmFailedException(KvmState.Broken, "the guest's registers are not what its code put there");
        }

        byte[] record = new byte[MaximumSize];
        memory.ReadArray(address, record, 0, record.Length);
        ReadOnlySpan<byte> texts = record.AsSpan(HeaderSize);
        int nameLength = Math.Max(0, texts.IndexOf((byte)0));
        ReadOnlySpan<byte> flag = texts[(nameLength + 1)..];
        return new ProbeStep(
            Encoding.ASCII.GetString(texts[..nameLength]),
            new CpuidBit(
                BinaryPrimitives.ReadUInt32LittleEndian(record),
                BinaryPrimitives.ReadInt32LittleEndian(record.AsSpan(4)) & 3,
                BinaryPrimitives.ReadInt32LittleEndian(record.AsSpan(8)) & 31),
            Encoding.ASCII.GetString(flag[..Math.Max(0, flag.IndexOf((byte)0))]));
    }
}
