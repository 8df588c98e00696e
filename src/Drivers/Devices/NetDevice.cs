using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using Semitone.Core;
using Semitone.Machine;
using Semitone.Net;

namespace Semitone.Drivers;

/// <summary>A network card (virtio 1.2, 5.1): one queue of frames each way.</summary>
/// <remarks>
/// <para>Frames are copied between pages of the device's own and the stack's buffers: a device may write to what it was offered at any time
/// until it gives it back, and reads what is sent at any time.</para>
/// <para>An interrupt does no more than tell the <see cref="INetDeviceOwner"/> to come and take frames, in batches of his own; until he has
/// emptied the queue there are no more of them. Of what was sent no interrupt tells: pages are taken back when others are needed. Only a
/// sender who found no room is told of it.</para>
/// </remarks>
public sealed class NetDevice : IInterruptHandler, ILink
{
    private const int ReceiveQueue = 0;
    private const int TransmitQueue = 1;
    private const int QueueSize = 128;

    /// <summary>Bytes of the part of a page that holds one frame of Ethernet with its header.</summary>
    private const int UnitSize = 2048;
    private const int UnitsPerPage = IDmaPage.Size / UnitSize;
    private const int ReceiveUnits = QueueSize;
    private const int TransmitUnits = QueueSize;

    /// <summary>Bytes before each frame, with VIRTIO_F_VERSION_1 always (5.1.6.1).</summary>
    private const int HeaderSize = 12;
    private const int EthernetHeaderSize = 14;
    private const int LargestFrame = 65536 + EthernetHeaderSize;

    /// <summary>Below it a frame is none, and some devices do not survive it.</summary>
    private const int SmallestFrame = EthernetHeaderSize;

    // Of the device's configuration (5.1.4).
    private const int StatusOffset = 6;
    private const int MtuOffset = 10;
    private const int StatusLinkUp = 1;
    private const int UsualMtu = 1500;
    private const int SmallestMtu = 68; // RFC 791

    // Of the header (5.1.6).
    private const byte NeedsChecksum = 1;
    private const byte DataIsValid = 2;
    private const byte SegmentationNone = 0;
    private const byte SegmentationIpv4 = 1;
    private const byte SegmentationIpv6 = 4;
    private const ushort EtherTypeIpv6 = 0x86DD;

    /// <summary>The most buffers of a frame: the longest in buffers of half the size of these.</summary>
    private const int MostMergedBuffers = 64;

    private readonly VirtioDevice _device;
    private readonly INetDeviceOwner _owner;
    private readonly Virtqueue _receive;
    private readonly Virtqueue _transmit;
    private readonly IDmaPage[] _receivePages;
    private readonly IDmaPage[] _transmitPages;
    private readonly NetFeatures _features;
    private readonly DmaSegment[] _segments;
    private readonly short[] _freeUnits = new short[TransmitUnits];

    /// <summary>Behind each unit of a frame the next; -1 behind the last.</summary>
    private readonly short[] _nextUnit = new short[TransmitUnits];
    private int _freeUnitCount;
    private bool _isAwaitingRoom;
    private bool _hasToldFailure;

    private NetDevice(VirtioDevice device, INetDeviceOwner owner, Virtqueue[] queues, IDmaPage[][] pages, NetFeatures features)
    {
        _device = device;
        _owner = owner;
        _receive = queues[ReceiveQueue];
        _transmit = queues[TransmitQueue];
        _receivePages = pages[ReceiveQueue];
        _transmitPages = pages[TransmitQueue];
        _features = features;
        _segments = new DmaSegment[GetLongestChain(features)];
        _freeUnitCount = TransmitUnits;
        for (int i = 0; i < TransmitUnits; i++)
        {
            _freeUnits[i] = (short)i;
        }

        Offloads = (Has(NetFeatures.Checksum) ? LinkOffloads.TransmitChecksum : LinkOffloads.None)
            | (Has(NetFeatures.HostSegmentation4) ? LinkOffloads.SegmentationIpv4 : LinkOffloads.None)
            | (Has(NetFeatures.HostSegmentation6) ? LinkOffloads.SegmentationIpv6 : LinkOffloads.None);
        ReadConfiguration();
    }

    [Flags]
    private enum NetFeatures : ulong
    {
        Checksum = 1 << 0,
        GuestChecksum = 1 << 1,
        Mtu = 1 << 3,
        Mac = 1 << 5,
        HostSegmentation4 = 1 << 11,
        HostSegmentation6 = 1 << 12,
        MergedBuffers = 1 << 15,
        Status = 1 << 16,
    }

    public int Mtu { get; private set; }

    public MacAddress Address { get; private set; }

    public bool IsEthernet => true;

    public bool IsUp { get; private set; }

