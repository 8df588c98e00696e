using Semitone.Abi;
using Semitone.Core;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>The kernel's log as syslog(2) and /proc/kmsg tell it: as text, and to all readers together, each line once.</summary>
/// <remarks>/dev/kmsg gives records, and to every open file all of them: <see cref="KernelLogDevice"/>.</remarks>
public sealed class SystemLog(KernelLog log)
{
    /// <summary>The lowest limit of the console that can be set.</summary>
    private const int LowestLimit = 1;

    private const int HighestLimit = 8;

    /// <summary>Bytes that a record may have as text; lines beyond are left out, as on Linux.</summary>
    private const int MaximumLines = 2048;

    /// <summary>Bytes of priority and time in front of a line.</summary>
    private const int MaximumPrefix = 64;

    private LogPosition _next;

    /// <summary>Bytes of the next record's text that were read already.</summary>
    private int _partial;

    private int? _savedLimit;

    /// <summary>Woken when there is something to be read.</summary>
    public WaitQueue Readable => log.Appended;

    /// <summary>The records.</summary>
    public LogRing Records => log.Records;

    /// <summary>Where the log was last cleared: what is before that can still be read, but is not shown.</summary>
    public LogPosition Cleared { get; private set; }

    /// <summary>Whether there is something that nobody has read.</summary>
    public bool HasUnread => _next.Sequence < Records.End.Sequence;

    /// <summary>Bytes that nobody has read (SYSLOG_ACTION_SIZE_UNREAD).</summary>
    public long UnreadSize => Math.Max(0, Measure(_next) - _partial);

    /// <summary>The severity from which on nothing goes to the console.</summary>
    public int ConsoleLimit => log.ConsoleLimit;

    /// <summary>Writes what a program says.</summary>
    public void Write(int priority, ReadOnlySpan<byte> text) => log.WriteOfProgram(priority, text);

    /// <summary>Reads what nobody has read yet: whole records as far as there is room, else a part of one.</summary>
    /// <returns>Bytes, or EAGAIN where there is nothing.</returns>
    public IoResult Read(ref IoCursor destination)
    {
        Span<byte> lines = stackalloc byte[MaximumLines];
        if (_next.Sequence < Records.First.Sequence)
        {
            // It was overwritten, and with it the rest of what had been read in part.
            _next = Records.First;
            _partial = 0;
        }

        LogPosition following = _next;
        while (destination.Remaining != 0 && TryFormat(ref following, lines, out int length))
        {
            ReadOnlySpan<byte> rest = lines[Math.Min(_partial, length)..length];
            if (rest.Length > destination.Remaining)
            {
                if (destination.Moved == 0)
                {
                    _partial += destination.Write(rest[..(int)destination.Remaining]);
                }

                break;
            }

            if (destination.Write(rest) != rest.Length)
            {
                break;
            }

            _next = following;
            _partial = 0;
        }

        return destination.Moved == 0 && !destination.IsFaulted ? Errno.EAGAIN : destination.ToResult();
    }

    /// <summary>Reads the end of the log, of what was written since it was cleared: as many whole records as there is room for.</summary>
    public IoResult ReadAll(ref IoCursor destination)
    {
        Span<byte> lines = stackalloc byte[MaximumLines];
        LogPosition position = Cleared;
        long size = Measure(position);
        while (TryFormat(ref position, lines, out int length))
        {
            bool fits = size <= destination.Remaining;
            size -= length;
            if (fits && destination.Write(lines[..length]) != length)
            {
                break;
            }
        }

        return destination.ToResult();
    }

    /// <summary>Makes <see cref="ReadAll"/> begin with what comes next.</summary>
    public void Clear() => Cleared = Records.End;

    /// <summary>Sets which messages go to the console.</summary>
    /// <param name="limit">The severity from which on none does, 1 to 8.</param>
    /// <returns>None, or EINVAL.</returns>
    public Errno SetConsoleLimit(int limit)
    {
        if (limit is < LowestLimit or > HighestLimit)
        {
            return Errno.EINVAL;
        }

        log.ConsoleLimit = limit;
        _savedLimit = null;
        return Errno.None;
    }

    /// <summary>Keeps all but the worst from the console, or goes back to what was before.</summary>
    public void SetConsole(bool isOn)
    {
        if (isOn)
        {
            log.ConsoleLimit = _savedLimit ?? log.ConsoleLimit;
            _savedLimit = null;
        }
        else
        {
            _savedLimit ??= log.ConsoleLimit;
            log.ConsoleLimit = LowestLimit;
        }
    }

    /// <summary>Adds up the text of all records from one on.</summary>
    private long Measure(LogPosition position)
    {
        Span<byte> lines = stackalloc byte[MaximumLines];
        long size = 0;
        while (TryFormat(ref position, lines, out int length))
        {
            size += length;
        }

        return size;
    }

    /// <summary>Makes the text of a record: each of its lines with priority and time in front.</summary>
    /// <param name="position">Which; moves behind it.</param>
    private bool TryFormat(ref LogPosition position, Span<byte> lines, out int length)
    {
        Span<byte> text = stackalloc byte[LogRing.MaximumText];
        Span<byte> prefix = stackalloc byte[MaximumPrefix];
        length = 0;
        if (!Records.TryRead(ref position, text, out LogRecord record))
        {
            return false;
        }

        prefix = prefix[..FormatPrefix(record, prefix)];
        ReadOnlySpan<byte> rest = text[..record.Length];
        while (true)
        {
            int end = rest.IndexOf((byte)'\n');
            ReadOnlySpan<byte> line = end < 0 ? rest : rest[..end];
            if (length + prefix.Length + line.Length + 1 > lines.Length)
            {
                return true;
            }

            prefix.CopyTo(lines[length..]);
            length += prefix.Length;
            line.CopyTo(lines[length..]);
            length += line.Length;
            lines[length++] = (byte)'\n';
            if (end < 0)
            {
                return true;
            }

            rest = rest[(end + 1)..];
        }
    }

    private static int FormatPrefix(in LogRecord record, Span<byte> prefix)
    {
        prefix[0] = (byte)'<';
        record.Priority.TryFormat(prefix[1..], out int digits, default, null);
        int length = 1 + digits;
        ">["u8.CopyTo(prefix[length..]);
        length += 2;
        length += KernelLog.FormatTime(record.TimeUs, prefix[length..]);
        "] "u8.CopyTo(prefix[length..]);
        return length + 2;
    }
}
