using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using Semitone.Core;
using Semitone.Machine;

namespace Semitone.Drivers;

/// <summary>A line to the host over a port of a console device (virtio 1.2, 5.3).</summary>
/// <remarks>
/// <para>The port is number 1 and has a name; number 0 is a console for people, whose output QEMU drops when nobody takes it.</para>
/// <para>Output is copied into pages of our own, and the device is told once for each write. It says when it has taken them; only who
/// waits for room asks for an interrupt. When all are full a write waits, as one on a serial line does.</para>
/// <para>A device that fails is given up, and the serial line carries on: the host listens to both. So it does when the host has taken
/// nothing for a minute while the kernel had something to say; what the device has then is not lost.</para>
/// </remarks>
public sealed class ConsoleDevice : IConsole, IInterruptHandler
{
    private const uint Port = 1;

    // Of port 0, of the control messages, of port 1 (5.3.2).
    private const int ControlReceiveQueue = 2;
    private const int ControlTransmitQueue = 3;
    private const int ReceiveQueue = 4;
    private const int TransmitQueue = 5;

    private const ulong MultiplePorts = 1 << 1;
    private const int ReceivePages = 8;
    private const int TransmitPages = 8;
    private const int TransmitControlSize = 2;

    /// <summary>How long a write waits for a host that takes nothing before it goes another way.</summary>
    private const long StallLimitNs = 60_000_000_000;

    private readonly VirtioDevice _device;
    private readonly Virtqueue _receive;
    private readonly Virtqueue _transmit;
    private readonly ConsoleControl _control;
    private readonly IDmaPage[] _receivePages;
    private readonly IDmaPage[] _transmitPages;
    private readonly IConsole _fallback;
    private readonly IClock _clock;
    private uint _freePages = (1u << TransmitPages) - 1;
    private bool _isAwaitingRoom;
    private bool _isStalled;

    // The page whose bytes are being read.
    private int _current = -1;
    private int _currentOffset;
    private int _currentLength;

    private ConsoleDevice(
        VirtioDevice device,
        Virtqueue[] queues,
        ConsoleControl control,
        IDmaPage[] receivePages,
        IDmaPage[] transmitPages,
        IConsole fallback,
        IClock clock)
    {
        _device = device;
        _receive = queues[2];
        _transmit = queues[3];
        _control = control;
        _receivePages = receivePages;
        _transmitPages = transmitPages;
        _fallback = fallback;
        _clock = clock;
    }

    /// <summary>Starts a device and opens its port.</summary>
    /// <param name="device">A console.</param>
    /// <param name="name">What the port must be called.</param>
    /// <param name="fallback">What to use when the device fails.</param>
    /// <param name="clock">Bounds what the device may take.</param>
    /// <param name="console">The line.</param>
    /// <param name="problem">Why not.</param>
    /// <returns>False when there is no such port, or the device is not usable.</returns>
    public static bool TryOpen(
        VirtioDevice device,
        ReadOnlySpan<byte> name,
        IConsole fallback,
        IClock clock,
        [NotNullWhen(true)] out ConsoleDevice? console,
        [NotNullWhen(false)] out string? problem)
    {
        console = null;
        if (!device.TryBegin(MultiplePorts, out ulong features, out problem))
        {
            return false;
        }

        problem = "it has no port for the host link";
        if ((features & MultiplePorts) == 0)
        {
            return device.Fail();
        }

        Virtqueue[] queues = new Virtqueue[4];
        ReadOnlySpan<int> numbers = [ControlReceiveQueue, ControlTransmitQueue, ReceiveQueue, TransmitQueue];
        ReadOnlySpan<int> sizes = [ConsoleControl.ReceiveCount, TransmitControlSize, ReceivePages, TransmitPages];
        for (int i = 0; i < queues.Length; i++)
        {
            if (!device.TryAddQueue(numbers[i], sizes[i], longestChain: 1, out Virtqueue? queue) || queue.Size < sizes[i])
            {
                return device.Fail();
            }

            queues[i] = queue;
        }

        if (!device.TryAllocatePages(ReceivePages, out IDmaPage[] receivePages)
            || !device.TryAllocatePages(TransmitPages, out IDmaPage[] transmitPages)
            || !device.TryAllocatePages(2, out IDmaPage[] controlPages))
        {
            problem = "no memory for its buffers";
            return device.Fail();
        }

        ConsoleControl control = new(device, queues[0], queues[1], controlPages[0], controlPages[1], clock);
        ConsoleDevice made = new(device, queues, control, receivePages, transmitPages, fallback, clock);
        control.Offer();
        for (int i = 0; i < ReceivePages; i++)
        {
            made.Offer(i);
        }

        queues[1].DisableInterrupts();
        queues[3].DisableInterrupts();
        device.Start();
        device.Notify(queues[0]);
        device.Notify(queues[2]);
        if (!control.TryOpen(Port, name))
        {
            return device.Fail();
        }

        console = made;
        problem = null;
        return true;
    }

    public void Write(ReadOnlySpan<byte> bytes) => Write(bytes, []);

