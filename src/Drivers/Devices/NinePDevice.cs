using System.Diagnostics.CodeAnalysis;
using Semitone.Core;
using Semitone.Machine;

namespace Semitone.Drivers;

/// <summary>A 9P server behind a device (virtio device 9): one request with the room for its answer is one chain of descriptors.</summary>
/// <remarks>
/// A request is copied into pages of the device's own and its answer out of them, because a device may write to what it was offered at any
/// time until it gives it back. <see cref="TryReserve"/>, <see cref="Write"/>, <see cref="Send"/>; after
/// <see cref="INinePReceiver.OnReply"/>, <see cref="Read"/> and <see cref="Release"/>. A slot in the wrong state is a bug of the caller and
/// is ignored.
/// </remarks>
public sealed class NinePDevice : IInterruptHandler
{
    /// <summary>Requests under way at once.</summary>
    public const int SlotCount = 32;

    private const ulong HasMountTag = 1;
    private const int LongestTag = 255;
    private const int QueueSize = 128;

    private readonly VirtioDevice _device;
    private readonly Virtqueue _queue;
    private readonly INinePReceiver _receiver;
    private readonly IDmaPage[] _pages;
    private readonly int[] _freePages;
    private readonly Slot[] _slots = new Slot[SlotCount];
    private readonly DmaSegment[] _segments;
    private int _freePageCount;
    private bool _hasToldFailure;

    private NinePDevice(VirtioDevice device, Virtqueue queue, INinePReceiver receiver, IDmaPage[] pages, int largest)
    {
        _device = device;
        _queue = queue;
        _receiver = receiver;
        _pages = pages;
        _freePages = new int[pages.Length];
        _freePageCount = pages.Length;
        for (int i = 0; i < pages.Length; i++)
        {
            _freePages[i] = i;
        }

        LargestMessage = largest;
        int most = 2 * CountPages(largest);
        _segments = new DmaSegment[most];
        for (int i = 0; i < SlotCount; i++)
        {
            _slots[i] = new Slot(most);
        }
    }

    private enum SlotState : byte
    {
        Free,
        Reserved,
        Sent,
        Answered,
    }

    /// <summary>Bytes of the longest request, and of the longest answer.</summary>
    public int LargestMessage { get; }

    /// <summary>Whether no request is answered any more.</summary>
    public bool HasFailed => _device.HasFailed;

    /// <summary>Reads the name of a device's share.</summary>
    /// <remarks>Starts to bring the device up: <see cref="TryOpen"/> goes on.</remarks>
    public static bool TryReadTag(VirtioDevice device, out byte[] tag, [NotNullWhen(false)] out string? problem)
    {
        tag = [];
        if (!device.TryBegin(HasMountTag, out ulong features, out problem))
        {
            return false;
        }

        int length = device.ReadConfiguration(0) | (device.ReadConfiguration(1) << 8);
        if ((features & HasMountTag) == 0 || length is 0 or > LongestTag)
        {
            problem = "its share has no tag";
            return device.Fail();
        }

        tag = new byte[length];
        for (int i = 0; i < length; i++)
        {
            tag[i] = device.ReadConfiguration(sizeof(ushort) + i);
        }

        return true;
    }

    /// <summary>Starts a device whose tag has been read.</summary>
    /// <param name="device">The device.</param>
    /// <param name="receiver">Who makes the requests.</param>
    /// <param name="largest">Bytes of the longest message.</param>
    /// <param name="pageCount">Pages for all that is under way: at least twice what the longest message fills.</param>
    /// <param name="opened">The device.</param>
    /// <returns>False when there is no memory, or no queue that is long enough.</returns>
    public static bool TryOpen(
        VirtioDevice device, INinePReceiver receiver, int largest, int pageCount, [NotNullWhen(true)] out NinePDevice? opened)
    {
        opened = null;
        int longestChain = 2 * CountPages(largest);
        if (pageCount < longestChain
            || !device.TryAddQueue(0, QueueSize, longestChain, out Virtqueue? queue)
            || queue.LongestChain < longestChain
            || !device.TryAllocatePages(pageCount, out IDmaPage[] pages))
        {
            return device.Fail();
        }

        opened = new NinePDevice(device, queue, receiver, pages, largest);
        device.Start();
        return true;
    }

    /// <summary>Takes the pages for a request and its answer.</summary>
    /// <returns>False when there are none now: some come back with the next <see cref="Release"/>.</returns>
    public bool TryReserve(int requestLength, int answerLength, out int slot)
    {
        slot = -1;
        if (requestLength is <= 0 || requestLength > LargestMessage || answerLength <= 0 || answerLength > LargestMessage)
        {
            return false;
        }

        int needed = CountPages(requestLength) + CountPages(answerLength);
        if (needed > _freePageCount)
        {
            return false;
        }

        for (int i = 0; i < SlotCount; i++)
        {
            if (_slots[i].State == SlotState.Free)
            {
                ref Slot found = ref _slots[i];
                found.State = SlotState.Reserved;
                found.RequestLength = requestLength;
                found.AnswerLength = answerLength;
                found.PageCount = needed;
                for (int page = 0; page < needed; page++)
                {
                    found.Pages[page] = _freePages[--_freePageCount];
                }

                slot = i;
                return true;
            }
        }

        return false;
    }

