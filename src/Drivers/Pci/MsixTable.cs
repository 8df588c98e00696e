using System.Diagnostics.CodeAnalysis;
using Semitone.Machine;

namespace Semitone.Drivers;

/// <summary>The interrupts of a PCI function: messages that it writes (PCI Local Bus Specification 3.0, 6.8.2, MSI-X).</summary>
internal sealed class MsixTable
{
    private const byte Capability = 0x11;
    private const uint Enabled = 1U << 31;
    private const uint AllMasked = 1U << 30;
    private const int TableRegister = 4;
    private const int EntrySize = 16;
    private const int DataOffset = 8;
    private const int ControlOffset = 12;
    private const int MostEntries = 2048;

    private readonly PciFunction _function;
    private readonly IRegisterWindow _entries;
    private readonly int _capability;

    private MsixTable(PciFunction function, IRegisterWindow entries, int capability)
    {
        _function = function;
        _entries = entries;
        _capability = capability;
    }

    public int Count => _entries.Length / EntrySize;

    /// <summary>Finds the table of a function.</summary>
    public static bool TryOpen(IDeviceAccess devices, PciFunction function, [NotNullWhen(true)] out MsixTable? table)
    {
        table = null;
        int capability = function.FindCapability(Capability, 0);
        if (capability == 0)
        {
            return false;
        }

        int count = Math.Min((int)(function.Read(capability) >> 16 & 0x7FF) + 1, MostEntries);
        uint place = function.Read(capability + TableRegister);
        ulong bar = function.GetBar((int)(place & 7));
        if (bar == 0 || !devices.TryMapRegisters(bar + (place & ~7U), count * EntrySize, out IRegisterWindow? entries))
        {
            return false;
        }

        table = new MsixTable(function, entries, capability);
        return true;
    }

    /// <summary>Lets the function interrupt by messages; none of its entries says anything yet.</summary>
    public void Enable() => _function.Write(_capability, (_function.Read(_capability) & ~AllMasked) | Enabled);

    /// <summary>Says what an entry is to send.</summary>
    public void Set(int entry, InterruptMessage message)
    {
        int offset = entry * EntrySize;
        _entries.WriteUInt32(offset, (uint)message.Address);
        _entries.WriteUInt32(offset + sizeof(uint), (uint)(message.Address >> 32));
        _entries.WriteUInt32(offset + DataOffset, message.Data);
        _entries.WriteUInt32(offset + ControlOffset, 0);
    }
}
