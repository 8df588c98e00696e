using System.Globalization;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;

namespace Semitone.Sockets;

/// <summary>A socket of AF_UNIX (unix(7)).</summary>
/// <remarks>
/// A message lies in the queue of the socket that it was sent to, and the sender's buffer (SO_SNDBUF) is charged for it until it has been
/// read. So senders are held up one by one, and a receiver's memory is bounded by its senders'.
/// </remarks>
public abstract partial class UnixSocket : Socket
{
    /// <summary>What a message is charged besides its bytes, about as much as Linux charges.</summary>
    internal const int ChargePerMessage = 576;

    /// <summary>What Linux keeps of a buffer for itself when it says whether a datagram is too long.</summary>
    private const int Reserved = 32;

    private bool _isNamed;
    private int _charge;

    protected UnixSocket(SocketSystem system, FileCredentials owner, SocketType type)
        : base(system, owner, AddressFamily.AF_UNIX, type, 0)
    {
        Queue = new MessageQueue(system.Files.Frames);
    }

    /// <summary>What has come and has not been read.</summary>
    internal MessageQueue Queue { get; }

    /// <summary>Woken when there is room in the queue: for senders that the length of the queue holds up, and for connects.</summary>
    internal WaitQueue Room { get; } = new();

    /// <summary>The address; null without one. Never changed in place.</summary>
    internal byte[]? Address { get; private protected set; }

    /// <summary>What a path leads to that this socket is bound to.</summary>
    internal Inode? BoundInode { get; private set; }

    /// <summary>The next in the table of names.</summary>
    internal UnixSocket? NextNamed { get; set; }

    /// <summary>The other end.</summary>
    internal UnixSocket? Peer { get; private protected set; }

    internal bool IsClosed { get; private set; }

    /// <summary>Who made the other end connect or listen (SO_PEERCRED).</summary>
    internal PeerCredentials? RemoteCredentials { get; private protected set; }

    /// <summary>The process's number of whoever that was; 0 for nobody.</summary>
    public int PeerPid => RemoteCredentials?.Pid ?? 0;

    /// <summary>The supplementary groups of whoever that was (SO_PEERGROUPS).</summary>
    internal uint[] RemoteGroups { get; private protected set; } = [];

    /// <summary>How often it lies in a queue (<see cref="RightsInFlight"/>).</summary>
    internal int InFlight { get; set; }

    internal UnixSocket? NextInFlight { get; set; }

    internal UnixSocket? PreviousInFlight { get; set; }

    /// <summary>While circles are looked for: whether only sockets that lie in queues have it.</summary>
    internal bool IsUnreachable { get; set; }

    /// <summary>While circles are looked for: references that are in no queue of an unreachable socket.</summary>
    internal int OutsideCount { get; set; }

    internal UnixSocket? NextReached { get; set; }

    /// <summary>Whether poll(2) calls it writable: three quarters of the buffer are free.</summary>
    protected bool HasSendRoom => (long)_charge * 4 <= SendBufferSize;

    /// <summary>Bytes of the buffer that are charged; one message may go beyond the limit.</summary>
    protected int SendCharge => _charge;

    public override Errno Bind(ReadOnlySpan<byte> address, ISocketCaller caller)
    {
        Errno error = UnixAddress.Parse(address, out ReadOnlySpan<byte> path);
        if (error != Errno.None)
        {
            return error;
        }

        if (path.IsEmpty)
        {
            return Address is null ? BindAutomatically() : Errno.None;
        }

        if (Address is not null)
        {
            return Errno.EINVAL;
        }

        if (!System.UnixNames.TryPrepare() || !KernelHeap.HasRoom())
        {
            return Errno.ENOMEM;
        }

        byte[] name = UnixAddress.Make(path);
        if (UnixAddress.IsAbstract(path))
        {
            if (System.UnixNames.Find(name, Type) is not null)
            {
                return Errno.EADDRINUSE;
            }
        }
        else
        {
            error = caller.FileSystem.MakeSocket(path, Inode.Mode & Semitone.Files.Inode.PermissionMask, out Inode? inode);
            if (error != Errno.None)
            {
                return error == Errno.EEXIST ? Errno.EADDRINUSE : error;
            }

            BoundInode = inode;
            inode!.Retain();
        }

        SetName(name);
        return Errno.None;
    }

    public override Errno GetName(Span<byte> name, out int length)
    {
        length = WriteName(Address, name);
        return Errno.None;
    }

    public override Errno GetPeerName(Span<byte> name, out int length)
    {
        length = 0;
        if (Peer is null)
        {
            return Errno.ENOTCONN;
        }

        length = WriteName(Peer.Address, name);
        return Errno.None;
    }

    public override Errno Shutdown(ShutdownHow how)
    {
        if (how is < ShutdownHow.SHUT_RD or > ShutdownHow.SHUT_RDWR)
        {
            return Errno.EINVAL;
        }

        bool reads = how != ShutdownHow.SHUT_WR;
        bool writes = how != ShutdownHow.SHUT_RD;
        Shut(reads, writes);
        if (Type != SocketType.SOCK_DGRAM)
        {
            Peer?.Shut(writes, reads);
        }

        return Errno.None;
    }

