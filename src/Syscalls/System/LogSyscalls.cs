using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;
using Semitone.Memory;

namespace Semitone.Syscalls;

/// <summary>syslog(2).</summary>
public static class LogSyscalls
{
    /// <remarks>All of it is for those with CAP_SYSLOG, as /proc/sys/kernel/dmesg_restrict says.</remarks>
    [Syscall(103, "syslog", Returns = Returns.Value)]
    public static ValueTask<SysResult> ControlLog(SyscallContext context, SyslogAction action, [Out] UserPtr<byte> buffer, int length)
    {
        if (!context.System.ReadsLog)
        {
            return new(Errno.EPERM);
        }

        if (context.System.Files.Log is not { } log)
        {
            return new(Errno.EINVAL);
        }

        switch (action)
        {
            case SyslogAction.SYSLOG_ACTION_CLOSE:
            case SyslogAction.SYSLOG_ACTION_OPEN:
                return new(SysResult.Success);
            case SyslogAction.SYSLOG_ACTION_READ:
            case SyslogAction.SYSLOG_ACTION_READ_ALL:
            case SyslogAction.SYSLOG_ACTION_READ_CLEAR:
                if (buffer.IsNull || length < 0)
                {
                    return new(Errno.EINVAL);
                }

                if (length == 0)
                {
                    return new(SysResult.Success);
                }

                if (!SyscallContext.IsInUserRange(buffer.Address, (nuint)length))
                {
                    return new(Errno.EFAULT);
                }

                IoCursor cursor = IoCursor.OverUser(context.Memory, buffer, (nuint)length);
                return action == SyslogAction.SYSLOG_ACTION_READ
                    ? ReadAsync(context, log, cursor)
                    : new(ReadAll(log, ref cursor, action == SyslogAction.SYSLOG_ACTION_READ_CLEAR));
            case SyslogAction.SYSLOG_ACTION_CLEAR:
                log.Clear();
                return new(SysResult.Success);
            case SyslogAction.SYSLOG_ACTION_CONSOLE_OFF:
            case SyslogAction.SYSLOG_ACTION_CONSOLE_ON:
                log.SetConsole(action == SyslogAction.SYSLOG_ACTION_CONSOLE_ON);
                return new(SysResult.Success);
            case SyslogAction.SYSLOG_ACTION_CONSOLE_LEVEL:
                return new(log.SetConsoleLimit(length));
            case SyslogAction.SYSLOG_ACTION_SIZE_UNREAD:
                return new(log.UnreadSize);
            case SyslogAction.SYSLOG_ACTION_SIZE_BUFFER:
                return new(LogRing.Size);
            default:
                return new(Errno.EINVAL);
        }
    }

    private static SysResult ReadAll(SystemLog log, ref IoCursor cursor, bool clears)
    {
        IoResult result = log.ReadAll(ref cursor);
        if (clears)
        {
            log.Clear();
        }

        return result.ToSysResult();
    }

    /// <summary>Waits until there is something that nobody has read.</summary>
    private static async ValueTask<SysResult> ReadAsync(SyscallContext context, SystemLog log, IoCursor cursor)
    {
        Waiter waiter = context.Thread.Waiter;
        while (true)
        {
            waiter.Enlist(log.Readable);
            IoResult result = log.Read(ref cursor);
            if (result.Error != Errno.EAGAIN)
            {
                waiter.Cancel();
                return result.ToSysResult();
            }

            if (await waiter.WaitAsync() == WaitResult.Interrupted)
            {
                return RestartErrno.ERESTARTSYS;
            }
        }
    }
}
