using Semitone.Core;
using Semitone.Memory;
using Semitone.Abi;

namespace Semitone.Files;

/// <summary>Standard input that is no terminal: bytes as they came, and then the end.</summary>
internal sealed class ConsoleInput(ConsoleStreams streams)
{
    private const int Size = 4096;

    private readonly byte[] _ring = new byte[Size];
    private int _start;
    private int _count;

    public WaitQueue Readable { get; } = new();

    public int Room => Size - _count;

    public int Count => _count;

    public bool HasEnded { get; private set; }

    public void Receive(ReadOnlySpan<byte> bytes)
    {
        int end = (_start + _count) & (Size - 1);
        int first = Math.Min(bytes.Length, Size - end);
        bytes[..first].CopyTo(_ring.AsSpan(end));
        bytes[first..].CopyTo(_ring);
        _count += bytes.Length;
        Readable.WakeAll();
    }

    public void End()
    {
        HasEnded = true;
        Readable.WakeAll();
    }

    public IoResult Read(ref IoCursor destination)
    {
        if (_count == 0)
        {
            streams.TakeInput();
            if (_count == 0)
            {
                return HasEnded || destination.Remaining == 0 ? 0 : Errno.EAGAIN;
            }
        }
        while (_count != 0 && destination.Remaining != 0)
        {
            int length = Math.Min(_count, Size - _start);
            int moved = destination.Write(_ring.AsSpan(_start, length));
            _start = (_start + moved) & (Size - 1);
            _count -= moved;
            if (moved < length)
            {
                break;
            }
        }
        // What waited in the device for room comes now; no interrupt tells of it again.
        streams.TakeInput();
        return destination.ToResult();
    }
}