    public LinkOffloads Offloads { get; }

    /// <summary>What to call it in a message.</summary>
    public string Name => _device.Name;

    /// <summary>Whether it does nothing any more.</summary>
    public bool HasFailed => _device.HasFailed;

    /// <summary>Frames that came and could not be kept: no buffer for them, or lengths that cannot be.</summary>
    public long ReceiveDropCount { get; private set; }

    /// <summary>Starts a device.</summary>
    /// <param name="device">A network card.</param>
    /// <param name="owner">Who takes its frames.</param>
    /// <param name="opened">The card.</param>
    /// <param name="problem">Why not.</param>
    /// <returns>False when it is not usable.</returns>
    public static bool TryOpen(
        VirtioDevice device, INetDeviceOwner owner, [NotNullWhen(true)] out NetDevice? opened, [NotNullWhen(false)] out string? problem)
    {
        opened = null;
        const NetFeatures Wanted = NetFeatures.Checksum | NetFeatures.GuestChecksum | NetFeatures.Mtu | NetFeatures.Mac
            | NetFeatures.HostSegmentation4 | NetFeatures.HostSegmentation6 | NetFeatures.MergedBuffers | NetFeatures.Status;
        if (!device.TryBegin((ulong)Wanted, out ulong taken, out problem))
        {
            return false;
        }

        NetFeatures features = (NetFeatures)taken;
        problem = "it has no address";
        if ((features & NetFeatures.Mac) == 0)
        {
            return device.Fail();
        }

        problem = "no queues, or no memory for them";
        if (!device.TryAddQueue(ReceiveQueue, QueueSize, longestChain: 1, out Virtqueue? receive)
            || !device.TryAddQueue(TransmitQueue, QueueSize, GetLongestChain(features), out Virtqueue? transmit)
            || !device.TryAllocatePages(ReceiveUnits / UnitsPerPage, out IDmaPage[] receivePages)
            || !device.TryAllocatePages(TransmitUnits / UnitsPerPage, out IDmaPage[] transmitPages))
        {
            return device.Fail();
        }

        opened = new NetDevice(device, owner, [receive, transmit], [receivePages, transmitPages], features);
        for (int unit = 0; unit < Math.Min(ReceiveUnits, receive.Size); unit++)
        {
            opened.Offer(unit);
        }

        transmit.DisableInterrupts();
        device.Start();
        device.Notify(receive);
        problem = null;
        return true;
    }

    public void OnInterrupt()
    {
        bool hadInterrupt = _device.TakeInterrupt();
        if (hadInterrupt)
        {
            _receive.DisableInterrupts();
            if (_isAwaitingRoom)
            {
                _isAwaitingRoom = false;
                _transmit.DisableInterrupts();
            }
        }

        bool hasJustFailed = _device.HasFailed && !_hasToldFailure;
        _hasToldFailure |= hasJustFailed;
        if (hadInterrupt || hasJustFailed)
        {
            _owner.OnWork();
        }
    }

    /// <summary>Looks whether the link has come up or gone down, after an interrupt.</summary>
    /// <returns>Whether it has.</returns>
    public bool TakeLinkChange()
    {
        bool wasUp = IsUp;
        if (_device.HasFailed)
        {
            IsUp = false;
        }
        else if (_device.TakeConfigurationChange())
        {
            ReadConfiguration();
        }

        return IsUp != wasUp;
    }

    /// <summary>Takes the next frame that has come.</summary>
    /// <param name="frame">From the link's header on; the caller owns it.</param>
    /// <returns>False when there is none. An interrupt comes with the next one then.</returns>
    public bool TryReceive([NotNullWhen(true)] out PacketBuffer? frame)
    {
        frame = null;

        for (int i = 0; i < QueueSize; i++)
        {
            if (_device.HasFailed)
            {
                return false;
            }

            if (!_receive.TryTake(out int unit, out int length)
                && (_receive.EnableInterrupts() || !_receive.TryTake(out unit, out length)))
            {
                if (_receive.IsBroken)
                {
                    _device.Fail();
                }

                return false;
            }

            frame = ReadFrame(unit, length);
            if (frame is not null)
            {
                return true;
            }
        }

        // A device that sends nothing but what is dropped does not keep the kernel here.
        _owner.OnWork();
        return false;
    }

