using Semitone.Abi;
using Semitone.Core;
using Semitone.Memory;

namespace Semitone.Sockets;

/// <content>Messages into the queue of another socket, and out of this one's.</content>
public abstract partial class UnixSocket
{
    /// <summary>Puts a message that fits into the queue of another socket.</summary>
    /// <param name="length">Bytes to take from the source.</param>
    /// <param name="isWhole">Whether nothing is sent where the source cannot be read to its end.</param>
    /// <returns>None, ENOBUFS, or EFAULT.</returns>
    private protected Errno Deliver(ref IoCursor source, int length, bool isWhole, UnixSocket target, SocketMessage message)
    {
        PeerCredentials? credentials = message.Credentials;
        if (credentials is null && (PassesCredentials || target.PassesCredentials))
        {
            credentials = message.Caller?.Credentials;
        }

        MessageQueue queue = target.Queue;
        PassedFiles? files = message.Files;
        bool joins = !isWhole && files is null && CanJoin(queue, credentials);
        if (!joins && !(KernelHeap.HasRoom() && queue.TryReserve()))
        {
            return Errno.ENOBUFS;
        }

        if (files is not null)
        {
            System.Rights.Attach(files);
        }

        IoCursor start = source;
        int before = queue.Bytes.Count;
        Errno error = queue.Bytes.Append(ref source, length);
        int moved = queue.Bytes.Count - before;
        if (isWhole ? moved < length : moved == 0 && length != 0)
        {
            if (files is not null)
            {
                System.Rights.Detach(files);
            }

            queue.Bytes.Cut(moved);
            error = error == Errno.None ? Errno.EFAULT : error;
            if (isWhole)
            {
                source = start;
            }

            return error;
        }

        if (joins)
        {
            ref MessageRecord last = ref queue[queue.Count - 1];
            last.Length += moved;
            last.Charge += moved;
            _charge += moved;
        }
        else
        {
            message.Files = null;
            MessageRecord record = new()
            {
                Length = moved,
                Charge = moved + ChargePerMessage,
                Sender = this,
                From = Address,
                Credentials = credentials,
                Files = files,
            };
            queue.Add(in record);
            _charge += record.Charge;
        }

        target.Readable.WakeAll();
        return error;
    }

    /// <summary>Gives the oldest message to a call that receives, as a whole, and removes it unless the call only looks.</summary>
    private protected IoResult TakeMessage(ref IoCursor destination, SocketMessage message)
    {
        ref MessageRecord record = ref Queue[0];
        int wanted = (int)Math.Min(record.Length, destination.Remaining);
        IoCursor start = destination;
        if (Queue.Bytes.CopyTo(ref destination, 0, wanted) < wanted)
        {
            // Nothing has happened: the message can be read once more.
            bool isFaulted = destination.IsFaulted;
            destination = start;
            return isFaulted ? Errno.EFAULT : Errno.EAGAIN;
        }

        int whole = record.Length;
        if (!TryDescribe(ref record, message))
        {
            destination = start;
            return Errno.ENOMEM;
        }

        message.WholeLength = whole;
        message.Answer |= whole > wanted ? MessageFlags.MSG_TRUNC : MessageFlags.None;
        if (!message.IsPeek)
        {
            Consume(ref record, whole);
        }

        return (message.Flags & MessageFlags.MSG_TRUNC) != 0 ? whole : wanted;
    }

    /// <summary>Tells a call what belongs to a message, and gives it the open files.</summary>
    /// <returns>False when there is no memory for that.</returns>
    private protected bool TryDescribe(ref MessageRecord record, SocketMessage message)
    {
        if (record.Files is { } files)
        {
            if (message.IsPeek)
            {
                if (!KernelHeap.HasRoom())
                {
                    return false;
                }

                message.Files = files.Duplicate();
            }
            else
            {
                record.Files = null;
                System.Rights.Detach(files);
                message.Files = files;
            }
        }

        message.Credentials = record.Credentials;
        if (record.From is { } from)
        {
            message.SetName(from);
        }

        return true;
    }

    /// <summary>Takes bytes of the oldest message away, and the message with its last byte.</summary>
    private protected void Consume(ref MessageRecord record, int count)
    {
        UnixSocket? sender = record.Sender;
        bool isOver = count == record.Length;
        int charge = isOver ? record.Charge : count;
        record.Length -= count;
        record.Charge -= charge;
        Queue.Bytes.Drop(count);
        if (isOver)
        {
            Queue.RemoveFirst();
            Room.WakeAll();
        }

        sender?.Discharge(charge);
    }

    /// <summary>Empties the queue.</summary>
    private protected void Purge()
    {
        while (Queue.Count > 0)
        {
            ref MessageRecord record = ref Queue[0];
            PassedFiles? files = record.Files;
            UnixConnectionSocket? connection = record.Connection;
            record.Files = null;
            record.Connection = null;
            Consume(ref record, record.Length);
            files?.Release();
            connection?.Release();
        }

        Queue.Bytes.Clear();
    }

    /// <summary>Whether bytes of a stream may be added to the last message: they are of the same sender, who says the same.</summary>
    private bool CanJoin(MessageQueue queue, PeerCredentials? credentials)
    {
        if (queue.Count == 0)
        {
            return false;
        }

        ref MessageRecord last = ref queue[queue.Count - 1];
        return last.Sender == this && last.Files is null && last.Credentials == credentials && last.From == Address;
    }
}
