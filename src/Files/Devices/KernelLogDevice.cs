using Semitone.Abi;
using Semitone.Core;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>/dev/kmsg: the kernel's log, a record a read, and each write a record (Linux, Documentation/ABI/testing/dev-kmsg).</summary>
internal sealed class KernelLogDevice : CharacterDevice
{
    public static readonly DeviceNumber Number = new(1, 11);

    /// <remarks>Who only writes needs no more than the node's permissions.</remarks>
    public override Errno Open(Inode node, OpenFlags flags, out OpenFile? file)
    {
        file = null;
        FileServices services = node.FileSystem.Services;
        if (services.Log is not { } log)
        {
            return Errno.ENXIO;
        }

        if ((flags & OpenFlags.O_ACCMODE) != OpenFlags.O_WRONLY && services.Caller is { ReadsLog: false })
        {
            return Errno.EPERM;
        }

        file = new OpenKernelLog(node, flags, log);
        return Errno.None;
    }
}

/// <summary>/dev/kmsg, opened.</summary>
internal sealed class OpenKernelLog : OpenFile
{
    /// <summary>Bytes of a record that is read: every byte of its text may become four.</summary>
    private const int MaximumRecord = (LogRing.MaximumText * 4) + 128;

    private readonly SystemLog _log;
    private LogPosition _next;

    public OpenKernelLog(Inode inode, OpenFlags flags, SystemLog log)
        : base(inode, flags)
    {
        _log = log;
        _next = log.Records.First;
    }

    /// <remarks>As far as lseek(2) goes; there is nothing at an offset.</remarks>
    public override bool IsSeekable => true;

    public override IoResult ReadAt(ref IoCursor destination, long offset) => Read(ref destination);

    public override IoResult WriteAt(ref IoCursor source, long offset) => Write(ref source);

    /// <returns>
    /// Bytes; EAGAIN when there is no record; EPIPE when the next was overwritten; EINVAL when it is longer than the buffer.
    /// </returns>
    public override IoResult Read(ref IoCursor destination)
    {
        if (IsOverwritten)
        {
            // The next read goes on with what is there.
            _next = _log.Records.First;
            return Errno.EPIPE;
        }

        Span<byte> text = stackalloc byte[LogRing.MaximumText];
        if (!_log.Records.TryRead(ref _next, text, out LogRecord record))
        {
            return Errno.EAGAIN;
        }

        Span<byte> line = stackalloc byte[MaximumRecord];
        line = line[..Format(record, text[..record.Length], line)];
        if (line.Length > destination.Remaining)
        {
            return Errno.EINVAL;
        }

        destination.Write(line);
        return destination.ToResult();
    }

    /// <remarks>A number in angle brackets in front is facility and level; a line end behind is none of the text.</remarks>
    public override IoResult Write(ref IoCursor source)
    {
        if (source.Remaining > LogRing.MaximumText)
        {
            return Errno.EINVAL;
        }

        Span<byte> buffer = stackalloc byte[LogRing.MaximumText];
        ReadOnlySpan<byte> text = buffer[..source.Read(buffer[..(int)source.Remaining])];
        if (source.IsFaulted)
        {
            return Errno.EFAULT;
        }

        int end = text.IndexOf((byte)0);
        text = end < 0 ? text : text[..end];
        int priority = TakePriority(ref text);
        _log.Write(priority, text.EndsWith("\n"u8) ? text[..^1] : text);
        return source.ToResult();
    }

    /// <summary>Goes to the oldest record, to the first since the log was cleared (SEEK_DATA), or behind the last.</summary>
    public override Errno Seek(long offset, SeekWhence origin, out long position)
    {
        position = 0;
        if ((uint)origin > (uint)SeekWhence.SEEK_HOLE)
        {
            return Errno.EINVAL;
        }

        if (offset != 0)
        {
            return Errno.ESPIPE;
        }

        switch (origin)
        {
            case SeekWhence.SEEK_SET:
                _next = _log.Records.First;
                return Errno.None;
            case SeekWhence.SEEK_DATA:
                _next = _log.Cleared;
                return Errno.None;
            case SeekWhence.SEEK_END:
                _next = _log.Records.End;
                return Errno.None;
            default:
                return Errno.EINVAL;
        }
    }

    public override PollEvents Poll() =>
        IsOverwritten ? PollEvents.POLLIN | PollEvents.POLLRDNORM | PollEvents.POLLERR | PollEvents.POLLPRI
        : _next.Sequence < _log.Records.End.Sequence ? PollEvents.POLLIN | PollEvents.POLLRDNORM
        : PollEvents.None;

    public override void Enlist(IQueueMember waiter, PollEvents events) => waiter.Enlist(_log.Readable);

    private bool IsOverwritten => _next.Sequence < _log.Records.First.Sequence;

    private static int TakePriority(ref ReadOnlySpan<byte> text)
    {
        const int SeverityMask = (1 << KernelLog.FacilityShift) - 1;
        const int FacilityMask = 0xFF;
        int severity = KernelLog.DefaultSeverity;
        int facility = KernelLog.UserFacility;
        int end = text.StartsWith("<"u8) ? 1 + text[1..].IndexOfAnyExceptInRange((byte)'0', (byte)'9') : 0;
        if (end > 0 && text[end] == (byte)'>')
        {
            uint number = 0;
            foreach (byte digit in text[1..end])
            {
                number = unchecked((number * 10) + digit - '0');
            }

            severity = (int)(number & SeverityMask);
            facility = number >> KernelLog.FacilityShift != 0 ? (int)(number >> KernelLog.FacilityShift) & FacilityMask : facility;
            text = text[(end + 1)..];
        }

        return (facility << KernelLog.FacilityShift) | severity;
    }

    private static int Format(in LogRecord record, ReadOnlySpan<byte> text, Span<byte> line)
    {
        record.Priority.TryFormat(line, out int length, default, null);
        line[length++] = (byte)',';
        record.Sequence.TryFormat(line[length..], out int digits, default, null);
        length += digits;
        line[length++] = (byte)',';
        record.TimeUs.TryFormat(line[length..], out digits, default, null);
        length += digits;
        ",-;"u8.CopyTo(line[length..]);
        length += 3;
        foreach (byte value in text)
        {
            if (value is >= 0x20 and < 0x7F and not (byte)'\\')
            {
                line[length++] = value;
                continue;
            }

            ReadOnlySpan<byte> hexDigits = "0123456789abcdef"u8;
            line[length++] = (byte)'\\';
            line[length++] = (byte)'x';
            line[length++] = hexDigits[value >> 4];
            line[length++] = hexDigits[value & 0xF];
        }

        line[length++] = (byte)'\n';
        return length;
    }
}
