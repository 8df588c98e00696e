using Semitone.Core;
using Semitone.Drivers;
using Semitone.Fakes;

namespace Semitone.Unit.Drivers;

public sealed class EntropyDeviceTests
{
    private readonly FakeMachine _machine = new();
    private readonly FakeVirtioDevice _device;
    private readonly List<DeviceChain> _requests = [];

    public EntropyDeviceTests()
    {
        _device = new FakeVirtioDevice(_machine.Devices, 4, ulong.MaxValue, 8);
        _device.OnNotify = queue =>
        {
            while (_device[queue].Take() is { } chain)
            {
                _requests.Add(chain);
            }
        };
        _machine.Devices.Add(0xD000_0000, new MmioFront(_device));
    }

    [Fact]
    public void Request_OneAtATime_IsAnsweredOnce()
    {
        EntropyDevice entropy = Open();
        byte[] bytes = new byte[64];
        Assert.Equal(0, entropy.Take(bytes));
        entropy.Request();
        entropy.Request();
        DeviceChain request = Assert.Single(_requests);
        Assert.Equal(0, entropy.Take(bytes));
        byte[] random = [.. Enumerable.Range(1, 64).Select(i => (byte)i)];
        _device.Return(0, request, _device[0].Fill(request, random));
        Assert.Equal(64, entropy.Take(bytes));
        Assert.Equal(random, bytes);
        Assert.Equal(0, entropy.Take(bytes));
        entropy.Request();
        Assert.Equal(2, _requests.Count);
    }

    [Theory]
    [InlineData(5u, 1u)]
    [InlineData(0u, 65u)]
    [InlineData(uint.MaxValue, uint.MaxValue)]
    public void Answer_ThatCannotBe_EndsItsUse(uint id, uint length)
    {
        EntropyDevice entropy = Open();
        entropy.Request();
        _device.Return(0, id, length);
        Assert.Equal(0, entropy.Take(new byte[64]));
        Assert.NotEqual(0, _device.Status & FakeVirtioDevice.Failed);
        entropy.Request();
        Assert.Single(_requests);
    }

    /// <summary>Numbers are there at once, whatever the device does; what it has is added, and changes what follows.</summary>
    [Fact]
    public void Generator_DeviceThatAnswersLate_NeverWaits()
    {
        ulong[] without = [.. Numbers(new RandomGenerator(new FakeMachine()), 100)];
        RandomGenerator generator = new(_machine) { Source = Open() };
        Assert.Equal(without, Numbers(generator, 100));
        DeviceChain request = Assert.Single(_requests);
        _device.Return(0, request, _device[0].Fill(request, new byte[64]));

        // A source of zeros takes nothing away: the numbers are others, and as good.
        RandomGenerator other = new(new FakeMachine());
        Numbers(other, 100);
        ulong[] after = Numbers(generator, 100);
        Assert.NotEqual(Numbers(other, 100), after);
        Assert.Equal(100, after.Distinct().Count());
    }

    [Fact]
    public void Generator_DifferentEntropy_GivesDifferentNumbers()
    {
        HashSet<ulong> last = [];
        for (int i = 0; i < 64; i++)
        {
            // One bit of the 64 bytes differs.
            byte[] entropy = new byte[64];
            entropy[i] = 1;
            RandomGenerator generator = new(new FakeMachine()) { Source = new ReadySource(entropy) };
            last.Add(generator.NextUInt64());
        }

        Assert.Equal(64, last.Count);
    }

    private static ulong[] Numbers(RandomGenerator generator, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => generator.NextUInt64())];

    private EntropyDevice Open()
    {
        VirtioDevice found = Assert.Single(VirtioBus.Find(_machine, [new NamedWindow(0xD000_0000, 11)]));
        Assert.True(EntropyDevice.TryOpen(found, out EntropyDevice? entropy, out string? problem), problem);
        return entropy;
    }

    private sealed class ReadySource(byte[] bytes) : IEntropySource
    {
        public void Request()
        {
        }

        public int Take(Span<byte> destination)
        {
            bytes.CopyTo(destination);
            return bytes.Length;
        }
    }
}
