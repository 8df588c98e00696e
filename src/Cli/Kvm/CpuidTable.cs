using System.Buffers.Binary;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Kvm;

/// <summary>What CPUID is to tell the guest: <c>struct kvm_cpuid2</c>, 8 bytes and 40 for each entry.</summary>
internal sealed class CpuidTable
{
    private const int HeaderSize = 8;
    private const int EntrySize = 40;
    private const int MaximumEntries = 512;

    // In an entry: function, index, flags, then EAX to EDX.
    private const int RegistersOffset = 12;

    private const nint TscDeadlineTimer = 72; // KVM_CAP_TSC_DEADLINE_TIMER

    private readonly byte[] _entries = new byte[HeaderSize + MaximumEntries * EntrySize];

    private CpuidTable()
    {
    }

    private int Count => BinaryPrimitives.ReadInt32LittleEndian(_entries);

    /// <summary>Reads what KVM can give, and adds what it leaves to its user, as QEMU does for <c>-cpu host</c>.</summary>
    public static CpuidTable Read(KvmDevice kvm)
    {
        CpuidTable table = new();
        BinaryPrimitives.WriteInt32LittleEndian(table._entries, MaximumEntries);
        kvm.Call(KvmDevice.GetSupportedCpuid, table._entries, "KVM_GET_SUPPORTED_CPUID");
        if (kvm.Call(KvmDevice.CheckExtension, TscDeadlineTimer, "KVM_CHECK_EXTENSION") > 0)
        {
            table.Change(new CpuidBit(1, Register: 2, Bit: 24), value: true);
        }

        table.Change(new CpuidBit(1, Register: 2, Bit: 31), value: true); // it is a hypervisor's guest
        return table;
    }

    public bool Has(CpuidBit bit) => Find(bit.Leaf) is { } entry && (ReadRegister(entry, bit) & (1u << bit.Bit)) != 0;

    public void Clear(CpuidBit bit) => Change(bit, value: false);

    public void Install(KvmDevice cpu) => cpu.Call(KvmDevice.SetCpuid2, _entries, "KVM_SET_CPUID2");

    private void Change(CpuidBit bit, bool value)
    {
        if (Find(bit.Leaf) is { } entry)
        {
            uint mask = 1u << bit.Bit;
            uint word = ReadRegister(entry, bit);
            BinaryPrimitives.WriteUInt32LittleEndian(
                _entries.AsSpan(entry + RegistersOffset + bit.Register * 4), value ? word | mask : word & ~mask);
        }
    }

    private uint ReadRegister(int entry, CpuidBit bit) =>
        BinaryPrimitives.ReadUInt32LittleEndian(_entries.AsSpan(entry + RegistersOffset + bit.Register * 4));

    /// <summary>Finds where a leaf's first sub-leaf is.</summary>
    private int? Find(uint leaf)
    {
        for (int i = 0; i < Math.Min(Count, MaximumEntries); i++)
        {
            int entry = HeaderSize + i * EntrySize;
            ReadOnlySpan<byte> bytes = _entries.AsSpan(entry);
            if (BinaryPrimitives.ReadUInt32LittleEndian(bytes) == leaf && BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]) == 0)
            {
                return entry;
            }
        }

        return null;
    }
}
