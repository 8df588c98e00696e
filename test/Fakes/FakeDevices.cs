using System.Diagnostics.CodeAnalysis;
using Semitone.Machine;

namespace Semitone.Fakes;

/// <summary>The devices of the fake machine: what a test has put in, and nothing else.</summary>
public sealed class FakeDevices : IDeviceAccess
{
    /// <summary>What devices know the first page by; others follow, with a hole between any two.</summary>
    private const ulong FirstPage = 0x10_0000;

    private const ulong PageDistance = 0x2000;

    private readonly Dictionary<ulong, IFakeRegisters> _registers = [];
    private readonly List<FakeDmaPage> _pages = [];

    /// <summary>The lines that were connected, by input; messages count down from -1.</summary>
    public Dictionary<int, FakeInterruptLine> Lines { get; } = [];

    /// <summary>Inputs that can be connected.</summary>
    public int InputCount { get; set; } = 24;

    /// <summary>Pages that can still be had; null for any number.</summary>
    public int? PagesLeft { get; set; }

    /// <summary>Pages that were given out.</summary>
    public int PageCount => _pages.Count;

    /// <summary>PCI configuration space: reads all ones where nothing is.</summary>
    public IFakePci? Pci { get; set; }

    private int MessageCount { get; set; }

    /// <summary>Puts a device's registers at an address.</summary>
    public void Add(ulong physical, IFakeRegisters registers) => _registers.Add(physical, registers);

    public bool TryMapRegisters(ulong physical, int length, [NotNullWhen(true)] out IRegisterWindow? window)
    {
        window = length is > 0 and <= IRegisterWindow.MaximumLength && physical % 4 == 0
            ? new FakeRegisterWindow(this, physical, length)
            : null;
        return window is not null;
    }

    public uint ReadPciConfiguration(PciAddress function, int offset) => Pci?.Read(function, offset & 0xFC) ?? uint.MaxValue;

    public void WritePciConfiguration(PciAddress function, int offset, uint value) => Pci?.Write(function, offset & 0xFC, value);

    public bool TryConnectInput(int input, [NotNullWhen(true)] out IInterruptLine? line)
    {
        line = null;
        if (input < 0 || input >= InputCount)
        {
            return false;
        }

        FakeInterruptLine made = new();
        Lines[input] = made;
        line = made;
        return true;
    }

    public bool TryConnectMessage([NotNullWhen(true)] out IInterruptLine? line, out InterruptMessage message)
    {
        FakeInterruptLine made = new();
        Lines[-++MessageCount] = made;
        line = made;
        message = new InterruptMessage(0xFEE0_0000, (uint)MessageCount);
        return true;
    }

    public bool TryAllocateDmaPage([NotNullWhen(true)] out IDmaPage? page)
    {
        page = null;
        if (PagesLeft is 0)
        {
            return false;
        }

        PagesLeft--;
        FakeDmaPage made = new(FirstPage + ((ulong)_pages.Count * PageDistance));
        _pages.Add(made);
        page = made;
        return true;
    }

    /// <summary>The bytes that a device finds at an address, as it makes one access.</summary>
    /// <exception cref="InvalidOperationException">The bytes lie in no page that was given out: a real device would write
    /// anywhere.</exception>
    public Span<byte> GetDeviceMemory(ulong address, int length)
    {
        ulong index = (address - FirstPage) / PageDistance;
        ulong offset = (address - FirstPage) % PageDistance;
        if (address < FirstPage || index >= (ulong)_pages.Count || length < 0 || offset + (ulong)length > IDmaPage.Size)
        {
            throw new InvalidOperationException($"a device was told of 0x{address:x}, {length} bytes, where no page of its is");
        }

        return _pages[(int)index].Bytes.AsSpan((int)offset, length);
    }

    /// <summary>The device that has a message's data raises its line.</summary>
    public void SendMessage(uint data)
    {
        if (Lines.TryGetValue(-(int)data, out FakeInterruptLine? line))
        {
            line.Raise();
        }
    }

    internal (IFakeRegisters Registers, int Offset)? FindRegisters(ulong address)
    {
        foreach ((ulong start, IFakeRegisters registers) in _registers)
        {
            if (address >= start && address - start < (ulong)registers.Length)
            {
                return (registers, (int)(address - start));
            }
        }

        return null;
    }
}
