using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using Semitone.Drivers;
using Semitone.Fakes;
using Semitone.Net;

namespace Semitone.Unit.Drivers;

public sealed class NetDeviceTests : INetDeviceOwner
{
    private const ulong Base = FakeVirtioDevice.Version1 | FakeVirtioDevice.EventIndex | FakeVirtioDevice.Indirect | Mac | Status;
    private const ulong Checksum = 1 << 0;
    private const ulong GuestChecksum = 1 << 1;
    private const ulong MtuBit = 1 << 3;
    private const ulong Mac = 1 << 5;
    private const ulong Segmentation4 = 1 << 11;
    private const ulong Segmentation6 = 1 << 12;
    private const ulong Merged = 1 << 15;
    private const ulong Status = 1 << 16;
    private const int HeaderSize = 12;

    private readonly FakeMachine _machine = new();
    private readonly FakeVirtioDevice _device;
    private readonly PacketPool _pool = new(2048, 200);
    private readonly PacketPool _largePool = new(70_000, 4);
    private readonly List<byte[]> _sent = [];
    private bool _holdsSent;
    private int _work;

    public NetDeviceTests()
    {
        _device = new FakeVirtioDevice(_machine.Devices, 1, Base, 256, 256)
        {
            Configuration = [0x52, 0x54, 0, 1, 2, 3, 1, 0, 1, 0, 0xDC, 5],
            OnNotify = queue =>
            {
                while (queue == 1 && !_holdsSent && _device![1].Take() is { } chain)
                {
                    _sent.Add(_device[1].ReadAll(chain));
                    _device.Return(1, chain, 0);
                }
            },
            OnInterrupt = _ => _machine.Devices.Lines[11].Raise(),
        };
        _machine.Devices.Add(0xD000_0000, new MmioFront(_device));
    }

    void INetDeviceOwner.OnWork() => _work++;

    bool INetDeviceOwner.TryTakeBuffer(int length, [NotNullWhen(true)] out PacketBuffer? buffer) =>
        (length <= _pool.Capacity ? _pool : _largePool).TryTake(out buffer);

    [Theory]
    [InlineData(14)]
    [InlineData(60)]
    [InlineData(1514)]
    public void Send_Frame_GoesOutWithAnEmptyHeader(int length)
    {
        NetDevice device = Open();
        byte[] frame = Bytes(length);
        Assert.True(device.TrySend(new OutgoingFrame
        {
            Headers = frame.AsSpan(0, 14),
            Payload = frame.AsSpan(14, (length - 14) / 3),
            MorePayload = frame.AsSpan(14 + ((length - 14) / 3)),
        }));
        Assert.Empty(_sent);
        device.Flush();
        Assert.Equal(new byte[HeaderSize], Assert.Single(_sent)[..HeaderSize]);
        Assert.Equal(frame, _sent[0][HeaderSize..]);
    }

    /// <summary>Pages come back when they are needed, though nobody tells of it.</summary>
    [Fact]
    public void Send_ManyFrames_ReusesPagesWithoutInterrupts()
    {
        NetDevice device = Open();
        for (int i = 0; i < 2000; i++)
        {
            Assert.True(device.TrySend(new OutgoingFrame { Headers = Bytes(100, i) }));
            device.Flush();
        }

        Assert.Equal(2000, _sent.Count);
        Assert.All(_sent.Index(), sent => Assert.Equal(Bytes(100, sent.Index), sent.Item[HeaderSize..]));
        Assert.Equal(0, _work);
        Assert.Equal(0u, _device.Interrupts);
    }

    [Fact]
    public void Send_FullRing_SaysSoAndTellsOfRoom()
    {
        NetDevice device = Open();
        _holdsSent = true;
        int count = 0;
        while (count < 1000 && device.TrySend(new OutgoingFrame { Headers = Bytes(100, count) }))
        {
            count++;
        }

        Assert.InRange(count, 16, 256);
        Assert.Equal(0, _work);
        _holdsSent = false;
        _device.OnNotify!(1);
        device.OnInterrupt();
        Assert.Equal(1, _work);
        Assert.Equal(count, _sent.Count);
        Assert.True(device.TrySend(new OutgoingFrame { Headers = Bytes(100) }));
    }

    [Fact]
    public void Send_Segmentation_IsDescribedInTheHeader()
    {
        _device.Features |= Checksum | Segmentation4 | Segmentation6;
        NetDevice device = Open();
        Assert.Equal(LinkOffloads.TransmitChecksum | LinkOffloads.SegmentationIpv4 | LinkOffloads.SegmentationIpv6, device.Offloads);
        byte[] headers = Bytes(54);
        BinaryPrimitives.WriteUInt16BigEndian(headers.AsSpan(12), 0x86DD);
        byte[] payload = Bytes(65_000);
        Assert.True(device.TrySend(new OutgoingFrame
        {
            Headers = headers,
            Payload = payload,
            ChecksumStart = 34,
            ChecksumOffset = 16,
            SegmentSize = 1440,
        }));
        device.Flush();
        byte[] sent = Assert.Single(_sent);
        Assert.Equal([1, 4, 54, 0, 0xA0, 5, 34, 0, 16, 0, 0, 0], sent[..HeaderSize]);
        Assert.Equal(payload, sent[(HeaderSize + 54)..]);
    }

