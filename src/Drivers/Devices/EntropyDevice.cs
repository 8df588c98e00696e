using System.Diagnostics.CodeAnalysis;
using Semitone.Core;
using Semitone.Machine;

namespace Semitone.Drivers;

/// <summary>A source of random bytes (virtio 1.2, 5.4).</summary>
/// <remarks>
/// One request is under way at a time, and nobody ever waits for it. No interrupt is needed: who wants bytes comes by and looks.
/// </remarks>
public sealed class EntropyDevice : IEntropySource
{
    /// <summary>Bytes of a request: twice what a key of the generator has.</summary>
    public const int RequestLength = 64;

    private const int QueueSize = 2;

    private readonly VirtioDevice _device;
    private readonly Virtqueue _queue;
    private readonly IDmaPage _page;
    private bool _isRequested;

    private EntropyDevice(VirtioDevice device, Virtqueue queue, IDmaPage page)
    {
        _device = device;
        _queue = queue;
        _page = page;
    }

    /// <summary>Starts a device.</summary>
    /// <returns>False when it is not usable, and why.</returns>
    public static bool TryOpen(
        VirtioDevice device, [NotNullWhen(true)] out EntropyDevice? entropy, [NotNullWhen(false)] out string? problem)
    {
        entropy = null;
        if (!device.TryBegin(wanted: 0, out _, out problem))
        {
            return false;
        }

        if (!device.TryAddQueue(0, QueueSize, longestChain: 1, out Virtqueue? queue) || !device.TryAllocatePages(1, out IDmaPage[] pages))
        {
            device.Fail();
            problem = "no queue, or no memory for it";
            return false;
        }

        device.Start();
        queue.DisableInterrupts();
        entropy = new EntropyDevice(device, queue, pages[0]);
        return true;
    }

    public void Request()
    {
        if (!_isRequested && !_device.HasFailed && _queue.TryAdd([new DmaSegment(_page, 0, RequestLength, IsForDevice: true)], 0))
        {
            _isRequested = true;
            _device.Notify(_queue);
        }
    }

    /// <summary>Asks for an interrupt with the next answer, for whoever sleeps until then.</summary>
    public void EnableInterrupt() => _queue.EnableInterrupts();

    public int Take(Span<byte> destination)
    {
        if (!_isRequested || _device.HasFailed)
        {
            return 0;
        }

        if (!_queue.TryTake(out _, out int length))
        {
            if (_queue.IsBroken)
            {
                _device.Fail();
            }

            return 0;
        }

        _isRequested = false;
        length = Math.Min(length, destination.Length);
        _page.Read(0, destination[..length]);
        return length;
    }
}
