using Semitone.Abi;
using Semitone.Core;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>An open end of a pipe, or an open fifo.</summary>
public sealed class OpenPipe : OpenFile
{
    private readonly Pipe _pipe;
    private readonly int _peerOpenCount;

    public OpenPipe(FifoInode inode, OpenFlags flags)
        : base(inode, flags)
    {
        _pipe = inode.GetPipe();
        _peerOpenCount = CanRead ? _pipe.WriterOpenCount : _pipe.ReaderOpenCount;
        bool hasPeer = CanRead ? _pipe.Writers != 0 : _pipe.Readers != 0;
        WaitsForPeer = !hasPeer && CanRead != CanWrite && !IsNonBlocking && inode.HasName;
        _pipe.AddUser(CanRead, CanWrite);
    }

    public Pipe Pipe => _pipe;

    /// <summary>True when open(2) must not return before somebody has opened the other end of the fifo.</summary>
    public bool IsOpening => WaitsForPeer && (CanRead ? _pipe.WriterOpenCount : _pipe.ReaderOpenCount) == _peerOpenCount;

    private bool WaitsForPeer { get; }

    public override bool AllowsDirect => true;

    public override IoResult Read(ref IoCursor destination)
    {
        IoResult result = _pipe.Read(ref destination);
        if (result.Bytes > 0)
        {
            Inode.TouchAccessed();
        }
        return result;
    }

    public override IoResult Write(ref IoCursor source)
    {
        IoResult result = _pipe.Write(ref source, arePackets: (Flags & OpenFlags.O_DIRECT) != 0);
        if (result.Bytes > 0)
        {
            Inode.TouchModified();
        }
        return result;
    }

    public override PollEvents Poll()
    {
        PollEvents events = PollEvents.None;
        if (CanRead)
        {
            events |= _pipe.Count != 0 ? PollEvents.POLLIN | PollEvents.POLLRDNORM : PollEvents.None;
            // Nobody has written yet: no hang-up, but nothing to read either (fifo(7)).
            events |= _pipe.Writers == 0 && _pipe.WriterOpenCount != _peerOpenCount ? PollEvents.POLLHUP : PollEvents.None;
        }
        if (CanWrite)
        {
            events |= _pipe.HasRoom ? PollEvents.POLLOUT | PollEvents.POLLWRNORM : PollEvents.None;
            events |= _pipe.Readers == 0 ? PollEvents.POLLERR : PollEvents.None;
        }
        return events;
    }

    public override void Enlist(IQueueMember waiter, PollEvents events)
    {
        if (CanRead)
        {
            waiter.Enlist(_pipe.Readable);
        }
        if (CanWrite)
        {
            waiter.Enlist(_pipe.Writable);
        }
    }

    protected internal override bool HasNews(int code) => code != SignalCode.POLL_IN || _pipe.Count != 0 || _pipe.Writers == 0;

    protected override bool TryGetSignalQueues(out WaitQueue? input, out WaitQueue? output)
    {
        input = CanRead ? _pipe.Readable : null;
        output = CanWrite ? _pipe.Writable : null;
        return true;
    }

    public override SysResult Control(IoctlRequest request, ulong argument, UserMemory memory)
    {
        if (request != IoctlRequest.FIONREAD)
        {
            return Errno.ENOTTY;
        }
        return memory.TryWrite(new UserPtr<int>(argument), _pipe.Count) ? SysResult.Success : Errno.EFAULT;
    }

    protected override void OnClosed() => _pipe.RemoveUser(CanRead, CanWrite);
}
