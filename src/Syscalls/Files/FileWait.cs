using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;
using Semitone.Memory;

namespace Semitone.Syscalls;

/// <summary>The one place where a thread waits for a file: files answer EAGAIN, and here is what happens then.</summary>
/// <remarks>The fast path never comes here, and so never allocates.</remarks>
internal static class FileWait
{
    /// <summary>Goes on with a read that found nothing.</summary>
    public static ValueTask<SysResult> ReadAsync(SyscallContext context, OpenFile file, in IoCursor cursor)
    {
        long timeoutNs = file.ReadTimeoutNs;
        long deadlineNs = timeoutNs == long.MaxValue ? long.MaxValue : Deadline.FromNow(context.System.Clock, timeoutNs);
        return context.FileRead.StartAsync(file, in cursor, deadlineNs);
    }

    /// <summary>Goes on with a write that found no room, until all is written.</summary>
    /// <param name="isCounted">Whether it is a call of its own in /proc/PID/io, and not a part of one.</param>
    public static async ValueTask<SysResult> WriteAsync(SyscallContext context, OpenFile file, IoCursor cursor, bool isCounted)
    {
        Waiter waiter = context.Thread.Waiter;
        long timeoutNs = file.WriteTimeoutNs;
        long deadlineNs = timeoutNs == long.MaxValue ? long.MaxValue : Deadline.FromNow(context.System.Clock, timeoutNs);
        file.AddReference();
        try
        {
            while (true)
            {
                file.Enlist(waiter, PollEvents.POLLOUT);
                IoResult result = file.Write(ref cursor);
                if (result.Error != Errno.EAGAIN)
                {
                    waiter.Cancel();
                    return Finish(context, file, result);
                }
                WaitResult wait = await waiter.WaitAsync(deadlineNs);
                if (wait != WaitResult.Woken)
                {
                    Errno error = wait == WaitResult.TimedOut ? Errno.EAGAIN : GetInterruption(file, timeoutNs);
                    return cursor.Moved > 0 ? cursor.Moved : error;
                }
            }
        }
        finally
        {
            if (isCounted)
            {
                context.Thread.Io.CountWrite(cursor.Moved);
            }
            file.Release();
        }
    }

    /// <summary>Says what a signal makes of a transfer that has come to nothing yet.</summary>
    /// <param name="timeoutNs">How long it would have waited; <see cref="long.MaxValue"/> for ever.</param>
    public static Errno GetInterruption(OpenFile file, long timeoutNs) =>
        timeoutNs == long.MaxValue || file.TimedTransfersRestart ? RestartErrno.ERESTARTSYS : Errno.EINTR;

    /// <summary>Turns a write's result into the call's, with the signal that a broken pipe brings.</summary>
    public static SysResult Finish(SyscallContext context, OpenFile file, IoResult result)
    {
        if (result.Error == Errno.EPIPE && result.Bytes == 0 && file.SignalsBrokenPipe)
        {
            SignalBrokenPipe(context);
        }

        return result.ToSysResult();
    }

    /// <summary>Sends SIGPIPE to who writes where nobody reads any more.</summary>
    public static void SignalBrokenPipe(SyscallContext context)
    {
        // As if the program had sent it to itself: that is what si_code says under Linux.
        Tasks.Process process = context.Process;
        context.Thread.Send(
            Tasks.SignalInfo.FromUser(Signal.SIGPIPE, SignalCode.SI_USER, process.Pid, context.Thread.Credentials.RealUserId));
    }
}