    [Fact]
    public void Receive_Frames_ComeInOrderAndTheirBuffersAreOfferedAgain()
    {
        NetDevice device = Open();
        Random random = new(5);
        for (int i = 0; i < 1000; i++)
        {
            int burst = random.Next(1, 40);
            for (int k = 0; k < burst; k++)
            {
                Deliver(Bytes(60 + k, i + k));
            }

            int before = _work;
            device.OnInterrupt();
            Assert.Equal(before + 1, _work);
            for (int k = 0; k < burst; k++)
            {
                Assert.True(device.TryReceive(out PacketBuffer? frame));
                Assert.Equal(Bytes(60 + k, i + k), frame.Bytes.ToArray());
                Assert.False(frame.IsChecksumVerified);
                frame.Release();
            }

            Assert.False(device.TryReceive(out _));
            device.FlushReceived();
        }

        Assert.Equal(0, _pool.UsedCount);
    }

    /// <summary>While the owner has not emptied the queue, more frames are no reason to interrupt.</summary>
    [Fact]
    public void Receive_BurstBehindAnInterrupt_InterruptsOnce()
    {
        NetDevice device = Open();
        Deliver(Bytes(60));
        device.OnInterrupt();
        Assert.Equal(0u, _device.Interrupts);
        Deliver(Bytes(60));
        Assert.Equal(0u, _device.Interrupts);
        for (int i = 0; i < 2; i++)
        {
            Assert.True(device.TryReceive(out PacketBuffer? frame));
            frame.Release();
        }

        Assert.False(device.TryReceive(out _));
        Deliver(Bytes(60));
        Assert.Equal(1u, _device.Interrupts);
    }

    [Fact]
    public void Receive_FrameInSeveralBuffers_IsPutTogether()
    {
        _device.Features |= Merged | MtuBit | GuestChecksum;
        BinaryPrimitives.WriteUInt16LittleEndian(_device.Configuration.AsSpan(10), 9000);
        NetDevice device = Open();
        Assert.Equal(9000, device.Mtu);
        byte[] frame = Bytes(8014);
        Deliver(frame, flags: 2);
        device.OnInterrupt();
        Assert.True(device.TryReceive(out PacketBuffer? received));
        Assert.Equal(frame, received.Bytes.ToArray());
        Assert.True(received.IsChecksumVerified);
        received.Release();
        Assert.False(device.TryReceive(out _));
    }

    [Theory]
    [InlineData(34, 16, true)]
    [InlineData(34, 25, false)]
    [InlineData(65_535, 65_535, false)]
    public void Receive_UnfinishedChecksum_IsTakenOnlyWhereItLiesInTheFrame(int start, int offset, bool isGood)
    {
        _device.Features |= GuestChecksum;
        NetDevice device = Open();
        Deliver(Bytes(60), flags: 1, start: start, offset: offset);
        device.OnInterrupt();
        Assert.Equal(isGood, device.TryReceive(out PacketBuffer? frame));
        Assert.Equal(isGood, frame?.IsChecksumVerified ?? false);
        frame?.Release();
        Assert.Equal(0, _pool.UsedCount);
    }

    /// <summary>
    /// Too short, cut by nobody's leave, in no buffer or in more than there are: dropped, counted, and the next one is taken.
    /// </summary>
    [Theory]
    [InlineData("short")]
    [InlineData("empty")]
    [InlineData("segments")]
    [InlineData("none merged")]
    [InlineData("too many merged")]
    [InlineData("the rest is missing")]
    [InlineData("no buffer")]
    public void Receive_WhatCannotBe_IsDroppedAndCounted(string fault)
    {
        _device.Features |= Merged;
        NetDevice device = Open();
        List<PacketBuffer> taken = [];
        while (fault == "no buffer" && _pool.TryTake(out PacketBuffer? buffer))
        {
            taken.Add(buffer);
        }

        switch (fault)
        {
            case "short":
                Deliver(Bytes(13));
                break;
            case "empty":
                _device.Return(0, _device[0].Take()!, 0);
                break;
            case "segments":
                Deliver(Bytes(60), segmentation: 1);
                break;
            case "none merged":
                Deliver(Bytes(60), merged: 0);
                break;
            case "too many merged":
                Deliver(Bytes(60), merged: 65);
                break;
            case "the rest is missing":
                Deliver(Bytes(60), merged: 3);
                break;
            default:
                Deliver(Bytes(60));
                break;
        }

        device.OnInterrupt();
        Assert.False(device.TryReceive(out _));
        Assert.Equal(1, device.ReceiveDropCount);
        Assert.False(device.HasFailed);
        taken.ForEach(buffer => buffer.Release());
        Deliver(Bytes(60));
        device.OnInterrupt();
        Assert.True(device.TryReceive(out PacketBuffer? frame));
        frame.Release();
        Assert.Equal(0, _pool.UsedCount);
    }

