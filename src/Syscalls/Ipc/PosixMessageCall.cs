using Semitone.Abi;
using Semitone.Core;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>A call of mq_timedsend(2) or mq_timedreceive(2) that waits.</summary>
internal sealed class PosixMessageCall(
    SyscallContext context, OpenMessageQueue file, PosixMessageWait wait, bool receives, UserPtr<byte> text, UserPtr<uint> priority)
    : SingleWait(context.Thread.Waiter)
{
    public ValueTask<SysResult> WaitAsync(long deadlineNs)
    {
        // Whoever closes the descriptor meanwhile does not close the file.
        file.AddReference();
        return StartAsync(deadlineNs, followsRealtime: deadlineNs != long.MaxValue);
    }

    /// <inheritdoc/>
    protected override SysResult Finish(WaitResult result)
    {
        SysResult answer = Answer(result);
        file.Release();
        return answer;
    }

    private SysResult Answer(WaitResult result)
    {
        if (wait.IsQueued)
        {
            file.Queue.Dequeue(wait);
            return result == WaitResult.TimedOut ? Errno.ETIMEDOUT : RestartErrno.ERESTARTSYS;
        }

        return receives ? PosixMessageQueueSyscalls.Store(context, wait.Message!, text, priority) : SysResult.Success;
    }
}