    public void Write(ReadOnlySpan<byte> header, ReadOnlySpan<byte> body)
    {
        if (!_isStalled && !TrySend(header, body))
        {
            // Pieces of it may have arrived; that it arrives whole matters more. From here on there is one way only, for the order.
            _isStalled = true;
        }

        if (_isStalled)
        {
            _fallback.Write(header, body);
        }
    }

    public bool HasRoom(int count)
    {
        Reclaim();
        if (HasFree(count))
        {
            StopAwaitingRoom();
            return true;
        }

        _isAwaitingRoom = true;
        if (_transmit.EnableInterrupts())
        {
            return false;
        }

        Reclaim();
        return HasFree(count);
    }

    public int Read(Span<byte> buffer)
    {
        // A device that hands back its buffers with nothing in them gets each of them once more.
        for (int empty = 0; empty <= ReceivePages; empty++)
        {
            if (_device.HasFailed || (_current < 0 && !TryTakePage()))
            {
                // The host answers on the line that it was spoken to last.
                return _device.HasFailed || _isStalled ? _fallback.Read(buffer) : 0;
            }

            int count = Math.Min(_currentLength - _currentOffset, buffer.Length);
            _receivePages[_current].Read(_currentOffset, buffer[..count]);
            _currentOffset += count;
            if (_currentOffset == _currentLength)
            {
                Offer(_current);
                _device.Notify(_receive);
                _current = -1;
            }

            if (count > 0)
            {
                return count;
            }
        }

        _device.Fail();
        return 0;
    }

    /// <summary>Waits until the host has taken everything: what it has not when the machine ends is lost.</summary>
    public void Drain()
    {
        while (_transmit.OutstandingCount > 0 && !_device.HasFailed)
        {
            TryAwaitPage(_transmit.OutstandingCount);
        }
    }

    public void OnInterrupt()
    {
        if (_device.TakeInterrupt())
        {
            _control.Drain(Port);
            if (_control.IsPortGone)
            {
                _device.Fail();
            }
        }
    }

    private bool TrySend(ReadOnlySpan<byte> header, ReadOnlySpan<byte> body)
    {
        int done = 0;
        int length = header.Length + body.Length;
        while (done < length)
        {
            if (_freePages == 0)
            {
                _device.Notify(_transmit);
                if (!TryAwaitPage(_transmit.OutstandingCount))
                {
                    return false;
                }
            }

            int index = BitOperations.TrailingZeroCount(_freePages);
            IDmaPage page = _transmitPages[index];
            int count = 0;
            if (done < header.Length)
            {
                count = Math.Min(header.Length - done, IDmaPage.Size);
                page.Write(0, header.Slice(done, count));
            }

            int bodyDone = Math.Max(done - header.Length, 0);
            int bodyCount = Math.Min(body.Length - bodyDone, IDmaPage.Size - count);
            page.Write(count, body.Slice(bodyDone, bodyCount));
            count += bodyCount;
            if (_device.HasFailed || !_transmit.TryAdd([new DmaSegment(page, 0, count, IsForDevice: false)], index))
            {
                return false;
            }

            _freePages &= ~(1u << index);
            done += count;
        }

        _device.Notify(_transmit);
        Reclaim();
        return !_device.HasFailed;
    }

    /// <summary>Waits until the device has done with one page more.</summary>
    /// <returns>False when it has failed, or takes nothing for too long.</returns>
    private bool TryAwaitPage(int outstanding)
    {
        const int LooksPerCheck = 1024;
        const int MostChecks = 1_000_000; // should the clock stand still
        long limitNs = _clock.MonotonicNs + StallLimitNs;
        for (int check = 0; check < MostChecks && _clock.MonotonicNs < limitNs; check++)
        {
            for (int look = 0; look < LooksPerCheck; look++)
            {
                Reclaim();
                if (_device.HasFailed)
                {
                    return false;
                }

                if (_transmit.OutstandingCount < outstanding)
                {
                    return true;
                }

                Thread.SpinWait(1);
            }

            _device.CheckStatus();
        }

        return false;
    }

    /// <summary>Takes back the pages that the device has done with.</summary>
    private void Reclaim()
    {
        while (_transmit.TryTake(out int page, out _))
        {
            _freePages |= 1u << page;
        }

        if (_transmit.IsBroken && !_device.HasFailed)
        {
            _device.Fail();
        }
    }

    private bool HasFree(int count) => _device.HasFailed || _isStalled || BitOperations.PopCount(_freePages) * IDmaPage.Size >= count;

    private void StopAwaitingRoom()
    {
        if (_isAwaitingRoom)
        {
            _isAwaitingRoom = false;
            _transmit.DisableInterrupts();
        }
    }

    private void Offer(int page) =>
        _receive.TryAdd([new DmaSegment(_receivePages[page], 0, IDmaPage.Size, IsForDevice: true)], page);

    /// <summary>Takes the next page with input. Where there is none an interrupt comes with the next.</summary>
    private bool TryTakePage()
    {
        if (!_receive.TryTake(out int page, out int length)
            && (_receive.EnableInterrupts() || !_receive.TryTake(out page, out length)))
        {
            if (_receive.IsBroken)
            {
                _device.Fail();
            }

            return false;
        }

        _current = page;
        _currentOffset = 0;
        _currentLength = length;
        return true;
    }
}
