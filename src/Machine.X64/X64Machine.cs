using System.Diagnostics.CodeAnalysis;
using System.Runtime.Intrinsics.X86;

namespace Semitone.Machine.X64;

/// <summary>An x86-64 machine, by way of Metal.</summary>
public sealed unsafe class X64Machine : IMachine
{
    private const int PageSize = 4096;
    private const int ExtendedOffset = 512;

    private readonly MetalDoor* _door;
    private readonly FrameAllocator _frames;
    private readonly Clock _clock;
    private readonly SerialConsole _console;
    private readonly DeviceAccess _devices;
    private CpuFeatures? _features;

    private X64Machine(MetalDoor* door)
    {
        _door = door;
        FrameTable = new FrameTable(door);
        _frames = new FrameAllocator(door, FrameTable);
        _clock = new Clock(door);
        _console = new SerialConsole(door);
        _devices = new DeviceAccess(door, FrameTable);
        X64Cpu = new X64Cpu(door, FrameTable, _clock);
        ExtendedStateSize = (int)door->ExtendedStateSize;
        EnabledComponents = door->ExtendedComponents;
        if (ExtendedStateSize > PageSize - ExtendedOffset)
        {
            Environment.FailFast("the extended state does not fit the page of a context");
        }

        // SAFETY: Metal keeps the command line where it is, and its length with it.
        byte[] commandLine = new ReadOnlySpan<byte>((void*)door->CommandLine, (int)door->CommandLineLength).ToArray();
        Boot = new BootInformation(
            commandLine,
            new PhysicalRange(
                new Frame((uint)(door->InitialRamDisk >> 12)),
                (int)(door->InitialRamDisk & (PageSize - 1)),
                (long)door->InitialRamDiskLength));
    }

    public IFrameAllocator Frames => _frames;

    public ICpu Cpu => X64Cpu;

    public IClock Clock => _clock;

    public IConsole Console => _console;

    public IDeviceAccess Devices => _devices;

    public BootInformation Boot { get; }

    public CpuFeatures CpuFeatures => _features ??= ReadFeatures();

    internal X64Cpu X64Cpu { get; }

    internal FrameTable FrameTable { get; }

    internal int ExtendedStateSize { get; }

    /// <summary>Physical address of the kernel's own top-level page table.</summary>
    internal ulong KernelRoot => _door->KernelRoot;

    /// <summary>XCR0; 0 without XSAVE.</summary>
    internal ulong EnabledComponents { get; }

    /// <summary>Enters the machine that this program was started on.</summary>
    public static X64Machine Enter() => new(MetalDoor.Enter());

    public bool TryCreatePageTable([NotNullWhen(true)] out IPageTable? pageTable)
    {
        pageTable = null;
        ulong root = FrameTable.Take(FrameTable.PageTable);
        try
        {
            pageTable = root != 0 ? new PageTable(this, _door, root) : null;
        }
        catch (OutOfMemoryException)
        {
            FrameTable.Return(root);
        }

        return pageTable != null;
    }

    public bool TryCreateContext([NotNullWhen(true)] out IGuestContext? context)
    {
        context = null;
        ulong frame = FrameTable.Take(FrameTable.Context);
        try
        {
            context = frame != 0 ? new GuestContext(this, frame) : null;
        }
        catch (OutOfMemoryException)
        {
            FrameTable.Return(frame);
        }

        return context != null;
    }

    public void GetEntropy(Span<byte> destination)
    {
        // SAFETY: Metal fills exactly this many bytes before it returns.
        fixed (byte* start = destination)
        {
            _door->FillRandom(start, destination.Length);
        }
    }

    [DoesNotReturn]
    public void PowerOff(byte status)
    {
        _door->PowerOff(status);
        Environment.FailFast("the machine is still on");
    }

    /// <summary>Tells Metal that a guest's state is about to be given back.</summary>
    internal void ForgetGuest(GuestState* state) => _door->ForgetGuest(state);

    /// <summary>Where a page of physical memory can be reached.</summary>
    internal void* ToPointer(ulong physical) => (void*)(_door->DirectMap + physical);

    /// <summary>The bytes of any page, for tests of what they hold.</summary>
    internal Span<byte> GetPhysicalPage(ulong physical)
    {
        // SAFETY: the direct map covers every page below the limit.
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(physical >> 12, FrameTable.Limit, nameof(physical));
        return new Span<byte>(ToPointer(physical & ~(ulong)(PageSize - 1)), PageSize);
    }

    /// <summary>The bytes of a frame, for tests that look at them beside what guests see.</summary>
    internal Span<byte> GetPage(Frame frame) => GetPhysicalPage((ulong)frame.Number << 12);

    private CpuFeatures ReadFeatures()
    {
        byte[] brand = new byte[48];
        for (int i = 0; i < 3; i++)
        {
            (int eax, int ebx, int ecx, int edx) = X86Base.CpuId(unchecked((int)0x8000_0002) + i, 0);
            BitConverter.TryWriteBytes(brand.AsSpan(i * 16), eax);
            BitConverter.TryWriteBytes(brand.AsSpan(i * 16 + 4), ebx);
            BitConverter.TryWriteBytes(brand.AsSpan(i * 16 + 8), ecx);
            BitConverter.TryWriteBytes(brand.AsSpan(i * 16 + 12), edx);
        }

        return new CpuFeatures((uint)_door->Leaf1Edx, _door->HasFsGsBase != 0 ? 2u : 0, ExtendedStateSize, brand)
        {
            ExtendedStateComponents = EnabledComponents,
            Cpuid = X86Base.CpuId,
        };
    }
}