    /// <summary>Writes a part of the request.</summary>
    public void Write(int slot, int position, ReadOnlySpan<byte> bytes)
    {
        if (!IsIn(slot, SlotState.Reserved) || (uint)position > (uint)(_slots[slot].RequestLength - bytes.Length))
        {
            return;
        }

        while (!bytes.IsEmpty)
        {
            int offset = position % IDmaPage.Size;
            int count = Math.Min(bytes.Length, IDmaPage.Size - offset);
            _pages[_slots[slot].Pages[position / IDmaPage.Size]].Write(offset, bytes[..count]);
            bytes = bytes[count..];
            position += count;
        }
    }

    /// <summary>Sends the request.</summary>
    /// <returns>False when the device has no room now; the request stays as it is. A device that has failed takes it, and tells.</returns>
    public bool Send(int slot)
    {
        if (!IsIn(slot, SlotState.Reserved))
        {
            return false;
        }

        ref Slot sent = ref _slots[slot];
        int requestPages = AddSegments(sent, 0, 0, sent.RequestLength, isForDevice: false);
        int count = AddSegments(sent, requestPages, requestPages, sent.AnswerLength, isForDevice: true);
        if (_device.HasFailed || _queue.IsBroken)
        {
            sent.State = SlotState.Sent;
            TellFailure();
            return true;
        }

        if (!_queue.TryAdd(_segments.AsSpan(0, requestPages + count), slot))
        {
            return false;
        }

        sent.State = SlotState.Sent;
        _device.Notify(_queue);
        return true;
    }

    /// <summary>Reads a part of the answer; what lies beyond the room for it is left as it is.</summary>
    public void Read(int slot, int position, Span<byte> destination)
    {
        if (!IsIn(slot, SlotState.Answered) || (uint)position > (uint)(_slots[slot].AnswerLength - destination.Length))
        {
            return;
        }

        int firstPage = CountPages(_slots[slot].RequestLength);
        while (!destination.IsEmpty)
        {
            int offset = position % IDmaPage.Size;
            int count = Math.Min(destination.Length, IDmaPage.Size - offset);
            _pages[_slots[slot].Pages[firstPage + (position / IDmaPage.Size)]].Read(offset, destination[..count]);
            destination = destination[count..];
            position += count;
        }
    }

    /// <summary>Gives back what <see cref="TryReserve"/> took, unless the device has it.</summary>
    public void Release(int slot)
    {
        if (IsIn(slot, SlotState.Reserved) || IsIn(slot, SlotState.Answered))
        {
            ref Slot released = ref _slots[slot];
            for (int i = 0; i < released.PageCount; i++)
            {
                _freePages[_freePageCount++] = released.Pages[i];
            }

            released.State = SlotState.Free;
        }
    }

    public void OnInterrupt()
    {
        if (_device.TakeInterrupt())
        {
            TakeAnswers();
        }

        if (_device.HasFailed)
        {
            TellFailure();
        }
    }

    private static int CountPages(int length) => (length + IDmaPage.Size - 1) / IDmaPage.Size;

    private bool IsIn(int slot, SlotState state) => (uint)slot < SlotCount && _slots[slot].State == state;

    private void TakeAnswers()
    {
        // Each request once: what is sent meanwhile has an interrupt of its own.
        for (int i = 0; i <= SlotCount; i++)
        {
            if (_queue.TryTake(out int slot, out int length))
            {
                _slots[slot].State = SlotState.Answered;
                _receiver.OnReply(slot, length);
            }
            else if (_queue.IsBroken)
            {
                _device.Fail();
                return;
            }
            else if (_queue.EnableInterrupts())
            {
                return;
            }
        }
    }

    private void TellFailure()
    {
        if (!_hasToldFailure)
        {
            _hasToldFailure = true;
            _receiver.OnFailure();
        }
    }

    /// <summary>Puts the pages of a message into the chain.</summary>
    /// <returns>How many.</returns>
    private int AddSegments(in Slot slot, int firstPage, int firstSegment, int length, bool isForDevice)
    {
        int count = CountPages(length);
        for (int i = 0; i < count; i++)
        {
            int bytes = Math.Min(IDmaPage.Size, length - (i * IDmaPage.Size));
            _segments[firstSegment + i] = new DmaSegment(_pages[slot.Pages[firstPage + i]], 0, bytes, isForDevice);
        }

        return count;
    }

    private struct Slot(int mostPages)
    {
        public readonly int[] Pages = new int[mostPages];
        public int PageCount;
        public int RequestLength;
        public int AnswerLength;
        public SlotState State;
    }
}
