using System.Buffers.Binary;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>A counter to wait for (eventfd(2)).</summary>
public sealed class EventCounter(Inode inode, ulong value, bool isSemaphore, OpenFlags flags) : OpenFile(inode, flags)
{
    private const ulong Maximum = ulong.MaxValue - 1;

    private readonly WaitQueue _readable = new();
    private readonly WaitQueue _writable = new();
    private ulong _value = value;

    public override IoResult Read(ref IoCursor destination)
    {
        if (destination.Remaining < sizeof(ulong))
        {
            return Errno.EINVAL;
        }
        if (_value == 0)
        {
            return Errno.EAGAIN;
        }
        ulong taken = isSemaphore ? 1 : _value;
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, taken);
        _value -= taken;
        _writable.WakeAll();
        return destination.Write(bytes) == bytes.Length ? sizeof(ulong) : Errno.EFAULT;
    }

    public override IoResult Write(ref IoCursor source)
    {
        if (source.Remaining < sizeof(ulong))
        {
            return Errno.EINVAL;
        }
        IoCursor start = source;
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        if (source.Read(bytes) != bytes.Length)
        {
            return Errno.EFAULT;
        }
        ulong added = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        if (added > Maximum)
        {
            return Errno.EINVAL;
        }
        if (added > Maximum - _value)
        {
            // Nothing is taken: the next try reads the number again.
            source = start;
            return Errno.EAGAIN;
        }
        _value += added;
        _readable.WakeAll();
        return sizeof(ulong);
    }

    public override PollEvents Poll()
    {
        PollEvents events = _value != 0 ? PollEvents.POLLIN | PollEvents.POLLRDNORM : PollEvents.None;
        return _value < Maximum ? events | PollEvents.POLLOUT | PollEvents.POLLWRNORM : events;
    }

    /// <remarks>The offset stays where it is, and that is no error.</remarks>
    public override Errno Seek(long offset, SeekWhence origin, out long position)
    {
        position = 0;
        return Errno.None;
    }

    public override void Enlist(IQueueMember waiter, PollEvents events)
    {
        waiter.Enlist(_readable);
        waiter.Enlist(_writable);
    }
}
