using Semitone.Core;
using Semitone.Drivers;
using Semitone.Machine;
using Semitone.NineP;

namespace Semitone.Kernel;

/// <summary>Carries the requests of a 9P client to a virtio device, and its answers back.</summary>
/// <remarks>
/// The device has pages of its own, which it may write to as long as it has a request; what the client sees is a copy, made on the executor
/// when the device has given the request back.
/// </remarks>
internal sealed class NinePTransport(IMachine machine) : Runnable, INinePTransport, INinePReceiver
{
    /// <summary>64 KiB of data and the head of a Twrite.</summary>
    private const int LargestMessage = (64 * 1024) + 24;

    /// <summary>Pages for two requests of the greatest length, or for many short ones.</summary>
    private const int PageCount = 4 * ((LargestMessage / IDmaPage.Size) + 1);

    private readonly Request?[] _requests = new Request?[NinePDevice.SlotCount];
    private readonly int[] _answerLengths = new int[NinePDevice.SlotCount];
    private readonly byte[] _copy = new byte[IDmaPage.Size];
    private NinePDevice? _device;
    private uint _answered;
    private bool _hasFailed;

    public int MaximumSegments => (LargestMessage / IDmaPage.Size) + 4;

    public int MaximumMessageSize => LargestMessage;

    /// <summary>Starts a device whose tag has been read.</summary>
    internal bool TryOpen(VirtioDevice device, Executor executor)
    {
        if (!NinePDevice.TryOpen(device, this, LargestMessage, PageCount, out _device))
        {
            return false;
        }

        Executor = executor;
        executor.AddInterruptHandler(_device);
        return true;
    }

    private Executor Executor { get; set; } = null!;

    public bool TrySend(Request request)
    {
        int length = 0;
        foreach (Segment segment in request.Sent)
        {
            length += segment.Length;
        }

        if (_hasFailed)
        {
            // Nobody answers: an answer of no length is one that ends the connection.
            request.OnReply(0);
            return true;
        }

        if (!_device!.TryReserve(length, request.OfferedLength, out int slot))
        {
            return false;
        }

        int position = 0;
        foreach (Segment segment in request.Sent)
        {
            WriteSegment(slot, position, segment);
            position += segment.Length;
        }

        _requests[slot] = request;
        if (!_device.Send(slot))
        {
            _requests[slot] = null;
            _device.Release(slot);
            return false;
        }

        return true;
    }

    /// <inheritdoc/>
    /// <remarks>The device has the chain until it says otherwise.</remarks>
    public bool TryForget(Request request) => Array.IndexOf(_requests, request) < 0;

    public void Stop() => _hasFailed = true;

    public void OnReply(int slot, int length)
    {
        _answerLengths[slot] = length;
        _answered |= 1U << slot;
        Executor.Post(this);
    }

    public void OnFailure()
    {
        _hasFailed = true;
        Executor.Post(this);
    }

    /// <summary>Hands over what the device has answered.</summary>
    protected override void Run()
    {
        for (int slot = 0; slot < _requests.Length; slot++)
        {
            uint bit = 1U << slot;
            Request? request = _requests[slot];
            bool isAnswered = (_answered & bit) != 0;
            if (!isAnswered && !(_hasFailed && request is not null))
            {
                continue;
            }

            _answered &= ~bit;
            _requests[slot] = null;
            int length = isAnswered && request is not null ? Math.Min(_answerLengths[slot], request.OfferedLength) : 0;
            if (length > 0)
            {
                ReadAnswer(slot, request!, length);
            }

            _device!.Release(slot);
            request?.OnReply(length);
        }
    }

    private void ReadAnswer(int slot, Request request, int length)
    {
        int position = 0;
        foreach (Segment segment in request.Offered)
        {
            int count = Math.Min(segment.Length, length - position);
            if (count <= 0)
            {
                return;
            }

            if (segment.Array is { } array)
            {
                _device!.Read(slot, position, array.AsSpan(segment.Offset, count));
            }
            else
            {
                Span<byte> copy = _copy.AsSpan(0, count);
                _device!.Read(slot, position, copy);
                machine.Frames.Write(segment.Frame, segment.Offset, copy);
            }

            position += count;
        }
    }

    private void WriteSegment(int slot, int position, Segment segment)
    {
        if (segment.Array is { } array)
        {
            _device!.Write(slot, position, array.AsSpan(segment.Offset, segment.Length));
            return;
        }

        Span<byte> copy = _copy.AsSpan(0, segment.Length);
        machine.Frames.Read(segment.Frame, segment.Offset, copy);
        _device!.Write(slot, position, copy);
    }
}
