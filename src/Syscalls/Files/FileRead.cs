using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;
using Semitone.Memory;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>The read that a thread waits for. One object per thread, so that waiting allocates nothing.</summary>
/// <remarks>
/// A wake says "look again". Where somebody else was faster, the call is made anew from its start, of which nothing had been done.
/// </remarks>
internal sealed class FileRead(GuestThread thread) : SingleWait(thread.Waiter)
{
    private OpenFile? _file;
    private IoCursor _cursor;

    /// <summary>Waits until a file that had nothing has something, and reads it.</summary>
    /// <param name="deadlineNs">When the read gives up and answers 0.</param>
    public ValueTask<SysResult> StartAsync(OpenFile file, in IoCursor cursor, long deadlineNs)
    {
        // Whoever closes the descriptor meanwhile does not close the file.
        file.AddReference();
        _file = file;
        _cursor = cursor;
        file.Enlist(Waiter, PollEvents.POLLIN);
        IoResult result = file.Read(ref _cursor);
        if (result.Error != Errno.EAGAIN || result.Bytes != 0)
        {
            Waiter.Cancel();
            thread.Io.CountRead(result.Bytes);
            Forget();
            return new ValueTask<SysResult>(result.ToSysResult());
        }
        return StartAsync(deadlineNs);
    }

    /// <inheritdoc/>
    protected override SysResult Finish(WaitResult result)
    {
        SysResult answer = result switch
        {
            WaitResult.Interrupted => FileWait.GetInterruption(_file!, _file!.ReadTimeoutNs),
            WaitResult.TimedOut => _file!.ReadAfterTimeout(ref _cursor).ToSysResult(),
            _ => Retry(),
        };
        // A call that is made anew is still the same one.
        if (answer != RestartErrno.ERESTARTNOINTR)
        {
            thread.Io.CountRead(Math.Max(0, answer.Value));
        }
        Forget();
        return answer;
    }

    private SysResult Retry()
    {
        IoResult result = _file!.Read(ref _cursor);
        return result.Error == Errno.EAGAIN && result.Bytes == 0 ? RestartErrno.ERESTARTNOINTR : result.ToSysResult();
    }

    private void Forget()
    {
        _file!.Release();
        _file = null;
        _cursor = default;
    }
}
