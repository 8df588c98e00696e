using System.Text;
using Semitone.Drivers;
using Semitone.Fakes;

namespace Semitone.Unit.Drivers;

public sealed class NinePDeviceTests : INinePReceiver
{
    private const int Largest = 64 * 1024;

    private readonly FakeMachine _machine = new();
    private readonly FakeVirtioDevice _device;
    private readonly List<DeviceChain> _requests = [];
    private readonly List<(int Slot, int Length)> _replies = [];
    private int _failures;

    public NinePDeviceTests()
    {
        _device = new FakeVirtioDevice(_machine.Devices, 9, ulong.MaxValue, 128)
        {
            Configuration = [5, 0, .. "share"u8],
            OnNotify = queue =>
            {
                while (_device![queue].Take() is { } chain)
                {
                    _requests.Add(chain);
                }
            },
            OnInterrupt = _ => _machine.Devices.Lines[11].Raise(),
        };
        _machine.Devices.Add(0xD000_0000, new MmioFront(_device));
    }

    void INinePReceiver.OnReply(int slot, int length) => _replies.Add((slot, length));

    void INinePReceiver.OnFailure() => _failures++;

    [Theory]
    [InlineData(1, 1)]
    [InlineData(23, 11)]
    [InlineData(4096, 4097)]
    [InlineData(Largest, Largest)]
    public void Request_AnyLength_IsOneChainAndItsAnswerComesBack(int requestLength, int answerLength)
    {
        NinePDevice device = Open();
        byte[] request = Random(requestLength);
        Assert.True(device.TryReserve(requestLength, answerLength, out int slot));
        device.Write(slot, 0, request.AsSpan(0, requestLength / 3));
        device.Write(slot, requestLength / 3, request.AsSpan(requestLength / 3));
        Assert.True(device.Send(slot));
        DeviceChain chain = Assert.Single(_requests);
        Assert.Equal(request, _device[0].ReadAll(chain));
        Assert.Equal(answerLength, chain.Writable.Sum(segment => segment.Length));

        byte[] answer = Random(answerLength);
        _device.Return(0, chain, _device[0].Fill(chain, answer));
        device.OnInterrupt();
        Assert.Equal([(slot, answerLength)], _replies);
        byte[] read = new byte[answerLength];
        device.Read(slot, 0, read.AsSpan(0, answerLength / 2));
        device.Read(slot, answerLength / 2, read.AsSpan(answerLength / 2));
        Assert.Equal(answer, read);
        device.Release(slot);
    }

    /// <summary>Many at once, answered in any order, with and without tables of descriptors.</summary>
    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(ulong.MaxValue & ~FakeVirtioDevice.Indirect)]
    [InlineData(ulong.MaxValue & ~FakeVirtioDevice.EventIndex)]
    public void Requests_InAnyOrder_AreAnsweredEach(ulong features)
    {
        _device.Features = features;
        NinePDevice device = Open(pageCount: 96);
        Random random = new(7);
        Dictionary<int, byte[]> sent = [];
        int waiting = -1;
        for (int step = 0; step < 3000; step++)
        {
            if (random.Next(2) == 0)
            {
                int slot = waiting;
                if (slot < 0 && device.TryReserve(random.Next(1, 20_000), random.Next(8, 20_000), out slot))
                {
                    device.Write(slot, 0, [(byte)slot]);
                }

                // Without tables the queue may be too short now.
                waiting = slot >= 0 && !device.Send(slot) ? slot : -1;
            }
            else if (_requests.Count > 0)
            {
                int pick = random.Next(_requests.Count);
                DeviceChain chain = _requests[pick];
                _requests.RemoveAt(pick);
                int slot = _device[0].ReadAll(chain)[0];
                sent[slot] = Random(random.Next(1, chain.Writable.Sum(segment => segment.Length)));
                _device.Return(0, chain, _device[0].Fill(chain, sent[slot]));
                device.OnInterrupt();
                (int answered, int length) = Assert.Single(_replies);
                _replies.Clear();
                Assert.Equal(slot, answered);
                byte[] read = new byte[length];
                device.Read(answered, 0, read);
                Assert.Equal(sent[slot], read);
                device.Release(answered);
            }
        }

        Assert.Equal(0, _failures);
    }

    [Fact]
    public void Reserve_MoreThanThereAre_IsRefusedUntilSomeComeBack()
    {
        NinePDevice device = Open(pageCount: 32);
        Assert.True(device.TryReserve(Largest, 4096, out int first));
        Assert.False(device.TryReserve(Largest, 4096, out _));
        Assert.False(device.TryReserve(0, 1, out _) || device.TryReserve(1, 0, out _) || device.TryReserve(Largest + 1, 1, out _)
            || device.TryReserve(1, int.MaxValue, out _) || device.TryReserve(int.MinValue, 1, out _));
        Assert.True(device.Send(first));
        device.Release(first); // the device has it
        Assert.False(device.TryReserve(Largest, 4096, out _));
        _device.Return(0, _requests[0], 0);
        device.OnInterrupt();
        device.Release(first);
        device.Release(first);
        Assert.True(device.TryReserve(Largest, 4096, out _));
    }

    [Theory]
    [InlineData("id")]
    [InlineData("length")]
    [InlineData("twice")]
    [InlineData("index")]
    [InlineData("needs reset")]
    public void Device_ThatMisbehaves_FailsOnce(string fault)
    {
        NinePDevice device = Open();
        Assert.True(device.TryReserve(100, 100, out int slot) && device.Send(slot));
        DeviceChain chain = _requests[0];
        switch (fault)
        {
            case "id":
                _device.Return(0, 99, 0);
                break;
            case "length":
                _device.Return(0, chain, 101);
                break;
            case "twice":
                _device.Return(0, chain, 1);
                _device.Return(0, chain, 1);
                break;
            case "index":
                _device[0].SetUsedIndex(77);
                _device.Raise(1);
                break;
            default:
                _device.Break();
                break;
        }

        device.OnInterrupt();
        device.OnInterrupt();
        Assert.Equal((true, 1), (device.HasFailed, _failures));
        int replies = _replies.Count;
        Assert.True(device.TryReserve(10, 10, out int other));
        Assert.True(device.Send(other)); // taken, and never answered
        device.OnInterrupt();
        Assert.Equal((replies, 1), (_replies.Count, _failures));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0, 1)]
    [InlineData(255, 255)]
    public void Tag_ThatCannotBe_IsRefused(byte low, byte high)
    {
        _device.Configuration = [low, high, 1, 2, 3];
        Assert.False(NinePDevice.TryReadTag(Find(), out _, out string? problem));
        Assert.Equal("its share has no tag", problem);
    }

    [Fact]
    public void Interrupt_WithoutWork_DoesNothing()
    {
        NinePDevice device = Open();
        for (int i = 0; i < 5; i++)
        {
            _device.Raise(1);
            device.OnInterrupt();
        }

        Assert.Empty(_replies);
        Assert.False(device.HasFailed);
    }

    private static byte[] Random(int length)
    {
        byte[] bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return bytes;
    }

    private VirtioDevice Find() => Assert.Single(VirtioBus.Find(_machine, [new NamedWindow(0xD000_0000, 11)]));

    private NinePDevice Open(int pageCount = 64)
    {
        VirtioDevice found = Find();
        Assert.True(NinePDevice.TryReadTag(found, out byte[] tag, out string? problem), problem);
        Assert.Equal("share", Encoding.UTF8.GetString(tag));
        Assert.True(NinePDevice.TryOpen(found, this, Largest, pageCount, out NinePDevice? device));
        return device;
    }
}
