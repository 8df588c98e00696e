using System.Diagnostics.CodeAnalysis;
using Semitone.Abi;
using Semitone.Core;

namespace Semitone.Tasks;

/// <summary>A message of System V IPC.</summary>
public sealed class Message(long type, byte[] data)
{
    public long Type { get; } = type;

    public byte[] Data { get; } = data;

    public Message? Next { get; set; }
}

/// <summary>Which messages a receiver takes (msgrcv(2)).</summary>
public readonly record struct MessageFilter(long Type, MessageQueueFlags Flags)
{
    /// <summary>Tells whether a message is one of them. With a negative type the lowest one of several is taken.</summary>
    public bool Accepts(long type) => Type switch
    {
        0 => true,
        < 0 => type <= -Math.Max(Type, -long.MaxValue),
        _ => (type == Type) == ((Flags & MessageQueueFlags.MSG_EXCEPT) == 0),
    };
}

/// <summary>A call of msgrcv(2) that waits.</summary>
public sealed class MessageWait(GuestThread thread, MessageFilter filter, ulong room)
{
    public GuestThread Thread { get; } = thread;

    public MessageFilter Filter { get; } = filter;

    /// <summary>Bytes that it takes at most, unless it lets the rest go.</summary>
    public ulong Room { get; } = room;

    /// <summary>Whether nobody has decided yet.</summary>
    public bool IsQueued { get; set; } = true;

    /// <summary>What it got.</summary>
    public Message? Message { get; set; }

    /// <summary>What the call answers that got nothing.</summary>
    public Errno Error { get; set; }
}

/// <summary>A message queue (msgget(2)).</summary>
/// <remarks>A message goes straight to a receiver that waits for it, the one that came first; nobody can be faster.</remarks>
public sealed class MessageQueue : IpcObject
{
    private readonly SystemState _system;
    private readonly List<MessageWait> _receivers = [];
    private Message? _first;
    private Message? _last;

    internal MessageQueue(int key, uint mode, GuestThread maker)
        : base(key, mode, maker)
    {
        _system = maker.Process.System;
    }

    /// <summary>Bytes in it.</summary>
    public ulong Bytes { get; private set; }

    /// <summary>Messages in it.</summary>
    public ulong Count { get; private set; }

    /// <summary>Bytes that there may be.</summary>
    public ulong MaxBytes { get; private set; } = IpcSystem.DefaultQueueSize;

    public int LastSender { get; private set; }

    public int LastReceiver { get; private set; }

    public long SentSeconds { get; private set; }

    public long ReceivedSeconds { get; private set; }

    public bool IsRemoved { get; private set; }

    /// <summary>Woken when there is room, or when there will be none.</summary>
    public WaitQueue Senders { get; } = new();

    /// <summary>Sets how much it may hold, and lets everybody look again (IPC_SET).</summary>
    public void SetMaxBytes(ulong bytes)
    {
        MaxBytes = bytes;
        DecideAll(Errno.EAGAIN);
        Senders.WakeAll();
    }

    /// <summary>Adds a message, or hands it to a receiver.</summary>
    /// <returns>False when there is no room for it.</returns>
    public bool TrySend(Message message, Process sender)
    {
        if (!TryHandOver(message))
        {
            ulong size = (ulong)message.Data.Length;
            if (Bytes + size > MaxBytes || Count + 1 > MaxBytes)
            {
                return false;
            }

            if (_last is null)
            {
                _first = message;
            }
            else
            {
                _last.Next = message;
            }

            _last = message;
            Bytes += size;
            Count++;
        }

        LastSender = sender.Pid;
        SentSeconds = GetSeconds(_system);
        return true;
    }

    /// <summary>Takes a message.</summary>
    /// <returns>None; E2BIG when it is longer than <paramref name="room"/>, and stays; EAGAIN when there is none.</returns>
    public Errno TryReceive(MessageFilter filter, ulong room, Process receiver, out Message? message)
    {
        message = Find(filter, out Message? previous);
        if (message is null)
        {
            return Errno.EAGAIN;
        }

        if ((ulong)message.Data.Length > room && (filter.Flags & MessageQueueFlags.MSG_NOERROR) == 0)
        {
            return Errno.E2BIG;
        }

        if (previous is null)
        {
            _first = message.Next;
        }
        else
        {
            previous.Next = message.Next;
        }

        _last = message == _last ? previous : _last;
        message.Next = null;
        Bytes -= (ulong)message.Data.Length;
        Count--;
        NoteReceived(receiver);
        Senders.WakeAll();
        return Errno.None;
    }

    /// <summary>Gets a message by its place (MSG_COPY).</summary>
    public bool TryGet(long index, [NotNullWhen(true)] out Message? message)
    {
        message = index < 0 ? null : _first;
        for (; message is not null && index > 0; index--)
        {
            message = message.Next;
        }

        return message is not null;
    }

    /// <summary>Lets a receiver wait.</summary>
    /// <returns>False when the kernel's heap has no room for it.</returns>
    public bool TryEnqueue(MessageWait wait)
    {
        bool hasRoom = KernelHeap.TryReserve(_receivers, IntPtr.Size);
        if (hasRoom)
        {
            _receivers.Add(wait);
        }

        return hasRoom;
    }

    public void Dequeue(MessageWait wait)
    {
        wait.IsQueued = false;
        _receivers.Remove(wait);
    }

    /// <inheritdoc/>
    internal override void OnRemoved()
    {
        IsRemoved = true;
        _first = null;
        _last = null;
        DecideAll(Errno.EIDRM);
        Senders.WakeAll();
    }

    private bool TryHandOver(Message message)
    {
        for (int i = 0; i < _receivers.Count;)
        {
            MessageWait wait = _receivers[i];
            if (!wait.Filter.Accepts(message.Type))
            {
                i++;
                continue;
            }

            bool fits = (ulong)message.Data.Length <= wait.Room || (wait.Filter.Flags & MessageQueueFlags.MSG_NOERROR) != 0;
            Dequeue(wait);
            wait.Message = fits ? message : null;
            wait.Error = fits ? Errno.None : Errno.E2BIG;
            wait.Thread.Waiter.TryWake();
            if (fits)
            {
                NoteReceived(wait.Thread.Process);
                return true;
            }
        }

        return false;
    }

    private void DecideAll(Errno error)
    {
        while (_receivers.Count != 0)
        {
            MessageWait wait = _receivers[0];
            Dequeue(wait);
            wait.Error = error;
            wait.Thread.Waiter.TryWake();
        }
    }

    private void NoteReceived(Process receiver)
    {
        LastReceiver = receiver.Pid;
        ReceivedSeconds = GetSeconds(_system);
    }

    private Message? Find(MessageFilter filter, out Message? previous)
    {
        Message? found = null;
        Message? before = null;
        previous = null;
        for (Message? message = _first; message is not null; before = message, message = message.Next)
        {
            if (filter.Accepts(message.Type) && (found is null || message.Type < found.Type))
            {
                found = message;
                previous = before;
                if (filter.Type >= 0 || message.Type == 1)
                {
                    break;
                }
            }
        }

        return found;
    }
}