    public bool TrySend(in OutgoingFrame frame)
    {
        int length = frame.Length;
        if (!IsUp || _device.HasFailed || length is < SmallestFrame or > LargestFrame)
        {
            return true;
        }

        int needed = (HeaderSize + length + UnitSize - 1) / UnitSize;
        if (needed > _segments.Length)
        {
            return true; // The stack does not make such: there is no segmentation.
        }

        // What was sent is looked for only when its room is needed.
        if (_freeUnitCount < needed || _transmit.FreeCount < needed)
        {
            Reclaim();
            if ((_freeUnitCount < needed || _transmit.FreeCount < needed) && !TryAwaitRoom(needed))
            {
                return false;
            }
        }

        Span<byte> header = stackalloc byte[HeaderSize];
        WriteHeader(header, frame);
        Filler filler = new(this, needed);
        filler.Write(header);
        filler.Write(frame.Headers);
        filler.Write(frame.Payload);
        filler.Write(frame.MorePayload);
        int first = filler.Finish();
        if (!_transmit.TryAdd(_segments.AsSpan(0, needed), first))
        {
            FreeUnits(first);
            return false;
        }

        return true;
    }

    public void Flush()
    {
        if (!_device.HasFailed)
        {
            _device.Notify(_transmit);
        }
    }

    /// <summary>Gives the receive buffers that were emptied back to the device.</summary>
    public void FlushReceived() => _device.Notify(_receive);

    private static int GetLongestChain(NetFeatures features) =>
        (features & (NetFeatures.HostSegmentation4 | NetFeatures.HostSegmentation6 | NetFeatures.Mtu)) == 0
            ? (HeaderSize + UsualMtu + EthernetHeaderSize + UnitSize - 1) / UnitSize
            : (HeaderSize + LargestFrame + UnitSize - 1) / UnitSize;

    private bool Has(NetFeatures feature) => (_features & feature) != 0;

    /// <summary>Reads address, MTU and the link's state, whatever the device says them to be.</summary>
    private void ReadConfiguration()
    {
        Span<byte> address = stackalloc byte[MacAddress.Size];
        for (int i = 0; i < address.Length; i++)
        {
            address[i] = _device.ReadConfiguration(i);
        }

        // A group is nobody's address.
        MacAddress read = MacAddress.Read(address);
        Address = new MacAddress(read.Value & ~0x0100_0000_0000UL);
        int largestMtu = Math.Min(UnitSize * _segments.Length, IDmaPage.Size * ReceiveUnits) - HeaderSize - EthernetHeaderSize;
        int mtu = Has(NetFeatures.Mtu) ? ReadUInt16(MtuOffset) : UsualMtu;
        Mtu = mtu < SmallestMtu ? UsualMtu : Math.Min(mtu, Has(NetFeatures.MergedBuffers) ? largestMtu : UsualMtu);
        IsUp = !Has(NetFeatures.Status) || (ReadUInt16(StatusOffset) & StatusLinkUp) != 0;
    }

    private int ReadUInt16(int offset) => _device.ReadConfiguration(offset) | (_device.ReadConfiguration(offset + 1) << 8);

    private void Offer(int unit)
    {
        IDmaPage page = _receivePages[unit / UnitsPerPage];
        _receive.TryAdd([new DmaSegment(page, unit % UnitsPerPage * UnitSize, UnitSize, IsForDevice: true)], unit);
    }

    /// <summary>Copies a frame out of the buffers that it lies in, and offers them again.</summary>
    /// <returns>Null when there is nothing to keep.</returns>
    private PacketBuffer? ReadFrame(int unit, int length)
    {
        Span<byte> header = stackalloc byte[HeaderSize];
        if (length >= HeaderSize)
        {
            ReadUnit(unit, 0, header);
        }

        int merged = length >= HeaderSize && Has(NetFeatures.MergedBuffers) ? BinaryPrimitives.ReadUInt16LittleEndian(header[10..]) : 1;
        int first = Math.Max(length - HeaderSize, 0);
        if (length < HeaderSize + SmallestFrame || merged is < 1 or > MostMergedBuffers)
        {
            Offer(unit);
            ReceiveDropCount++;
            return null;
        }

        // Of the others nothing is known but that each is full, except the last.
        int mostLength = first + ((merged - 1) * UnitSize);
        if (!_owner.TryTakeBuffer(mostLength, out PacketBuffer? frame))
        {
            ReceiveDropCount++;
        }

        frame?.Reset(0, mostLength);
        if (frame is not null)
        {
            ReadUnit(unit, HeaderSize, frame.Bytes[..first]);
        }

        Offer(unit);
        int filled = first;
        for (int i = 1; i < merged; i++)
        {
            // A device that has not given back all of a frame does so in the same turn (5.1.6.4).
            if (!_receive.TryTake(out int next, out int nextLength))
            {
                frame?.Release();
                ReceiveDropCount++;
                return null;
            }

            if (frame is not null)
            {
                ReadUnit(next, 0, frame.Bytes.Slice(filled, nextLength));
            }

            filled += nextLength;
            Offer(next);
        }

        frame?.TrimEnd(filled);
        if (frame is not null && !CheckChecksum(header, frame))
        {
            frame.Release();
            ReceiveDropCount++;
            return null;
        }

        return frame;
    }

