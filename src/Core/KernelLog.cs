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

/// <summary>The kernel's log: the last records in a ring, which programs can read, and the important ones on the console at once.</summary>
/// <remarks>
/// A line on the console looks like <c>[    0.301494] Info: text</c>. Messages are interpolated straight into a buffer of bytes
/// (<see cref="LogMessage"/>), so that writing one allocates nothing. The ring's lock is taken when the line is there: what makes its
/// parts may allocate, fail, and write messages of its own. Nothing that holds a lock writes to the log.
/// </remarks>
public sealed class KernelLog
{
    /// <summary>The level of what a program writes without saying one (syslog(2), /proc/sys/kernel/printk).</summary>
    public const int DefaultSeverity = 4;

    /// <summary>The facility of what programs write, LOG_USER in syslog(3); the kernel's own is 0.</summary>
    public const int UserFacility = 1;

    /// <summary>Where in a priority the facility begins.</summary>
    public const int FacilityShift = 3;

    private readonly IConsole _console;
    private readonly IClock _clock;

    public KernelLog(IConsole console, IClock clock)
    {
        _console = console;
        _clock = clock;
    }

    /// <summary>The records.</summary>
    public LogRing Records { get; } = new();

    /// <summary>Woken when there is a new record.</summary>
    public WaitQueue Appended { get; } = new();

    /// <summary>The least important level that goes to the console; what is less important goes to the ring only.</summary>
    public LogLevel ConsoleLevel
    {
        set => ConsoleLimit = GetSeverity(value) + 1;
    }

    /// <summary>The severity from which on nothing goes to the console, 1 to 8 (console_loglevel in syslog(2)).</summary>
    public int ConsoleLimit { get; set; } = DefaultSeverity + 1;

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

    /// <summary>Writes what a program says. On the console it is shortened, and has no control characters.</summary>
    /// <param name="priority">Facility and level.</param>
    /// <param name="text">Whatever bytes; <see cref="LogRing.MaximumText"/> at most.</param>
    public void WriteOfProgram(int priority, ReadOnlySpan<byte> text)
    {
        LogMessage message = new(0, 1);
        message.AppendFormatted(text);
        Write(priority, text, ref message);
    }

    private void Write(LogLevel level, ref LogMessage message) => Write(GetSeverity(level), message.Text, ref message);

    private void Write(int priority, scoped ReadOnlySpan<byte> text, ref LogMessage message)
    {
        const int SeverityMask = (1 << FacilityShift) - 1;
        int severity = priority & SeverityMask;
        long us = _clock.MonotonicNs / 1000;
        Records.Append(priority, us, text);
        if (severity < ConsoleLimit)
        {
            Span<byte> prefix = stackalloc byte[LogMessage.PrefixCapacity];
            _console.Write(message.Finish(prefix[..FormatPrefix(us, severity, prefix)]));
        }

        Appended.WakeAll();
    }

    /// <summary>The severity that syslog(3) gives a level's number to.</summary>
    private static int GetSeverity(LogLevel level) => level switch
    {
        LogLevel.Critical => 2,
        LogLevel.Error => 3,
        LogLevel.Warning => 4,
        LogLevel.Info => 6,
        _ => 7,
    };

    private static int FormatPrefix(long us, int severity, Span<byte> buffer)
    {
        buffer[0] = (byte)'[';
        int length = 1 + FormatTime(us, buffer[1..]);
        ReadOnlySpan<byte> name = severity switch
        {
            <= 2 => "] CRIT: "u8,
            3 => "] ERR:  "u8,
            4 => "] Warn: "u8,
            <= 6 => "] Info: "u8,
            _ => "] dbg:  "u8,
        };
        name.CopyTo(buffer[length..]);
        return length + name.Length;
    }

    /// <summary>Writes a time in seconds, with five places or more before the point and six behind it.</summary>
    /// <param name="buffer">27 bytes or more.</param>
    /// <returns>Bytes written.</returns>
    public static int FormatTime(long us, Span<byte> buffer)
    {
        const int Places = 5;
        (us / 1_000_000).TryFormat(buffer, out int digits, default, null);
        int length = Math.Max(Places, digits);
        if (digits < Places)
        {
            buffer[..digits].CopyTo(buffer[(Places - digits)..]);
            buffer[..(Places - digits)].Fill((byte)' ');
        }

        buffer[length++] = (byte)'.';
        long fraction = us % 1_000_000;
        for (int divisor = 100_000; divisor > 0; divisor /= 10)
        {
            buffer[length++] = (byte)('0' + (fraction / divisor % 10));
        }

        return length;
    }
}