    /// <summary>Lets all open files go that lie in the queue.</summary>
    internal void DropPassedFiles()
    {
        for (int i = 0; i < Queue.Count; i++)
        {
            ref MessageRecord record = ref Queue[i];
            PassedFiles? files = record.Files;
            record.Files = null;
            files?.Release();
            record.Connection?.DropPassedFiles();
        }
    }

    /// <summary>Tells this end that the other has turned to somebody else.</summary>
    internal void Reset()
    {
        PendingError = Errno.ECONNRESET;
        WakeAll();
    }

    /// <summary>Makes two sockets each other's end (socketpair(2)).</summary>
    internal static void Pair(UnixSocket first, UnixSocket second, ISocketCaller caller)
    {
        first.Pair(second, caller);
        second.Pair(first, caller);
    }

    private protected virtual void Pair(UnixSocket peer, ISocketCaller caller)
    {
        Peer = peer;
        RemoteCredentials = caller.Credentials;
        RemoteGroups = caller.Groups;
    }

    /// <summary>Finds the socket that has an address.</summary>
    /// <returns>None, ECONNREFUSED when nobody has it, EPROTOTYPE, or what stands in the way of a path.</returns>
    private protected Errno FindTarget(ReadOnlySpan<byte> address, ISocketCaller caller, out UnixSocket? target)
    {
        target = null;
        Errno error = UnixAddress.Parse(address, out ReadOnlySpan<byte> path);
        if (error != Errno.None)
        {
            return error;
        }

        if (path.IsEmpty)
        {
            return Errno.EINVAL;
        }

        if (UnixAddress.IsAbstract(path))
        {
            target = System.UnixNames.Find(address, Type);
            return target is null ? Errno.ECONNREFUSED : Errno.None;
        }

        FileSystemContext files = caller.FileSystem;
        error = files.Find(files.WorkingDirectory, path, follow: true, out Inode? inode);
        if (error == Errno.None)
        {
            error = files.Credentials.Check(inode!, AccessMode.W_OK);
        }

        if (error != Errno.None)
        {
            return error;
        }

        target = inode!.Type == Mode.S_IFSOCK ? System.UnixNames.Find(inode) : null;
        if (target is null)
        {
            return Errno.ECONNREFUSED;
        }

        return target.Type == Type ? Errno.None : Errno.EPROTOTYPE;
    }

    /// <summary>Takes an abstract name of five digits that nobody has (unix(7), "Autobind feature").</summary>
    private protected Errno BindAutomatically()
    {
        const int NameCount = 0x10_0000;
        if (!System.UnixNames.TryPrepare() || !KernelHeap.HasRoom())
        {
            return Errno.ENOMEM;
        }

        byte[] name = UnixAddress.Make("\0     "u8);
        int first = (int)(System.Files.Random.NextUInt64() % NameCount);
        for (int i = 0; i < NameCount; i++)
        {
            int number = (first + i) % NameCount;
            number.TryFormat(name.AsSpan(UnixAddress.PathOffset + 1), out _, "x5", CultureInfo.InvariantCulture);
            if (System.UnixNames.Find(name, Type) is null)
            {
                SetName(name);
                return Errno.None;
            }
        }

        return Errno.ENOSPC;
    }

    /// <summary>Notes that directions are shut, and tells whoever waits.</summary>
    private protected void Shut(bool reads, bool writes)
    {
        IsReadShut |= reads;
        IsWriteShut |= writes;
        WakeAll();
        Room.WakeAll();
    }

    private protected Errno CheckLength(long length) => length > SendBufferSize - Reserved ? Errno.EMSGSIZE : Errno.None;

    /// <summary>Whoever is left may be queues only, of sockets that nobody can reach.</summary>
    protected override void OnReferenceDropped()
    {
        if (InFlight != 0 && References == InFlight)
        {
            System.Rights.Collect();
        }
    }

    protected override void OnClosed()
    {
        IsClosed = true;
        if (_isNamed)
        {
            _isNamed = false;
            System.UnixNames.Remove(this);
        }

        OnClosing();
        Purge();
        BoundInode?.Release();
        BoundInode = null;
        Room.WakeAll();
        System.Rights.Collect();
    }

    /// <summary>Tells the other end.</summary>
    private protected abstract void OnClosing();

    private protected static int WriteName(byte[]? address, Span<byte> name)
    {
        if (address is null)
        {
            return UnixAddress.WriteUnnamed(name);
        }

        address.CopyTo(name);
        return address.Length;
    }

    protected override Errno GetQueuedBytes(out int count)
    {
        count = _charge;
        return IsListening ? Errno.EINVAL : Errno.None;
    }

    private void SetName(byte[] name)
    {
        Address = name;
        _isNamed = true;
        System.UnixNames.Add(this);
    }

    private void Discharge(int charge)
    {
        _charge -= charge;
        if (HasSendRoom)
        {
            Writable.WakeAll();
        }
    }
}