    /// <summary>Takes the device's word for a checksum.</summary>
    /// <returns>False when it says what cannot be.</returns>
    private bool CheckChecksum(ReadOnlySpan<byte> header, PacketBuffer frame)
    {
        byte flags = header[0];
        if (header[1] != SegmentationNone)
        {
            return false; // Not agreed on.
        }

        if (Has(NetFeatures.GuestChecksum) && (flags & NeedsChecksum) != 0)
        {
            // It has never left the host, and its field is not filled in (5.1.6.4.2).
            int start = BinaryPrimitives.ReadUInt16LittleEndian(header[6..]);
            int offset = BinaryPrimitives.ReadUInt16LittleEndian(header[8..]);
            frame.IsChecksumVerified = true;
            return start + offset + sizeof(ushort) <= frame.Length;
        }

        frame.IsChecksumVerified = Has(NetFeatures.GuestChecksum) && (flags & DataIsValid) != 0;
        return true;
    }

    private void ReadUnit(int unit, int offset, Span<byte> destination) =>
        _receivePages[unit / UnitsPerPage].Read((unit % UnitsPerPage * UnitSize) + offset, destination);

    private static void WriteHeader(Span<byte> header, in OutgoingFrame frame)
    {
        header.Clear();
        if (frame.ChecksumStart > 0)
        {
            header[0] = NeedsChecksum;
            BinaryPrimitives.WriteUInt16LittleEndian(header[6..], (ushort)frame.ChecksumStart);
            BinaryPrimitives.WriteUInt16LittleEndian(header[8..], (ushort)frame.ChecksumOffset);
        }

        if (frame.SegmentSize > 0)
        {
            ushort type = BinaryPrimitives.ReadUInt16BigEndian(frame.Headers[(2 * MacAddress.Size)..]);
            header[1] = type == EtherTypeIpv6 ? SegmentationIpv6 : SegmentationIpv4;
            BinaryPrimitives.WriteUInt16LittleEndian(header[2..], (ushort)frame.Headers.Length);
            BinaryPrimitives.WriteUInt16LittleEndian(header[4..], (ushort)frame.SegmentSize);
        }
    }

    /// <summary>Takes back what the device has sent.</summary>
    private void Reclaim()
    {
        while (_transmit.TryTake(out int first, out _))
        {
            FreeUnits(first);
        }

        if (_transmit.IsBroken)
        {
            _device.Fail();
        }
    }

    private void FreeUnits(int first)
    {
        for (int unit = first; unit >= 0; unit = _nextUnit[unit])
        {
            _freeUnits[_freeUnitCount++] = (short)unit;
        }
    }

    /// <summary>Asks for an interrupt when something has been sent.</summary>
    /// <returns>Whether there is room already.</returns>
    private bool TryAwaitRoom(int needed)
    {
        // What was queued has to be told of, or nothing will ever be sent.
        Flush();
        _isAwaitingRoom = true;
        if (!_transmit.EnableInterrupts())
        {
            Reclaim();
        }

        if (_freeUnitCount < needed || _transmit.FreeCount < needed)
        {
            return false;
        }

        _isAwaitingRoom = false;
        _transmit.DisableInterrupts();
        return true;
    }

    /// <summary>Lays bytes one behind the other into units.</summary>
    private ref struct Filler(NetDevice owner, int count)
    {
        private readonly int _count = count;
        private int _done;
        private int _first = -1;
        private int _current = -1;
        private int _used = UnitSize;

        public void Write(scoped ReadOnlySpan<byte> bytes)
        {
            while (!bytes.IsEmpty)
            {
                if (_used == UnitSize)
                {
                    Next();
                }

                int part = Math.Min(bytes.Length, UnitSize - _used);
                owner._transmitPages[_current / UnitsPerPage].Write((_current % UnitsPerPage * UnitSize) + _used, bytes[..part]);
                _used += part;
                bytes = bytes[part..];
            }
        }

        /// <summary>Ends the chain.</summary>
        /// <returns>Its first unit.</returns>
        public readonly int Finish()
        {
            SetSegment();
            return _first;
        }

        private void Next()
        {
            int unit = owner._freeUnits[--owner._freeUnitCount];
            owner._nextUnit[unit] = -1;
            if (_current < 0)
            {
                _first = unit;
            }
            else
            {
                SetSegment();
                owner._nextUnit[_current] = (short)unit;
            }

            _current = unit;
            _used = 0;
            _done++;
        }

        private readonly void SetSegment() => owner._segments[_done - 1] = new DmaSegment(
            owner._transmitPages[_current / UnitsPerPage], _current % UnitsPerPage * UnitSize, _used, IsForDevice: false);
    }
}
