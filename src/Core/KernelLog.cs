using Semitone.Machine;

namespace Semitone.Core;

/// <summary>How much a message matters.</summary>
public enum LogLevel : byte
{
    Critical,
    Error,
    Warning,
    Info,
    Debug,
}

/// <summary>The kernel's log: the last lines in a ring, and the important ones on the console at once.</summary>
/// <remarks>
/// A line looks like <c>[    0.301494] Info: text</c>. Messages are interpolated straight into a buffer of bytes
/// (<see cref="LogMessage"/>), so that writing one allocates nothing. The lock is taken when the line is there: what makes its
/// parts may allocate, fail, and write messages of its own.
/// </remarks>
public sealed class KernelLog
{
    private const int RingSize = 16 * 1024;

    private readonly IConsole _console;
    private readonly IClock _clock;
    private byte[]? _ring;
    private long _written;
    private KernelLock _lock = new(LockRank.Log);

    public KernelLog(IConsole console, IClock clock)
    {
        _console = console;
        _clock = clock;
    }

    /// <summary>The least important level that goes to the console; what is less important goes to the ring only.</summary>
    public LogLevel ConsoleLevel { get; set; } = LogLevel.Warning;

    public void Critical(ref LogMessage message) => Write(LogLevel.Critical, ref message);

    public void Error(ref LogMessage message) => Write(LogLevel.Error, ref message);

    public void Warning(ref LogMessage message) => Write(LogLevel.Warning, ref message);

    public void Info(ref LogMessage message) => Write(LogLevel.Info, ref message);

    public void Debug(ref LogMessage message) => Write(LogLevel.Debug, ref message);

    /// <summary>Writes a text of several lines, as that of an exception is: each of them as a message.</summary>
    public void WriteLines(LogLevel level, ReadOnlySpan<char> text)
    {
        foreach (Range line in text.Split('\n'))
        {
            LogMessage message = new(0, 1);
            message.AppendFormatted(text[line].TrimEnd());
            Write(level, ref message);
        }
    }

    /// <summary>Copies the end of the ring, oldest byte first.</summary>
    /// <returns>Bytes copied.</returns>
    public int ReadRing(Span<byte> destination)
    {
        if (_ring is null)
        {
            return 0;
        }

        int length = (int)Math.Min(Math.Min(_written, RingSize), destination.Length);
        for (int i = 0; i < length; i++)
        {
            destination[i] = _ring[(_written - length + i) % RingSize];
        }

        return length;
    }

    private void Write(LogLevel level, ref LogMessage message)
    {
        Span<byte> prefix = stackalloc byte[LogMessage.PrefixCapacity];
        ReadOnlySpan<byte> line = message.Finish(prefix[..FormatPrefix(level, prefix)]);
        Remember(line);
        if (level <= ConsoleLevel)
        {
            _console.Write(line);
        }
    }

    private int FormatPrefix(LogLevel level, Span<byte> buffer)
    {
        long us = _clock.MonotonicNs / 1000;
        (us / 1_000_000).TryFormat(buffer[1..], out int digits, default, null);
        int length = 1 + Math.Max(0, 5 - digits);
        if (digits < 5)
        {
            buffer.Slice(1, digits).CopyTo(buffer[length..]);
            buffer[1..length].Fill((byte)' ');
        }

        buffer[0] = (byte)'[';
        length += digits;
        buffer[length++] = (byte)'.';
        long fraction = us % 1_000_000;
        for (int divisor = 100_000; divisor > 0; divisor /= 10)
        {
            buffer[length++] = (byte)('0' + (fraction / divisor % 10));
        }

        ReadOnlySpan<byte> name = level switch
        {
            LogLevel.Critical => "] CRIT: "u8,
            LogLevel.Error => "] ERR:  "u8,
            LogLevel.Warning => "] Warn: "u8,
            LogLevel.Info => "] Info: "u8,
            _ => "] dbg:  "u8,
        };
        name.CopyTo(buffer[length..]);
        return length + name.Length;
    }

    private void Remember(ReadOnlySpan<byte> bytes)
    {
        if (_ring is null && !KernelHeap.TryAllocate(RingSize, sizeof(byte), out _ring))
        {
            // A line that says that memory has run out must not need any.
            return;
        }

        byte[] ring = _ring;
        using (_lock.Enter())
        {
            int position = (int)(_written % RingSize);
            int first = Math.Min(bytes.Length, RingSize - position);
            bytes[..first].CopyTo(ring.AsSpan(position));
            bytes[first..].CopyTo(ring);
            _written += bytes.Length;
        }
    }
}
