using Semitone.Drivers;
using Semitone.Fakes;

namespace Semitone.Unit.Drivers;

/// <summary>Finding devices, and bringing one up, over both transports.</summary>
public sealed class VirtioBusTests
{
    private const ulong FirstWindow = 0xFEB0_0000;
    private const ulong AllFeatures = ulong.MaxValue;

    private readonly FakeMachine _machine = new();

    [Fact]
    public void Find_NothingThere_TouchesNothing() => Assert.Empty(VirtioBus.Find(_machine, []));

    /// <summary>QEMU's microvm: filled from the highest window down; without ACPI 8 of them, with it 24.</summary>
    [Theory]
    [InlineData(8, 7, new[] { 12, 23 })]
    [InlineData(8, 0, new[] { 5, 16 })]
    [InlineData(24, 23, new[] { 47 })]
    [InlineData(24, 3, new[] { 27 })]
    public void Find_WindowsOfMicrovm_GivesTheDeviceWithItsInput(int windows, int place, int[] inputs)
    {
        _machine.Devices.InputCount = 48;
        FakeVirtioDevice device = MakeEntropy();
        for (int i = 0; i < windows; i++)
        {
            _machine.Devices.Add(FirstWindow + (ulong)(i * 0x200), new MmioFront(i == place ? device : null));
        }

        VirtioDevice found = Assert.Single(VirtioBus.Find(_machine, []));
        Assert.Equal(VirtioDeviceKind.Entropy, found.Kind);
        Assert.Equal(0, device.ResetCount);
        Assert.True(found.TryBegin(0, out _, out string? problem), problem);
        Assert.Equal(inputs, _machine.Devices.Lines.Keys.Order());
    }

    [Fact]
    public void Find_NamedWindows_LooksAtNoOthers()
    {
        FakeVirtioDevice named = MakeEntropy();
        _machine.Devices.Add(0xC000_1000, new MmioFront(named));
        _machine.Devices.Add(FirstWindow, new MmioFront(MakeEntropy()));
        VirtioDevice found = Assert.Single(VirtioBus.Find(_machine, [new NamedWindow(0xC000_1000, 6), new NamedWindow(0xC000_3000, 7)]));
        Assert.True(found.TryBegin(0, out _, out _));
        Assert.Equal([6], _machine.Devices.Lines.Keys);
    }

    /// <summary>Where there is PCI, microvm's windows are somebody else's registers.</summary>
    [Theory]
    [InlineData(0x1005, false)]
    [InlineData(0x1044, true)]
    public void Find_Pci_GivesTheFunction(ushort id, bool isBehindBridge)
    {
        FakeVirtioDevice device = MakeEntropy();
        PciFront front = new(_machine.Devices, device, id, isBehindBridge);
        VirtioDevice found = Assert.Single(VirtioBus.Find(_machine, []));
        Assert.Equal(VirtioDeviceKind.Entropy, found.Kind);
        Assert.True(found.TryBegin(0, out _, out string? problem), problem);
        Assert.NotNull(front);
    }

