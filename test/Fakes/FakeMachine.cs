using System.Diagnostics.CodeAnalysis;
using System.Text;
using Semitone.Machine;

namespace Semitone.Fakes;

/// <summary>A machine for tests: memory is arrays, time stands still until it is moved, and the CPU plays a script.</summary>
public sealed class FakeMachine : IMachine
{
    private ulong _entropy = 0x9E37_79B9_7F4A_7C15;

    /// <param name="frameCount">Frames of physical memory (4096 make 16 MiB).</param>
    public FakeMachine(int frameCount = 4096)
    {
        Frames = new FakeFrameAllocator(frameCount);
        Clock = new FakeClock();
        Cpu = new FakeCpu(Clock);
        Console = new FakeConsole();
        Boot = new BootInformation([], default);
        CpuFeatures = new CpuFeatures(0x078B_FBFD, 2, 576, "Semitone Fake CPU"u8.ToArray());
    }

    public FakeFrameAllocator Frames { get; }

    public FakeClock Clock { get; }

    public FakeCpu Cpu { get; }

    public FakeConsole Console { get; }

    public FakeDevices Devices { get; } = new();

    public BootInformation Boot { get; set; }

    public CpuFeatures CpuFeatures { get; set; }

    IFrameAllocator IMachine.Frames => Frames;

    ICpu IMachine.Cpu => Cpu;

    IClock IMachine.Clock => Clock;

    IConsole IMachine.Console => Console;

    IDeviceAccess IMachine.Devices => Devices;

    /// <summary>Puts an initrd and a command line in place, as a boot loader does.</summary>
    public void SetBoot(string commandLine, ReadOnlySpan<byte> initialRamDisk, int offset = 0)
    {
        PhysicalRange range = initialRamDisk.IsEmpty ? default : Frames.Reserve(initialRamDisk, offset);
        Boot = new BootInformation(Encoding.UTF8.GetBytes(commandLine), range);
    }

    public bool TryCreatePageTable([NotNullWhen(true)] out IPageTable? pageTable)
    {
        // The root table needs a frame; a real machine frees it with the rest.
        pageTable = null;
        if (!Frames.TryTake(FakeFrameAllocator.Kind.Table, out Frame root))
        {
            return false;
        }

        Frames.Return(root);
        pageTable = new FakePageTable(Frames);
        return true;
    }

    public bool TryCreateContext([NotNullWhen(true)] out IGuestContext? context)
    {
        context = null;
        if (!Frames.TryTake(FakeFrameAllocator.Kind.Table, out Frame state))
        {
            return false;
        }

        Frames.Return(state);
        context = new FakeGuestContext();
        return true;
    }

    /// <summary>Gives bytes of a fixed sequence: tests can be repeated.</summary>
    public void GetEntropy(Span<byte> destination)
    {
        foreach (ref byte value in destination)
        {
            _entropy ^= _entropy << 13;
            _entropy ^= _entropy >> 7;
            _entropy ^= _entropy << 17;
            value = (byte)_entropy;
        }
    }

    [DoesNotReturn]
    public void PowerOff(byte status) => throw new MachinePoweredOffException(status);
}
