using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;
using Semitone.Memory;

namespace Semitone.Sockets;

/// <summary>An end of communication (socket(2)), of whatever family.</summary>
/// <remarks>
/// Like every open file it never waits: what would have to answers EAGAIN (a connect that has only begun: EINPROGRESS), and the system
/// calls wait in the queues that <see cref="Enlist"/> names.
/// </remarks>
public abstract partial class Socket : OpenFile
{
    protected const PollEvents ReadEvents = PollEvents.POLLIN | PollEvents.POLLRDNORM;
    protected const PollEvents WriteEvents = PollEvents.POLLOUT | PollEvents.POLLWRNORM;

    /// <summary>What only somebody who reads wants to know.</summary>
    private const PollEvents ReadInterest =
        ReadEvents | PollEvents.POLLRDHUP | PollEvents.POLLPRI | PollEvents.POLLRDBAND | PollEvents.POLLMSG;

    private const PollEvents WriteInterest = WriteEvents | PollEvents.POLLWRBAND;

    protected Socket(SocketSystem system, FileCredentials owner, AddressFamily family, SocketType type, int protocol)
        : base(system.FileSystem.CreateInode(owner), OpenFlags.O_RDWR)
    {
        System = system;
        Family = family;
        Type = type;
        Protocol = protocol;
    }

    public SocketSystem System { get; }

    public AddressFamily Family { get; }

    public SocketType Type { get; }

    public int Protocol { get; }

    /// <summary>Bytes without bounds between them, on a connection.</summary>
    public virtual bool IsStream => Type == SocketType.SOCK_STREAM;

    /// <summary>Whether connections are accepted here (listen(2)).</summary>
    public virtual bool IsListening => false;

    /// <summary>Which directions have been shut down (shutdown(2)), by this side or, for reading, by the other.</summary>
    public bool IsReadShut { get; protected set; }

    public bool IsWriteShut { get; protected set; }

    /// <summary>The error that the next call is told, or SO_ERROR.</summary>
    public Errno PendingError { get; protected set; }

    /// <summary>Woken when there is something to read, and when there never will be.</summary>
    internal WaitQueue Readable { get; } = new();

    /// <summary>Woken when there is room to write, and when there never will be.</summary>
    internal WaitQueue Writable { get; } = new();

    public override long ReadTimeoutNs => ReceiveTimeoutNs;

    public override long WriteTimeoutNs => SendTimeoutNs;

    public override bool TimedTransfersRestart => false;

    public override bool SignalsBrokenPipe => IsStream;

    /// <summary>Gives the socket an address (bind(2)).</summary>
    public abstract Errno Bind(ReadOnlySpan<byte> address, ISocketCaller caller);

    /// <summary>Begins to accept connections (listen(2)).</summary>
    public virtual Errno Listen(int backlog, ISocketCaller caller) => Errno.EOPNOTSUPP;

    /// <summary>Takes the next connection (accept(2)): EAGAIN where there is none.</summary>
    public virtual Errno Accept(out Socket? connection)
    {
        connection = null;
        return Errno.EOPNOTSUPP;
    }

    /// <summary>Connects, or begins to (connect(2)).</summary>
    /// <returns>None; EINPROGRESS or EAGAIN where <see cref="ContinueConnect"/> is to be asked; what went wrong.</returns>
    public abstract Errno Connect(ReadOnlySpan<byte> address, ISocketCaller caller);

    /// <summary>Goes on with what <see cref="Connect"/> has begun; answers as that does.</summary>
    public virtual Errno ContinueConnect(ISocketCaller caller) => Errno.None;

    /// <summary>Joins the queues that are woken when <see cref="ContinueConnect"/> may know more.</summary>
    public virtual void EnlistForConnect(IQueueMember waiter) => waiter.Enlist(Writable);

    /// <summary>What a connect is told that does not want to wait, or no longer: EINPROGRESS and EAGAIN by its family.</summary>
    public virtual Errno ConnectTimeoutError => Errno.EINPROGRESS;

    /// <summary>Tells the socket's own address (getsockname(2)).</summary>
    /// <param name="name">128 bytes.</param>
    /// <param name="length">Bytes of the address.</param>
    public abstract Errno GetName(Span<byte> name, out int length);