    [Fact]
    public void Find_CapabilitiesInACircle_Ends()
    {
        PciFront front = new(_machine.Devices, MakeEntropy(), 0x1044);
        front.LoopCapabilities();
        VirtioDevice found = Assert.Single(VirtioBus.Find(_machine, []));
        Assert.False(found.TryBegin(0, out _, out string? problem)); // MSI-X is not in the circle
        Assert.Equal("its interrupts cannot be connected", problem);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Begin_AnyFeatures_TakesOnlyWhatIsKnown(bool isPci)
    {
        FakeVirtioDevice device = new(_machine.Devices, 4, AllFeatures, 8);
        VirtioDevice found = Attach(device, isPci);
        Assert.True(found.TryBegin(0b1010, out ulong features, out _));
        Assert.Equal(0b1010UL, features);
        Assert.Equal(
            0b1010 | FakeVirtioDevice.Version1 | FakeVirtioDevice.EventIndex | FakeVirtioDevice.Indirect, device.DriverFeatures);
        Assert.Equal(FakeVirtioDevice.Acknowledge | FakeVirtioDevice.Driver | FakeVirtioDevice.FeaturesOk, device.Status);
    }

    public static TheoryData<bool, string> Refusals =>
    [
        .. from isPci in (bool[])[false, true]
           from problem in (string[])
           [
               "it does not come out of its reset", "it is a legacy device (QEMU: -global virtio-mmio.force-legacy=off)",
               "it refuses the features", "its interrupts cannot be connected",
           ]
           select new TheoryDataRow<bool, string>(isPci, problem),
    ];

    [Theory]
    [MemberData(nameof(Refusals))]
    public void Begin_DeviceThatDoesNotWork_SaysWhy(bool isPci, string problem)
    {
        FakeVirtioDevice device = MakeEntropy();
        device.HangsInReset = problem.Contains("reset", StringComparison.Ordinal);
        device.RefusesFeatures = problem.Contains("refuses", StringComparison.Ordinal);
        device.Features = problem.Contains("legacy", StringComparison.Ordinal) ? 1 : device.Features;
        VirtioDevice found = Attach(device, isPci, hasInterrupts: !problem.Contains("interrupts", StringComparison.Ordinal));
        Assert.False(found.TryBegin(0, out _, out string? said));
        Assert.Equal(problem, said);
        Assert.Equal(!device.HangsInReset, (device.Status & FakeVirtioDevice.Failed) != 0);
    }

    /// <summary>Version 1 of the registers: QEMU's default.</summary>
    [Fact]
    public void Begin_LegacyWindow_IsRefused()
    {
        _machine.Devices.Add(0xC000_1000, new MmioFront(MakeEntropy(), version: 1));
        VirtioDevice found = Assert.Single(VirtioBus.Find(_machine, [new NamedWindow(0xC000_1000, 6)]));
        Assert.False(found.TryBegin(0, out _, out string? problem));
        Assert.Contains("force-legacy", problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(100, 64)]
    [InlineData(8, 8)]
    [InlineData(1024, 256)]
    public void AddQueue_AnyMaximum_HasAPowerOfTwo(int maximum, int size)
    {
        VirtioDevice found = Attach(new FakeVirtioDevice(_machine.Devices, 4, AllFeatures, maximum), isPci: false);
        Assert.True(found.TryBegin(0, out _, out _));
        Assert.True(found.TryAddQueue(0, 4096, 1, out Virtqueue? queue));
        Assert.Equal(size, queue.Size);
    }

    [Theory]
    [InlineData(1, null)]
    [InlineData(0, 0)]
    public void AddQueue_NoSuchQueueOrNoMemory_GivesTheDeviceUp(int index, int? pages)
    {
        FakeVirtioDevice device = MakeEntropy();
        VirtioDevice found = Attach(device, isPci: false);
        Assert.True(found.TryBegin(0, out _, out _));
        _machine.Devices.PagesLeft = pages;
        Assert.False(found.TryAddQueue(index, 8, 1, out _));
        Assert.True(found.HasFailed);
        Assert.NotEqual(0, device.Status & FakeVirtioDevice.Failed);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void NeedsReset_GivesTheDeviceUp(bool isPci)
    {
        FakeVirtioDevice device = MakeEntropy();
        VirtioDevice found = Attach(device, isPci);
        Assert.True(found.TryBegin(0, out _, out _) && found.TryAddQueue(0, 8, 1, out _));
        found.Start();
        Assert.False(found.TakeInterrupt()); // none so far
        device.Raise(1);
        Assert.True(found.TakeInterrupt());
        Assert.Equal(0u, isPci ? 0 : device.Interrupts);
        device.Break();
        Assert.False(found.TakeInterrupt());
        Assert.True(found.HasFailed);
    }

    private FakeVirtioDevice MakeEntropy() => new(_machine.Devices, 4, AllFeatures, 8);

    private VirtioDevice Attach(FakeVirtioDevice device, bool isPci, bool hasInterrupts = true)
    {
        if (isPci)
        {
            _ = new PciFront(_machine.Devices, device, 0x1044) { RefusesVectors = !hasInterrupts };
            return Assert.Single(VirtioBus.Find(_machine, []));
        }

        const int Input = 11;
        _machine.Devices.InputCount = hasInterrupts ? 24 : 0;
        _machine.Devices.Add(0xD000_0000, new MmioFront(device));
        device.OnInterrupt = _ =>
        {
            if (_machine.Devices.Lines.TryGetValue(Input, out FakeInterruptLine? line))
            {
                line.Raise();
            }
        };
        return Assert.Single(VirtioBus.Find(_machine, [new NamedWindow(0xD000_0000, Input)]));
    }
}
