using Semitone.Abi;
using Semitone.Core;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>A call of msgrcv(2) that waits.</summary>
internal sealed class MessageReceive(SyscallContext context, MessageQueue queue, MessageWait wait, ulong buffer)
    : SingleWait(context.Thread.Waiter)
{
    public ValueTask<SysResult> WaitAsync() => StartAsync(long.MaxValue);

    /// <inheritdoc/>
    protected override SysResult Finish(WaitResult result)
    {
        if (wait.IsQueued)
        {
            queue.Dequeue(wait);
            return RestartErrno.ERESTARTNOHAND;
        }

        if (wait.Message is { } message)
        {
            return MessageQueueSyscalls.Store(context, message, buffer, (nuint)wait.Room);
        }

        // The queue has been changed: who may read it, and what is there, is looked at anew, by the call from its start.
        return wait.Error == Errno.EAGAIN ? RestartErrno.ERESTARTNOINTR : wait.Error;
    }
}