    /// <summary>Tells the address of the other end (getpeername(2)).</summary>
    public abstract Errno GetPeerName(Span<byte> name, out int length);

    /// <summary>Sends.</summary>
    /// <returns>EAGAIN when there was no room for (all of) it.</returns>
    public abstract IoResult Send(ref IoCursor source, SocketMessage message);

    /// <summary>Receives.</summary>
    /// <returns>Bytes that were moved; 0 at the end of a stream; EAGAIN when there is nothing.</returns>
    public abstract IoResult Receive(ref IoCursor destination, SocketMessage message);

    /// <summary>Takes a control message that a program sends along, of another level than SOL_SOCKET.</summary>
    /// <returns>None, also for a level that the family ignores; EINVAL.</returns>
    public virtual Errno TakeControl(SocketLevel level, int type, ReadOnlySpan<byte> data, SocketMessage message) => Errno.None;

    /// <summary>Ends one direction or both (shutdown(2)).</summary>
    public abstract Errno Shutdown(ShutdownHow how);

    public override IoResult Read(ref IoCursor destination)
    {
        if (destination.Remaining == 0)
        {
            return destination.ToResult();
        }

        SocketMessage message = System.Scratch;
        message.Begin(MessageFlags.None, null);
        IoResult result = Receive(ref destination, message);
        message.DropFiles();
        return result;
    }

    public override IoResult Write(ref IoCursor source)
    {
        SocketMessage message = System.Scratch;
        message.Begin(Type == SocketType.SOCK_SEQPACKET ? MessageFlags.MSG_EOR : MessageFlags.None, System.Caller);
        return Send(ref source, message);
    }

    public override IoResult ReadAfterTimeout(ref IoCursor destination) => Errno.EAGAIN;

    public override void Enlist(IQueueMember waiter, PollEvents events)
    {
        bool reads = (events & ReadInterest) != 0;
        bool writes = (events & WriteInterest) != 0;

        // Who wants to know of errors only hears of both.
        if (reads || !writes)
        {
            waiter.Enlist(Readable);
        }

        if (writes || !reads)
        {
            waiter.Enlist(Writable);
        }
    }

    public override SysResult Control(IoctlRequest request, ulong argument, UserMemory memory)
    {
        int value;
        if (InterfaceControl.IsKnown(request))
        {
            return System.TryGetNetwork(out Network? network)
                ? InterfaceControl.Serve(network.Stack, request, argument, memory, Family == AddressFamily.AF_INET)
                : Errno.ENOBUFS;
        }

        switch (request)
        {
            case IoctlRequest.FIONREAD:
                Errno error = GetReadableBytes(out value);
                if (error != Errno.None)
                {
                    return error;
                }

                break;
            case IoctlRequest.TIOCOUTQ:
                error = GetQueuedBytes(out value);
                if (error != Errno.None)
                {
                    return error;
                }

                break;
            default:
                return Errno.ENOTTY;
        }

        return memory.TryWrite(new UserPtr<int>(argument), value) ? SysResult.Success : Errno.EFAULT;
    }

    /// <summary>Bytes that a read would get (FIONREAD).</summary>
    protected virtual Errno GetReadableBytes(out int count)
    {
        count = 0;
        return Errno.ENOTTY;
    }

    /// <summary>Bytes that have been sent and not yet taken by the other end (SIOCOUTQ in unix(7) and tcp(7)).</summary>
    protected virtual Errno GetQueuedBytes(out int count)
    {
        count = 0;
        return Errno.ENOTTY;
    }

    protected override bool TryGetSignalQueues(out WaitQueue? input, out WaitQueue? output)
    {
        input = Readable;
        output = Writable;
        return true;
    }

    /// <summary>Takes the error that waits to be told.</summary>
    protected internal virtual Errno TakeError()
    {
        Errno error = PendingError;
        PendingError = Errno.None;
        return error;
    }

    /// <summary>Wakes everybody: the state has changed.</summary>
    protected void WakeAll()
    {
        Readable.WakeAll();
        Writable.WakeAll();
    }
}
