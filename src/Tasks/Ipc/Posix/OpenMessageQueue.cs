using System.Text;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;
using Semitone.Memory;

namespace Semitone.Tasks;

/// <summary>An open POSIX message queue: what a message queue descriptor stands for.</summary>
public sealed class OpenMessageQueue(PosixMessageQueue queue, OpenFlags flags) : OpenFile(queue, flags)
{
    public PosixMessageQueue Queue => queue;

    /// <inheritdoc/>
    public override bool IsSeekable => true;

    /// <inheritdoc/>
    /// <remarks>What is in the queue and who is notified, as text (mq_overview(7), "Mounting the message queue filesystem").</remarks>
    public override IoResult Read(ref IoCursor destination)
    {
        IoResult result = ReadAt(ref destination, Offset);
        Offset += result.Bytes;
        return result;
    }

    /// <inheritdoc/>
    public override IoResult ReadAt(ref IoCursor destination, long offset)
    {
        PosixMessageQueue.Notification? notified = queue.Notified;
        int method = (int)(notified?.Wanted.sigev_notify ?? 0);
        bool isSignal = notified?.Wanted.sigev_notify == SigEventNotify.SIGEV_SIGNAL;
        int signal = isSignal ? (int)notified!.Wanted.sigev_signo : 0;
        string text = string.Create(
            System.Globalization.CultureInfo.InvariantCulture,
            $"QSIZE:{queue.Bytes,-10} NOTIFY:{method,-5} SIGNO:{signal,-5} NOTIFY_PID:{notified?.Process.Pid ?? 0,-6}\n");
        byte[] bytes = Encoding.ASCII.GetBytes(text);
        if (offset < bytes.Length)
        {
            destination.Write(bytes.AsSpan((int)offset));
        }

        return destination.ToResult();
    }

    /// <inheritdoc/>
    public override Errno Seek(long offset, SeekWhence origin, out long position)
    {
        position = 0;
        long start = origin switch
        {
            SeekWhence.SEEK_SET => 0,
            SeekWhence.SEEK_CUR => Offset,
            SeekWhence.SEEK_END => queue.Size,
            _ => -1,
        };
        if (start < 0 || (offset > 0 && start > long.MaxValue - offset) || start + offset < 0)
        {
            return Errno.EINVAL;
        }

        Offset = start + offset;
        position = Offset;
        return Errno.None;
    }

    /// <inheritdoc/>
    public override PollEvents Poll()
    {
        PollEvents events = queue.Count != 0 ? PollEvents.POLLIN | PollEvents.POLLRDNORM : PollEvents.None;
        return queue.Count < queue.MaxMessages ? events | PollEvents.POLLOUT | PollEvents.POLLWRNORM : events;
    }

    /// <inheritdoc/>
    public override void Enlist(IQueueMember waiter, PollEvents events) => waiter.Enlist(queue.Changes);

    /// <inheritdoc/>
    /// <remarks>Whichever of its descriptors a process closes, it is not told of messages any more (mq_close(3)).</remarks>
    protected override void OnDescriptorClosed() => queue.ForgetNotification();
}
