namespace Semitone.Core;

/// <summary>A place in the log: that of the record with a number, which counts from 0 on.</summary>
/// <param name="Sequence">The number.</param>
/// <param name="Offset">Where its bytes start, counted from the first record on.</param>
public readonly record struct LogPosition(long Sequence, long Offset);

/// <summary>What the log has beside the text of a record.</summary>
/// <param name="Sequence">The record's number; a gap before it says that records were overwritten.</param>
/// <param name="TimeUs">When it was written, in microseconds of the monotonic clock.</param>
/// <param name="Priority">Facility and level, as syslog(3) puts them together.</param>
/// <param name="Length">Bytes of its text.</param>
public readonly record struct LogRecord(long Sequence, long TimeUs, int Priority, int Length);

/// <summary>The records of the log in a ring of bytes; the newest overwrites the oldest.</summary>
/// <remarks>A reader keeps its own <see cref="LogPosition"/>, so that reading changes nothing here and finds its place at once.</remarks>
public sealed class LogRing
{
    /// <summary>Bytes of all records, with what stands in front of each.</summary>
    public const int Size = 16 * 1024;

    /// <summary>Bytes of the longest text of a record.</summary>
    public const int MaximumText = 1024;

    /// <summary>Time, priority and length.</summary>
    private const int HeaderSize = 16;

    private byte[]? _bytes;
    private KernelLock _lock = new(LockRank.Log);
    private LogPosition _first;
    private LogPosition _end;

    /// <summary>The place of the oldest record that is left.</summary>
    public LogPosition First
    {
        get
        {
            using (_lock.Enter())
            {
                return _first;
            }
        }
    }

    /// <summary>The place of the next record to be written.</summary>
    public LogPosition End
    {
        get
        {
            using (_lock.Enter())
            {
                return _end;
            }
        }
    }

    /// <summary>Adds a record. Where the kernel's heap has no room for the ring it is lost: a line that says so must need none.</summary>
    /// <param name="text">What is beyond <see cref="MaximumText"/> is cut off.</param>
    public void Append(int priority, long timeUs, ReadOnlySpan<byte> text)
    {
        if (_bytes is null && !KernelHeap.TryAllocate(Size, sizeof(byte), out _bytes))
        {
            return;
        }

        text = text[..Math.Min(text.Length, MaximumText)];
        byte[] bytes = _bytes;
        using (_lock.Enter())
        {
            long end = _end.Offset + HeaderSize + text.Length;
            while (end - _first.Offset > Size)
            {
                _first = new LogPosition(_first.Sequence + 1, _first.Offset + HeaderSize + (int)ReadNumber(bytes, _first.Offset + 12, 4));
            }

            WriteNumber(bytes, _end.Offset, (ulong)timeUs, 8);
            WriteNumber(bytes, _end.Offset + 8, (ulong)priority, 4);
            WriteNumber(bytes, _end.Offset + 12, (ulong)text.Length, 4);
            int start = (int)((_end.Offset + HeaderSize) % Size);
            int beforeWrap = Math.Min(text.Length, Size - start);
            text[..beforeWrap].CopyTo(bytes.AsSpan(start));
            text[beforeWrap..].CopyTo(bytes);
            _end = new LogPosition(_end.Sequence + 1, end);
        }
    }

    /// <summary>Reads a record; the oldest there is where the wanted one was overwritten.</summary>
    /// <param name="position">Which; moves behind the record that was read.</param>
    /// <param name="text"><see cref="MaximumText"/> bytes.</param>
    /// <returns>False when there is none yet.</returns>
    public bool TryRead(ref LogPosition position, Span<byte> text, out LogRecord record)
    {
        record = default;
        if (_bytes is null)
        {
            return false;
        }

        byte[] bytes = _bytes;
        using (_lock.Enter())
        {
            LogPosition at = position.Sequence < _first.Sequence ? _first : position;
            if (at.Sequence >= _end.Sequence)
            {
                return false;
            }

            int length = (int)ReadNumber(bytes, at.Offset + 12, 4);
            record = new LogRecord(
                at.Sequence, (long)ReadNumber(bytes, at.Offset, 8), (int)ReadNumber(bytes, at.Offset + 8, 4), length);
            int start = (int)((at.Offset + HeaderSize) % Size);
            int beforeWrap = Math.Min(length, Size - start);
            bytes.AsSpan(start, beforeWrap).CopyTo(text);
            bytes.AsSpan(0, length - beforeWrap).CopyTo(text[beforeWrap..]);
            position = new LogPosition(at.Sequence + 1, at.Offset + HeaderSize + length);
            return true;
        }
    }

    private static void WriteNumber(byte[] bytes, long offset, ulong value, int size)
    {
        for (int i = 0; i < size; i++)
        {
            bytes[(int)((offset + i) % Size)] = (byte)(value >> (8 * i));
        }
    }

    private static ulong ReadNumber(byte[] bytes, long offset, int size)
    {
        ulong value = 0;
        for (int i = 0; i < size; i++)
        {
            value |= (ulong)bytes[(int)((offset + i) % Size)] << (8 * i);
        }

        return value;
    }
}
