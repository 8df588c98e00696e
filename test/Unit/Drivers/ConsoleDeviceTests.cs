using System.Text;
using Semitone.Drivers;
using Semitone.Fakes;

namespace Semitone.Unit.Drivers;

public sealed class ConsoleDeviceTests
{
    private const int PageSize = 4096;

    private readonly FakeMachine _machine = new();
    private readonly FakeConsolePort _port;
    private readonly FakeConsole _serial = new();

    public ConsoleDeviceTests()
    {
        _port = new FakeConsolePort(_machine.Devices);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Open_PortWithTheName_IsOpened(bool isPci, bool isChatty)
    {
        _port.IsChatty = isChatty;
        ConsoleDevice console = Open(_port, isPci);
        Assert.True(_port.IsOpen);
        console.Write("hello\n"u8);
        Assert.Equal("hello\n", Encoding.UTF8.GetString(_port.Output));
        Assert.Empty(_serial.Output);
    }

    [Fact]
    public void Open_OtherName_IsRefused()
    {
        FakeConsolePort other = new(_machine.Devices, "org.qemu.guest_agent.0");
        Assert.False(ConsoleDevice.TryOpen(Attach(other), "semitone.link"u8, _serial, new RunningClock(), out _, out string? problem));
        Assert.Equal("it has no port for the host link", problem);
        Assert.False(other.IsOpen);
    }

    /// <summary>A device that never answers costs a quarter of a second and no more.</summary>
    [Fact]
    public void Open_NoAnswer_GivesUpInTime()
    {
        _port.IsMute = true;
        RunningClock clock = new();
        Assert.False(ConsoleDevice.TryOpen(Attach(_port), "semitone.link"u8, _serial, clock, out _, out _));
        Assert.InRange(clock.MonotonicNs, 250_000_000, 1_000_000_000);
    }

    [Fact]
    public void Open_OnePortOnly_IsRefused()
    {
        _port.Device.Features &= ~2UL;
        Assert.False(ConsoleDevice.TryOpen(Attach(_port), "semitone.link"u8, _serial, new RunningClock(), out _, out _));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(PageSize - 4)]
    [InlineData(PageSize)]
    [InlineData(16 * 1024)]
    [InlineData(1_000_000)]
    public void Write_AnyLength_ArrivesWhole(int length)
    {
        ConsoleDevice console = Open(_port);
        byte[] body = Random(length);
        console.Write("head"u8, body);
        console.Write("tail"u8);
        Assert.Equal([.. "head"u8, .. body, .. "tail"u8], _port.Output);
    }

    [Fact]
    public void Write_FrameThatFits_NotifiesOnce()
    {
        ConsoleDevice console = Open(_port);
        int before = _port.Device.NotifyCount;
        console.Write("head"u8, Random(4 * PageSize - 4));
        Assert.Equal(before + 1, _port.Device.NotifyCount);
    }

    /// <summary>Nobody waits for a host that takes nothing but who wants to: an interrupt says when it goes on.</summary>
    [Fact]
    public void HasRoom_HostThatTakesNothing_InterruptsWhenItDoes()
    {
        ConsoleDevice console = Open(_port);
        _port.IsThrottled = true;
        int written = 0;
        while (console.HasRoom(4 * PageSize))
        {
            console.Write(Random(4 * PageSize));
            written += 4 * PageSize;
        }

        Assert.Equal(8 * PageSize, written);
        Assert.False(IsRaised);
        _port.TakeHeld(1);
        Assert.True(IsRaised);
        console.OnInterrupt();
        Assert.False(console.HasRoom(4 * PageSize));
        _port.TakeHeld();
        Assert.True(IsRaised);
        console.OnInterrupt();
        Assert.True(console.HasRoom(4 * PageSize));
    }

    /// <summary>The host takes nothing for a minute: what is written goes over the serial line.</summary>
    [Fact]
    public void Write_HostThatTakesNothing_GoesAnotherWayInTheEnd()
    {
        RunningClock clock = new() { StepNs = 1_000_000_000 };
        ConsoleDevice console = Open(_port, clock: clock);
        _port.IsThrottled = true;
        console.Write(Random(8 * PageSize));
        console.Write("and"u8, " more"u8);
        Assert.Equal("and more", _serial.OutputText);
        console.Write("again"u8);
        Assert.Equal("and moreagain", _serial.OutputText);
    }

    [Fact]
    public void Read_InPieces_IsWhatWasSent()
    {
        ConsoleDevice console = Open(_port);
        byte[] input = Random(300_000);
        int sent = 0;
        MemoryStream received = new();
        byte[] buffer = new byte[777];
        while (received.Length < input.Length)
        {
            sent += _port.Send(input.AsSpan(sent, Math.Min(10_000, input.Length - sent)));
            int count;
            while ((count = console.Read(buffer)) > 0)
            {
                received.Write(buffer, 0, count);
            }
        }

        Assert.Equal(input, received.ToArray());
        Assert.Equal(0, console.Read(buffer));
        Assert.Empty(_serial.Output);
    }

    [Fact]
    public void Read_NothingThere_InterruptsWhenThereIs()
    {
        ConsoleDevice console = Open(_port);
        for (int i = 0; i < 20; i++)
        {
            Assert.Equal(0, console.Read(new byte[64]));
            console.OnInterrupt();
            Assert.False(IsRaised);
            _port.Send("x"u8);
            Assert.True(IsRaised);
            console.OnInterrupt();
            Assert.Equal(1, console.Read(new byte[64]));
        }
    }

    /// <summary>An interrupt with nothing behind it.</summary>
    [Fact]
    public void OnInterrupt_WithoutWork_DoesNothing()
    {
        ConsoleDevice console = Open(_port);
        for (int i = 0; i < 10; i++)
        {
            _port.Device.Raise(1);
            console.OnInterrupt();
            Assert.Equal(0, console.Read(new byte[64]));
        }

        console.Write("fine"u8);
        Assert.Equal("fine", Encoding.UTF8.GetString(_port.Output));
    }

    public static TheoryData<string> Faults =>
        ["wrong id", "too long", "index", "needs reset", "reset", "empty input", "port gone", "output twice"];

    /// <summary>Whatever the device does wrong, the next words go over the serial line, and soon.</summary>
    [Theory]
    [MemberData(nameof(Faults))]
    public void Device_ThatMisbehaves_IsGivenUp(string fault)
    {
        FakeVirtioDevice device = _port.Device;
        if (fault == "empty input")
        {
            device.Features &= ~FakeVirtioDevice.EventIndex; // so that it is told of each buffer
        }

        ConsoleDevice console = Open(_port);
        switch (fault)
        {
            case "wrong id":
                device[4].Take();
                device.Return(4, 77, 5);
                break;
            case "too long":
                DeviceChain chain = device[4].Take()!;
                device.Return(4, chain, PageSize + 1);
                break;
            case "index":
                device[4].SetUsedIndex(1000);
                break;
            case "needs reset":
                device.Break();
                break;
            case "reset":
                device.Reset();
                device.Raise(2);
                break;
            case "empty input":
                int left = 1000;
                Action<int>? before = device.OnNotify;
                device.OnNotify = queue =>
                {
                    before!(queue);
                    if (queue == 4 && left-- > 0)
                    {
                        _port.SendNothing();
                    }
                };
                _port.SendNothing();
                break;
            case "port gone":
                _port.Say(1, 2, 1);
                break;
            case "output twice":
                _port.OnOutput = output =>
                {
                    device.Return(5, output, 0);
                    device.Return(5, output, 0);
                };
                console.Write("lost"u8);
                break;
        }

        console.OnInterrupt();
        while (console.Read(new byte[64]) > 0)
        {
        }

        _serial.ClearOutput();
        console.Write("still "u8, "here"u8);
        Assert.Equal("still here", _serial.OutputText);
        Assert.True(console.HasRoom(100_000));
        _serial.Enter("input");
        Assert.Equal(5, console.Read(new byte[64]));
    }

    /// <summary>Random answers of every kind: nothing throws, nothing hangs, and what is accepted is what was sent.</summary>
    [Fact]
    public void Device_ThatAnswersAtRandom_DoesNoHarm()
    {
        for (int seed = 0; seed < 300; seed++)
        {
            Random random = new(seed);
            FakeMachine machine = new();
            FakeConsolePort port = new(machine.Devices);
            FakeConsole serial = new();
            ConsoleDevice console = Open(port, machine: machine, serial: serial, clock: new RunningClock { StepNs = 100_000_000 });
            byte[] buffer = new byte[256];
            for (int step = 0; step < 60; step++)
            {
                switch (random.Next(10))
                {
                    case 0:
                        for (int queue = 2; queue < 6; queue++)
                        {
                            port.Device[queue].HasLied = true;
                        }

                        port.Device.Return(random.Next(2, 6), (uint)random.Next(20), (uint)random.Next(5000));
                        break;
                    case 1:
                        port.Device[random.Next(2, 6)].SetUsedIndex((ushort)random.Next(65536));
                        break;
                    case 2:
                        port.Device.Raise((uint)random.Next(4));
                        break;
                    case 3:
                        port.IsThrottled = random.Next(2) == 0;
                        port.TakeHeld(random.Next(3));
                        break;
                    case 4:
                        port.Say((uint)random.Next(3), (ushort)random.Next(9), (ushort)random.Next(3), "semitone.link"[..random.Next(13)]);
                        break;
                    case 5:
                        port.Send(Random(random.Next(20_000)));
                        break;
                    case 6:
                        console.Read(buffer);
                        break;
                    case 7:
                        console.HasRoom(random.Next(40_000));
                        break;
                    case 8:
                        console.Write(Random(4), Random(random.Next(20_000)));
                        break;
                    default:
                        console.OnInterrupt();
                        break;
                }
            }
        }
    }

    [Fact]
    public void Drain_WaitsForTheHost()
    {
        ConsoleDevice console = Open(_port, clock: new RunningClock { OnRead = () => _port.TakeHeld(1) });
        _port.IsThrottled = true;
        console.Write(Random(3 * PageSize));
        Assert.Empty(_port.Output);
        console.Drain();
        Assert.Equal(3 * PageSize, _port.Output.Length);
    }

    [Fact]
    public void WriteAndRead_AllocateNothing()
    {
        ConsoleDevice console = Open(_port);
        _port.OnOutput = chain => _port.Device[5].Return(chain.Head, 0);
        byte[] body = Random(1000);
        for (int i = 0; i < 3; i++)
        {
            _port.Device[4].AvailableEvent = 0;
            _port.Device[5].AvailableEvent = 0x4000; // not told: the device of the test allocates
            long before = GC.GetAllocatedBytesForCurrentThread();
            console.Write("head"u8, body);
            console.HasRoom(1);
            console.Read(body);
            Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        }
    }

    private bool IsRaised => _machine.Devices.Lines.Values.Any(line => line.IsRaised);

    private static byte[] Random(int length)
    {
        byte[] bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return bytes;
    }

    private VirtioDevice Attach(FakeConsolePort port, bool isPci = false, FakeMachine? machine = null)
    {
        machine ??= _machine;
        if (isPci)
        {
            _ = new PciFront(machine.Devices, port.Device, 0x1003);
            return Assert.Single(VirtioBus.Find(machine, []));
        }

        machine.Devices.Add(0xD000_0000, new MmioFront(port.Device));
        port.Device.OnInterrupt = _ =>
        {
            if (machine.Devices.Lines.TryGetValue(12, out FakeInterruptLine? line))
            {
                line.Raise();
            }
        };
        return Assert.Single(VirtioBus.Find(machine, [new NamedWindow(0xD000_0000, 12)]));
    }

    private ConsoleDevice Open(
        FakeConsolePort port, bool isPci = false, RunningClock? clock = null, FakeMachine? machine = null, FakeConsole? serial = null)
    {
        VirtioDevice device = Attach(port, isPci, machine);
        Assert.True(
            ConsoleDevice.TryOpen(
                device, "semitone.link"u8, serial ?? _serial, clock ?? new RunningClock(), out ConsoleDevice? console, out string? problem),
            problem);
        console.OnInterrupt();
        return console;
    }
}
