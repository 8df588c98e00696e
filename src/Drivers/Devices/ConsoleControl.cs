using Semitone.Machine;

namespace Semitone.Drivers;

/// <summary>The control queues of a console with several ports (virtio 1.2, 5.3.6.2): opens one of the ports, by its name.</summary>
internal sealed class ConsoleControl
{
    public const int MessageRoom = 256;

    /// <summary>Buffers for messages: one is offered again as soon as it has been read.</summary>
    public const int ReceiveCount = 8;

    /// <summary>How long the device may take for an answer.</summary>
    private const long AnswerLimitNs = 250_000_000;

    /// <summary>More messages than this before the port is open are not sense.</summary>
    private const int MostMessages = 256;

    private readonly VirtioDevice _device;
    private readonly Virtqueue _receive;
    private readonly Virtqueue _transmit;
    private readonly IDmaPage _receivePage;
    private readonly IDmaPage _transmitPage;
    private readonly IClock _clock;
    private readonly byte[] _message = new byte[MessageRoom];

    public ConsoleControl(
        VirtioDevice device, Virtqueue receive, Virtqueue transmit, IDmaPage receivePage, IDmaPage transmitPage, IClock clock)
    {
        _device = device;
        _receive = receive;
        _transmit = transmit;
        _receivePage = receivePage;
        _transmitPage = transmitPage;
        _clock = clock;
    }

    /// <summary>Whether the port that was opened is gone.</summary>
    public bool IsPortGone { get; private set; }

    /// <summary>Offers the device all buffers for its messages, before it is started.</summary>
    public void Offer()
    {
        for (int i = 0; i < ReceiveCount; i++)
        {
            OfferBuffer(i);
        }
    }

    /// <summary>Opens a port.</summary>
    /// <param name="port">Its number.</param>
    /// <param name="name">The name that it must have.</param>
    /// <returns>False when the device has none such, or does not answer.</returns>
    public bool TryOpen(uint port, ReadOnlySpan<byte> name)
    {
        // A device that has the port says that it is there, and when it hears that it may, what it is called.
        bool isOpen = Send(new ConsoleMessage(uint.MaxValue, ConsoleEvent.DeviceReady, 1))
            && TryAwait(port, ConsoleEvent.PortAdd, [])
            && Send(new ConsoleMessage(port, ConsoleEvent.PortReady, 1))
            && TryAwait(port, ConsoleEvent.PortName, name)
            && Send(new ConsoleMessage(port, ConsoleEvent.PortOpen, 1));
        Drain(port);
        return isOpen && !IsPortGone;
    }

    /// <summary>Takes what the device has to say once the port is open: whether it goes.</summary>
    [NonAllocating]
    public void Drain(uint port)
    {
        bool hasOffered = false;
        for (int i = 0; i < ReceiveCount && TryReceive(out ConsoleMessage message, out _); i++)
        {
            IsPortGone |= message.Port == port && message.Event == ConsoleEvent.PortRemove;
            hasOffered = true;
        }

        if (hasOffered)
        {
            _device.Notify(_receive);
        }

        _receive.EnableInterrupts();
    }

    /// <summary>Waits for a message; others are let go by, for they come in any order.</summary>
    private bool TryAwait(uint port, ConsoleEvent awaited, ReadOnlySpan<byte> text)
    {
        long limitNs = _clock.MonotonicNs + AnswerLimitNs;
        int looks = 0;
        for (int messages = 0; messages < MostMessages;)
        {
            if (!TryReceive(out ConsoleMessage message, out int textLength))
            {
                if (_receive.IsBroken || !MayWait(ref looks, limitNs))
                {
                    return false;
                }

                continue;
            }

            messages++;
            _device.Notify(_receive);
            if (message.Port == port && message.Event == awaited)
            {
                // QEMU ends a name with a NUL, which the standard does not ask for.
                ReadOnlySpan<byte> said = _message.AsSpan(ConsoleMessage.Size, textLength);
                int end = said.IndexOf((byte)0);
                return text.IsEmpty || text.SequenceEqual(end < 0 ? said : said[..end]);
            }
        }

        return false;
    }

    private bool TryReceive(out ConsoleMessage message, out int textLength)
    {
        message = default;
        textLength = 0;
        if (!_receive.TryTake(out int buffer, out int length))
        {
            return false;
        }

        _message.AsSpan(0, ConsoleMessage.Size).Clear();
        _receivePage.Read(buffer * MessageRoom, _message.AsSpan(0, length));
        message = length >= ConsoleMessage.Size ? ConsoleMessage.Read(_message) : default;
        textLength = Math.Max(length - ConsoleMessage.Size, 0);
        OfferBuffer(buffer);
        return true;
    }

    private void OfferBuffer(int buffer) =>
        _receive.TryAdd([new DmaSegment(_receivePage, buffer * MessageRoom, MessageRoom, IsForDevice: true)], buffer);

    private bool Send(ConsoleMessage message)
    {
        Span<byte> bytes = stackalloc byte[ConsoleMessage.Size];
        message.Write(bytes);
        _transmitPage.Write(0, bytes);
        if (!_transmit.TryAdd([new DmaSegment(_transmitPage, 0, ConsoleMessage.Size, IsForDevice: false)], 0))
        {
            return false;
        }

        _device.Notify(_transmit);
        long limitNs = _clock.MonotonicNs + AnswerLimitNs;
        int looks = 0;
        while (!_transmit.TryTake(out _, out _))
        {
            if (_transmit.IsBroken || !MayWait(ref looks, limitNs))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Lets a moment go by.</summary>
    /// <returns>False when the time is up. So many looks are longer than that, should the clock stand still.</returns>
    private bool MayWait(ref int looks, long limitNs)
    {
        const int MostLooks = 10_000_000;
        Thread.SpinWait(1);
        return ++looks < MostLooks && _clock.MonotonicNs < limitNs;
    }
}
