using System.Diagnostics.CodeAnalysis;

namespace Semitone.Machine.X64;

/// <summary>The machine's devices, by way of Metal.</summary>
// SAFETY: Metal maps registers only where nothing of the kernel's is; a page for devices is a frame that this class took and nobody frees.
internal sealed unsafe class DeviceAccess : IDeviceAccess
{
    /// <summary>Where a message to a local APIC goes, less the APIC's number (Intel SDM Vol. 3A, 10.11.1).</summary>
    private const ulong MessageBase = 0xFEE0_0000;

    /// <summary>A message has eight bits for it, all ones of which mean everybody.</summary>
    private const ulong HighestMessageTarget = 254;

    private readonly MetalDoor* _door;
    private readonly FrameTable _frames;
    private uint _linesUsed;

    internal DeviceAccess(MetalDoor* door, FrameTable frames)
    {
        _door = door;
        _frames = frames;
    }

    public bool TryMapRegisters(ulong physical, int length, [NotNullWhen(true)] out IRegisterWindow? window)
    {
        window = null;
        if (length is <= 0 or > IRegisterWindow.MaximumLength || physical % sizeof(uint) != 0)
        {
            return false;
        }

        ulong address = _door->MapRegisters(physical, (ulong)length);
        window = address != 0 ? new RegisterWindow((byte*)address, length) : null;
        return window is not null;
    }

    public uint ReadPciConfiguration(PciAddress function, int offset) => _door->ReadConfiguration(GetRegister(function, offset));

    public void WritePciConfiguration(PciAddress function, int offset, uint value) =>
        _door->WriteConfiguration(GetRegister(function, offset), value);

    public bool TryConnectInput(int input, [NotNullWhen(true)] out IInterruptLine? line)
    {
        line = null;
        if (input < 0 || _linesUsed >= _door->LineCount || _door->RouteInput((uint)input, _linesUsed) == 0)
        {
            return false;
        }

        line = TakeLine();
        return true;
    }

    public bool TryConnectMessage([NotNullWhen(true)] out IInterruptLine? line, out InterruptMessage message)
    {
        line = null;
        message = default;
        if (_linesUsed >= _door->LineCount || _door->LocalApicId > HighestMessageTarget)
        {
            return false;
        }

        message = new InterruptMessage(MessageBase | (_door->LocalApicId << 12), (uint)_door->FirstLineVector + _linesUsed);
        line = TakeLine();
        return true;
    }

    public bool TryAllocateDmaPage([NotNullWhen(true)] out IDmaPage? page)
    {
        ulong physical = _frames.TakeForDevices();
        page = null;
        if (physical == 0)
        {
            return false;
        }

        try
        {
            page = new DmaPage((byte*)(_door->DirectMap + physical), physical);
            return true;
        }
        catch (OutOfMemoryException)
        {
            // No device has been told of it yet.
            _frames.Return(physical);
            return false;
        }
    }

    private static uint GetRegister(PciAddress function, int offset) => ((uint)function.Number << 8) | ((uint)offset & 0xFC);

    private InterruptLine TakeLine()
    {
        InterruptLine line = new((ulong*)_door->PendingLines, 1UL << (int)_linesUsed);
        _linesUsed++;
        return line;
    }
}
