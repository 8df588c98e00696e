using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;
using Semitone.Memory;

namespace Semitone.Syscalls;

/// <summary>
/// Where a transfer waits that has come to a page which must be fetched: one of the file, or of the buffer when that is a mapping of such a
/// file.
/// </summary>
/// <remarks>The transfer goes on where it stopped. Programs take a short read for the end of a regular file, and may.</remarks>
internal static class FetchWait
{
    /// <summary>Tells whether a transfer stopped for a page that must be fetched.</summary>
    public static bool IsNeeded(SyscallContext context, IoResult result) =>
        result.Error == InternalErrno.MustWait || (result.Error == Errno.EFAULT && context.Memory.Space.HasLack);

    /// <summary>Fetches what a transfer lacks, and goes on with it until it is over.</summary>
    /// <param name="cursor">Where the transfer stopped.</param>
    /// <param name="result">What it said there.</param>
    /// <param name="offset">Where it began in the file, if the caller named that.</param>
    public static async ValueTask<SysResult> ContinueAsync(
        SyscallContext context, OpenFile file, IoCursor cursor, IoResult result, Transfer transfer, long offset = 0)
    {
        FetchClock clock = context.System.Files.Fetches;
        long began = clock.Leave();
        long done = cursor.Resume();
        long counted = 0;
        file.AddReference();
        try
        {
            while (IsNeeded(context, result))
            {
                if (result.Error == InternalErrno.MustWait && file.TakeTransfer() is { } change)
                {
                    // What left the buffer counts only when it has been written.
                    long sent = done - counted;
                    Errno error = await context.WaitForAsync(change);
                    long missing = sent - change.Written;
                    if (missing > 0 || error != Errno.None)
                    {
                        if (transfer == Transfer.Write)
                        {
                            file.TakeBack(missing);
                        }
                        done -= missing;
                        result = new IoResult(0, error);
                        break;
                    }
                    counted = done;
                    result = default;
                    if (cursor.Remaining == 0)
                    {
                        break;
                    }
                }
                else
                {
                    WaitQueue? queue = file.Inode.Fetches;
                    if (result.Error != InternalErrno.MustWait)
                    {
                        context.Memory.Space.TryTakeLack(out queue);
                    }
                    if (await context.Thread.Waiter.WaitAsync(queue!, mode: WaitMode.Killable) == WaitResult.Interrupted)
                    {
                        // The thread is to end: nobody hears the answer.
                        file.Inode.OnFetchAbandoned();
                        return Errno.EINTR;
                    }
                }
                clock.Resume(began);
                result = Move(file, ref cursor, transfer, offset + done);
                began = clock.Leave();
                done += cursor.Resume();
            }
        }
        finally
        {
            file.Release();
        }
        context.Thread.Io.Count(transfer, done);
        bool writes = transfer is Transfer.Write or Transfer.WriteAt;
        IoResult whole = new(done, result.Error);
        return writes ? FileWait.Finish(context, file, whole) : whole.ToSysResult();
    }

    private static IoResult Move(OpenFile file, ref IoCursor cursor, Transfer transfer, long offset) => transfer switch
    {
        Transfer.Read => file.Read(ref cursor),
        Transfer.Write => file.Write(ref cursor),
        Transfer.ReadAt => file.ReadAt(ref cursor, offset),
        _ => file.WriteAt(ref cursor, offset),
    };
}
