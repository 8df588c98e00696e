using Semitone.Core;
using Semitone.HostLink;
using Semitone.Memory;
using Semitone.Abi;

namespace Semitone.Files;

/// <summary>Standard input that is no terminal: bytes as they came, and then the end.</summary>
/// <remarks>
/// The host reads its standard input when a read waits here, and no more than that read takes or than it can give back, so that what the
/// program leaves is there for whoever reads next. One request is under way at a time. What comes in for it can be read when all of it is
/// there, as from a pipe.
/// </remarks>
internal sealed class ConsoleInput(ConsoleStreams streams)
{
    /// <summary>A power of two bytes: <see cref="LinkFormat.InputRoom"/>, and more once a read takes more.</summary>
    private byte[] _ring = new byte[LinkFormat.InputRoom];
    private int _start;
    private int _count;
    private bool _isRequested;
    private bool _isWatched;
    private bool _isReadable;
    private int _countAtHost;

    public WaitQueue Readable { get; } = new();

    /// <summary>Bytes that can be read without waiting, the host's own knowledge included (FIONREAD).</summary>
    public int Count => Available + (_isRequested ? 0 : _countAtHost);

    /// <summary>Bytes that the program has taken, modulo 2^32.</summary>
    public uint Taken { get; private set; }

    public bool HasEnded { get; private set; }

    private int Available => _isRequested ? 0 : _count;

    /// <summary>
    /// Whether a read would not wait. Where that is not known the host is asked, and the queue is woken when there is something.
    /// </summary>
    public bool Poll()
    {
        if (Available != 0 || HasEnded || _isReadable)
        {
            return true;
        }

        if (!_isRequested && !_isWatched)
        {
            _isWatched = true;
            streams.Tell(ControlKind.WantInput, 0);
        }

        return false;
    }

    public void Receive(ReadOnlySpan<byte> bytes)
    {
        // No more may answer than there is room; a host that sends more loses it.
        bytes = bytes[..Math.Min(bytes.Length, _ring.Length - _count)];
        int end = (_start + _count) & (_ring.Length - 1);
        int first = Math.Min(bytes.Length, _ring.Length - end);
        bytes[..first].CopyTo(_ring.AsSpan(end));
        bytes[first..].CopyTo(_ring);
        _count += bytes.Length;
        if (!_isRequested)
        {
            Readable.WakeAll();
        }
    }

    public void OnAnswered()
    {
        _isRequested = false;
        Readable.WakeAll();
    }

    public void OnReadable(uint count)
    {
        _isWatched = false;
        _isReadable = true;
        _countAtHost = (int)Math.Min(count, int.MaxValue / 2);
        Readable.WakeAll();
    }

    public void End()
    {
        HasEnded = true;
        _isRequested = false;
        Readable.WakeAll();
    }

    public IoResult Read(ref IoCursor destination)
    {
        if (Available == 0)
        {
            streams.TakeInput();
            if (Available == 0)
            {
                if (HasEnded || destination.Remaining == 0)
                {
                    return 0;
                }

                Request(destination.Remaining);
                return Errno.EAGAIN;
            }
        }

        while (_count != 0 && destination.Remaining != 0)
        {
            int length = Math.Min(_count, _ring.Length - _start);
            int moved = destination.Write(_ring.AsSpan(_start, length));
            _start = (_start + moved) & (_ring.Length - 1);
            _count -= moved;
            Taken += (uint)moved;
            if (moved < length)
            {
                break;
            }
        }

        return destination.ToResult();
    }

    private void Request(long wanted)
    {
        if (!_isRequested)
        {
            _isRequested = true;
            _isReadable = false;
            _isWatched = false;
            _countAtHost = 0;
            if (wanted > _ring.Length && KernelHeap.TryAllocate(LinkFormat.LargestRequest, sizeof(byte), out byte[]? larger))
            {
                // Nothing is in it: a read that finds something does not ask.
                _ring = larger;
                _start = 0;
            }

            streams.Tell(ControlKind.WantInput, (uint)Math.Min(wanted, _ring.Length));
        }
    }
}