    [Theory]
    [InlineData("id")]
    [InlineData("length")]
    [InlineData("index")]
    [InlineData("needs reset")]
    [InlineData("transmit id")]
    public void Device_ThatMisbehaves_FailsAndIsDown(string fault)
    {
        NetDevice device = Open();
        switch (fault)
        {
            case "id":
                _device[0].HasLied = true;
                _device.Return(0, 200, 100);
                break;
            case "length":
                _device.Return(0, _device[0].Take()!.Head, 2049);
                break;
            case "index":
                _device[0].SetUsedIndex(4000);
                _device.Raise(1);
                break;
            case "needs reset":
                _device.Break();
                break;
            default:
                _device[1].HasLied = true;
                _device.Return(1, 300, 0);
                for (int i = 0; i < 1000; i++)
                {
                    device.TrySend(new OutgoingFrame { Headers = Bytes(60) });
                }

                _device.Raise(1);
                break;
        }

        device.OnInterrupt();
        Assert.True(_work > 0);
        Assert.False(device.TryReceive(out _));
        Assert.True(device.HasFailed);
        Assert.True(device.TakeLinkChange());
        Assert.False(device.IsUp);
        Assert.True(device.TrySend(new OutgoingFrame { Headers = Bytes(60) })); // into nothing
        device.Flush();
        Assert.Equal(0, _pool.UsedCount);
    }

    [Fact]
    public void Link_GoingDownAndUp_IsSeen()
    {
        NetDevice device = Open();
        Assert.True(device.IsUp);
        Assert.False(device.TakeLinkChange());
        _device.Configuration[6] = 0;
        _device.Raise(2);
        device.OnInterrupt();
        Assert.True(device.TakeLinkChange());
        Assert.False(device.IsUp);
        _device.Configuration[6] = 1;
        _device.Raise(2);
        device.OnInterrupt();
        Assert.True(device.TakeLinkChange() && device.IsUp);
    }

    [Fact]
    public void Receive_DeviceThatSendsRubbishForEver_DoesNotKeepTheKernel()
    {
        NetDevice device = Open();
        for (int i = 0; i < 128; i++)
        {
            Deliver(Bytes(1));
        }

        device.OnInterrupt();
        int before = _work;
        Assert.False(device.TryReceive(out _));
        Assert.Equal(before + 1, _work);
    }

    [Fact]
    public void SteadyState_AllocatesNothing()
    {
        NetDevice device = Open();
        byte[] bytes = Bytes(60);
        _holdsSent = true;
        long before = 0;
        for (int i = 0; i < 100; i++)
        {
            before = i == 1 ? GC.GetAllocatedBytesForCurrentThread() : before;
            Assert.True(device.TrySend(new OutgoingFrame { Headers = bytes }));
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private NetDevice Open()
    {
        VirtioDevice found = Assert.Single(VirtioBus.Find(_machine, [new NamedWindow(0xD000_0000, 11)]));
        Assert.True(NetDevice.TryOpen(found, this, out NetDevice? device, out string? problem), problem);
        Assert.Equal("52:54:00:01:02:03", device.Address.ToString());
        return device;
    }

    private void Deliver(
        byte[] frame, byte flags = 0, byte segmentation = 0, int start = 0, int offset = 0, int? merged = null)
    {
        byte[] whole = [.. new byte[HeaderSize], .. frame];
        whole[0] = flags;
        whole[1] = segmentation;
        BinaryPrimitives.WriteUInt16LittleEndian(whole.AsSpan(6), (ushort)start);
        BinaryPrimitives.WriteUInt16LittleEndian(whole.AsSpan(8), (ushort)offset);
        List<(DeviceChain Chain, int Length)> chains = [];
        int done = 0;
        while (done < whole.Length)
        {
            DeviceChain chain = _device[0].Take()!;
            if (done == 0)
            {
                int count = (whole.Length + 2047) / 2048;
                BinaryPrimitives.WriteUInt16LittleEndian(whole.AsSpan(10), (ushort)(merged ?? count));
            }

            int length = _device[0].Fill(chain, whole.AsSpan(done));
            chains.Add((chain, length));
            done += length;
        }

        foreach ((DeviceChain chain, int length) in chains)
        {
            _device.Return(0, chain, length);
        }
    }

    private static byte[] Bytes(int count, int seed = 1)
    {
        byte[] bytes = new byte[count];
        for (int i = 0; i < count; i++)
        {
            bytes[i] = (byte)((i * 7) + seed);
        }

        return bytes;
    }
}
