using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;

namespace Semitone.Tasks;

/// <summary>A POSIX message queue (mq_overview(7)): a file of the mqueue file system.</summary>
/// <remarks>
/// A message goes straight to a receiver that waits, and the place of one that is taken to a sender that does: in the order that they came.
/// </remarks>
public sealed class PosixMessageQueue : Inode
{
    private readonly MqueueFileSystem _fileSystem;
    private readonly List<PosixMessageWait> _senders = [];
    private readonly List<PosixMessageWait> _receivers = [];
    private PosixMessage? _first;
    private Notification? _notification;

    internal PosixMessageQueue(MqueueFileSystem fileSystem, Mode mode, long maxMessages, long maxSize, long chargedBytes, uint owner)
        : base(fileSystem, fileSystem.NextInodeNumber(), Mode.S_IFREG | mode)
    {
        _fileSystem = fileSystem;
        MaxMessages = maxMessages;
        MaxSize = maxSize;
        ChargedBytes = chargedBytes;
        ChargedUser = owner;
        SetTimes(fileSystem.NowNs);
    }

    /// <summary>Messages that there may be.</summary>
    public long MaxMessages { get; }

    /// <summary>Bytes that a message may have.</summary>
    public long MaxSize { get; }

    /// <summary>Messages that there are.</summary>
    public long Count { get; private set; }

    /// <summary>Bytes of all messages.</summary>
    public long Bytes { get; private set; }

    /// <inheritdoc/>
    public override long Size => 80;

    /// <summary>Woken when the queue becomes ready for something.</summary>
    internal WaitQueue Changes { get; } = new();

    /// <summary>What it counts against RLIMIT_MSGQUEUE, and whose.</summary>
    internal long ChargedBytes { get; }

    internal uint ChargedUser { get; }

    /// <summary>Who is to be told of the next message; null for nobody.</summary>
    internal Notification? Notified => _notification;

    /// <inheritdoc/>
    public override Errno Open(OpenFlags flags, out OpenFile? file)
    {
        file = new OpenMessageQueue(this, flags);
        return Errno.None;
    }

    /// <summary>Sends a message, if there is room for it or somebody waits for one.</summary>
    /// <returns>False when the queue is full.</returns>
    public bool TrySend(PosixMessage message, GuestThread sender)
    {
        if (Count >= MaxMessages)
        {
            return false;
        }

        if (_receivers.Count != 0)
        {
            PosixMessageWait wait = _receivers[0];
            wait.Message = message;
            Serve(_receivers, wait);
        }
        else
        {
            Insert(message);
            Notify(sender);
            Changes.WakeAll();
        }

        TouchModified();
        return true;
    }

    /// <summary>Takes the oldest of the messages with the highest priority.</summary>
    /// <returns>Null when there is none.</returns>
    public PosixMessage? TryReceive()
    {
        PosixMessage? message = _first;
        if (message is null)
        {
            return null;
        }

        _first = message.Next;
        message.Next = null;
        Count--;
        Bytes -= message.Data.Length;
        if (_senders.Count != 0)
        {
            PosixMessageWait wait = _senders[0];
            Insert(wait.Message!);
            Serve(_senders, wait);
        }

        Changes.WakeAll();
        TouchModified();
        return message;
    }

    /// <summary>Lets a sender or a receiver wait.</summary>
    /// <returns>False when the kernel's heap has no room for it.</returns>
    public bool TryEnqueue(PosixMessageWait wait)
    {
        List<PosixMessageWait> list = wait.Message is null ? _receivers : _senders;
        bool hasRoom = KernelHeap.HasRoom() && KernelHeap.TryReserve(list, IntPtr.Size);
        if (hasRoom)
        {
            list.Add(wait);
        }

        return hasRoom;
    }

    public void Dequeue(PosixMessageWait wait)
    {
        wait.IsQueued = false;
        _ = _senders.Remove(wait) || _receivers.Remove(wait);
    }

    /// <summary>Asks to be told of the next message that comes into the empty queue (mq_notify(2)).</summary>
    /// <returns>None, or EBUSY when somebody has asked already.</returns>
    public Errno SetNotification(Process process, in SigEvent wanted)
    {
        if (_notification is { Process.HasEnded: false })
        {
            return Errno.EBUSY;
        }

        _notification = new Notification(process, wanted);
        TouchAccessed();
        return Errno.None;
    }

    /// <summary>Gives up what the calling process has asked for, if it has.</summary>
    public void ForgetNotification()
    {
        if (_notification is not null && _notification.Process == _fileSystem.System.CallingThread?.Process)
        {
            _notification = null;
        }
    }

    /// <inheritdoc/>
    protected override void Evict()
    {
        _first = null;
        _fileSystem.OnEvicted(this);
    }

    private static void Serve(List<PosixMessageWait> list, PosixMessageWait wait)
    {
        wait.IsQueued = false;
        list.Remove(wait);
        wait.Thread.Waiter.TryWake();
    }

    private void Insert(PosixMessage message)
    {
        PosixMessage? before = null;
        for (PosixMessage? other = _first; other is not null && other.Priority >= message.Priority; other = other.Next)
        {
            before = other;
        }

        if (before is null)
        {
            message.Next = _first;
            _first = message;
        }
        else
        {
            message.Next = before.Next;
            before.Next = message;
        }

        Count++;
        Bytes += message.Data.Length;
    }

    /// <summary>Tells whoever asked of the first message in the queue; once, and then asks no more.</summary>
    private void Notify(GuestThread sender)
    {
        if (_notification is not { } notification || Count != 1)
        {
            return;
        }

        _notification = null;
        if (notification.Wanted.sigev_notify == SigEventNotify.SIGEV_SIGNAL && SignalHandlers.IsValid(notification.Wanted.sigev_signo))
        {
            SigInfo info = new()
            {
                si_signo = notification.Wanted.sigev_signo,
                si_code = SignalCode.SI_MESGQ,
                si_pid = sender.Process.Pid,
                si_uid = sender.Credentials.RealUserId,
                si_value = notification.Wanted.sigev_value,
            };
            _ = notification.Process.Send(in info);
        }
    }

    /// <summary>Who is to be told of a message, and how.</summary>
    internal sealed record Notification(Process Process, SigEvent Wanted);
}
