using Semitone.Abi;
using Semitone.Core;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>An open file description (open(2)): what descriptors, also of several processes, stand for.</summary>
/// <remarks>
/// Never waits: a transfer that would have to answers EAGAIN, and who wants to wait enlists (<see cref="Enlist"/>), looks at
/// <see cref="Poll"/> and tries again. The layer of the system calls does so in one place.
/// A descriptor is one reference; the last one released closes the file.
/// </remarks>
public abstract class OpenFile
{
    /// <summary>The status flags that F_SETFL may change of every file (fcntl(2)).</summary>
    public const OpenFlags ChangeableFlags = OpenFlags.O_APPEND | OpenFlags.O_DIRECT | OpenFlags.O_NOATIME | OpenFlags.O_NONBLOCK;

    private int _references = 1;

    protected OpenFile(Inode inode, OpenFlags flags)
    {
        Inode = inode;
        Begin(flags);
    }

    public Inode Inode { get; }

    /// <summary>Access mode and status flags, as F_GETFL tells them.</summary>
    public OpenFlags Flags { get; private set; }

    /// <summary>The first of the epoll instances that watch this file: they forget it when it is closed.</summary>
    internal EpollItem? FirstEpollItem { get; set; }

    public bool CanRead { get; protected set; }

    public bool CanWrite { get; protected set; }

    public bool IsNonBlocking => (Flags & OpenFlags.O_NONBLOCK) != 0;

    public bool IsAppending => (Flags & OpenFlags.O_APPEND) != 0;

    /// <summary>Opened with O_PATH: stands for a place only.</summary>
    public bool IsPathOnly => (Flags & OpenFlags.O_PATH) != 0;

    /// <summary>Has an offset that lseek(2) moves, and pread(2).</summary>
    public virtual bool IsSeekable => false;

    /// <summary>Where the next transfer starts.</summary>
    public long Offset { get; protected set; }

    /// <summary>Whether the open(2) that made this made the file too (F_CREATED_QUERY).</summary>
    public bool HasCreatedFile { get; set; }

    /// <summary>What can be mapped; null when nothing can.</summary>
    public virtual MemoryObject? Mappable => null;

    /// <summary>What mmap(2) answers where nothing can be mapped.</summary>
    public virtual Errno MapError => Errno.ENODEV;

    /// <summary>Whether a mapping that others see may be written: a seal may forbid it.</summary>
    public virtual bool AllowsSharedWriting => true;

    /// <summary>What mmap(2) answers where <see cref="AllowsSharedWriting"/> is false.</summary>
    public virtual Errno SharedWritingError => Errno.EPERM;

    /// <summary>A mapping of this file is anonymous memory, as that of /dev/zero is (mem(4)).</summary>
    public virtual bool MapsAnonymousMemory => false;

    /// <summary>Descriptors, and whoever else keeps the file open.</summary>
    public int References => _references;

    public void AddReference() => _references++;

    /// <summary>Drops a reference; the last one closes the file.</summary>
    public void Release()
    {
        if (--_references == 0)
        {
            while (FirstEpollItem is not null)
            {
                FirstEpollItem.Remove();
            }
            if (!IsPathOnly)
            {
                Inode.Notify(CanWrite ? InotifyMask.IN_CLOSE_WRITE : InotifyMask.IN_CLOSE_NOWRITE);
            }
            Inode.Locks?.ReleaseAll(this);
            Signals?.Stop();
            Signals = null;
            OnClosed();
            Inode.Release();
        }
        else
        {
            OnReferenceDropped();
        }
    }

    /// <summary>Makes a closed description stand for another open(2) of its file.</summary>
    internal void Reopen(OpenFlags flags)
    {
        _references = 1;
        Offset = 0;
        Begin(flags);
    }

    /// <summary>Sets the changeable status flags (F_SETFL).</summary>
    public virtual Errno SetFlags(OpenFlags flags)
    {
        Flags = (Flags & ~ChangeableFlags) | (flags & ChangeableFlags);
        return Errno.None;
    }

    /// <summary>Begins or ends sending signals (O_ASYNC in fcntl(2)); nothing where that is so already.</summary>
    /// <param name="fd">The descriptor that signals are to name.</param>
    /// <returns>None; ENOTTY where the file has no signals; ENOMEM.</returns>
    public Errno SetAsync(Fd fd, bool isOn)
    {
        if (((Flags & OpenFlags.O_ASYNC) != 0) == isOn)
        {
            return Errno.None;
        }

        if (!TryGetSignalQueues(out WaitQueue? input, out WaitQueue? output))
        {
            return Errno.ENOTTY;
        }

        if (!isOn)
        {
            // As on Linux, a flag that open(2) was given stays: it goes with what it stands for, and that is not there.
            Flags = Signals is { IsStarted: true } ? Flags & ~OpenFlags.O_ASYNC : Flags;
            Signals?.Stop();
            return Errno.None;
        }

        Errno error = KernelHeap.HasRoom() ? GetSignals().Start(this, fd, input, output) : Errno.ENOMEM;
        Flags = error == Errno.None ? Flags | OpenFlags.O_ASYNC : Flags;
        return error;
    }

    /// <summary>Who gets the signals of a file whose owner nobody has set; 0 for nobody.</summary>
    public virtual int DefaultOwnerGroup => 0;

    /// <summary>Gets the queues at whose wakes signals are sent.</summary>
    /// <returns>False for a file that has no signals.</returns>
    protected virtual bool TryGetSignalQueues(out WaitQueue? input, out WaitQueue? output)
    {
        input = null;
        output = null;
        return false;
    }

    /// <summary>Tells whether a wake was one that a signal is sent for: some say only that somebody should look again.</summary>
    /// <param name="code">POLL_IN or POLL_OUT.</param>
    [NonAllocating]
    protected internal virtual bool HasNews(int code) => true;

    /// <summary>Whether O_DIRECT means something for the file: transfers without a copy, or packets.</summary>
    public virtual bool AllowsDirect => false;

    /// <summary>Who gets its signals, and which; null where nobody asked for any.</summary>
    public FileSignals? Signals { get; private set; }

    /// <summary>Gets the place for owner and signal.</summary>
    public FileSignals GetSignals() => Signals ??= new FileSignals();

    /// <summary>Reads from the offset and moves it. The caller has checked <see cref="CanRead"/>.</summary>
    public virtual IoResult Read(ref IoCursor destination) => Errno.EINVAL;

    /// <summary>Writes at the offset and moves it. The caller has checked <see cref="CanWrite"/>.</summary>
    public virtual IoResult Write(ref IoCursor source) => Errno.EINVAL;

    /// <summary>Reads from a place, whatever the offset is.</summary>
    public virtual IoResult ReadAt(ref IoCursor destination, long offset) => Errno.ESPIPE;

    /// <summary>Writes to a place, whatever the offset is; a file that appends appends (pwrite(2), "Bugs").</summary>
    public virtual IoResult WriteAt(ref IoCursor source, long offset) => Errno.ESPIPE;

    /// <summary>Moves the offset (lseek(2)).</summary>
    public virtual Errno Seek(long offset, SeekWhence origin, out long position)
    {
        position = 0;
        return Errno.ESPIPE;
    }

    /// <summary>Fills in what fstat(2) tells.</summary>
    public virtual void GetAttributes(out Stat stat) => Inode.GetAttributes(out stat);

    /// <summary>Tells what the file is ready for; POLLERR and POLLHUP whether asked for or not.</summary>
    public virtual PollEvents Poll() =>
        PollEvents.POLLIN | PollEvents.POLLOUT | PollEvents.POLLRDNORM | PollEvents.POLLWRNORM;

    /// <summary>Joins the queues that are woken when the file becomes ready. A file that is always ready has none.</summary>
    public virtual void Enlist(IQueueMember waiter, PollEvents events)
    {
    }

    /// <summary>
    /// When a read that waits gives up and answers 0, in nanoseconds from now; <see cref="long.MaxValue"/> for never (VTIME in termios(3)).
    /// </summary>
    public virtual long ReadTimeoutNs => long.MaxValue;

    /// <summary>When a write that waits gives up with EAGAIN, in nanoseconds from now (SO_SNDTIMEO in socket(7)).</summary>
    public virtual long WriteTimeoutNs => long.MaxValue;

    /// <summary>
    /// Whether a signal that interrupts a transfer with a timeout ends it for good, as that of a socket (signal(7), "Interruption of system
    /// calls").
    /// </summary>
    public virtual bool TimedTransfersRestart => true;

    /// <summary>Whether EPIPE comes with SIGPIPE (pipe(7), unix(7)).</summary>
    public virtual bool SignalsBrokenPipe => true;

    /// <summary>Ends a read that has waited for <see cref="ReadTimeoutNs"/>.</summary>
    public virtual IoResult ReadAfterTimeout(ref IoCursor destination) => 0;

    /// <summary>False for what is always ready, as regular files and directories are: epoll(7) refuses those.</summary>
    public virtual bool IsPollable => true;

    /// <summary>Serves a request of ioctl(2) that this kind of file knows.</summary>
    public virtual SysResult Control(IoctlRequest request, ulong argument, UserMemory memory) => Errno.ENOTTY;

    /// <summary>Adds the lines of /proc/PID/fdinfo/N that only such a file has (proc(5)).</summary>
    public virtual void Describe(TextBuilder text)
    {
    }

    /// <summary>Steps through a directory's entries, "." and ".." included.</summary>
    /// <param name="nextOffset">What seeks to the entry after this one.</param>
    /// <returns>False at the end.</returns>
    public virtual bool TryGetEntry(out DirectoryEntry entry, out long nextOffset)
    {
        entry = default;
        nextOffset = 0;
        return false;
    }

    /// <summary>Why <see cref="TryGetEntry"/> had no entry.</summary>
    /// <returns>None at the end, <see cref="InternalErrno.MustWait"/>, or what kept the entries away.</returns>
    public virtual Errno EntriesError => Errno.None;

    /// <summary>
    /// Takes the change that a transfer has begun which answered <see cref="InternalErrno.MustWait"/>: how many of its bytes were written
    /// is known at its end. Null where the transfer only lacks pages.
    /// </summary>
    public virtual PendingChange? TakeTransfer() => null;

    /// <summary>Moves the offset back over bytes that were not written after all.</summary>
    public void TakeBack(long bytes) => Offset -= bytes;

    /// <summary>Moves a directory's offset past entries that were handed out.</summary>
    public virtual void CommitEntries(long nextOffset) => Offset = nextOffset;

    /// <summary>Allocates or frees a range (fallocate(2)).</summary>
    public virtual Errno Allocate(FallocateMode mode, long offset, long length) => Errno.ENODEV;

    /// <summary>Brings what was written to the device (fsync(2)).</summary>
    public virtual ChangeResult Synchronize() => Errno.EINVAL;

    /// <summary>A reference is gone, and it was not the last one.</summary>
    protected virtual void OnReferenceDropped()
    {
    }

    /// <summary>Somebody has closed a descriptor, which need not be the last one.</summary>
    protected internal virtual void OnDescriptorClosed()
    {
    }

    /// <summary>The last descriptor is gone.</summary>
    protected virtual void OnClosed()
    {
    }

    private void Begin(OpenFlags flags)
    {
        HasCreatedFile = false;
        // O_ASYNC is kept though open(2) does not make it work, as it says under "Bugs".
        const OpenFlags NotKept = OpenFlags.O_CREAT | OpenFlags.O_EXCL | OpenFlags.O_NOCTTY | OpenFlags.O_TRUNC | OpenFlags.O_CLOEXEC;
        Flags = flags & ~NotKept;
        OpenFlags access = flags & OpenFlags.O_ACCMODE;
        CanRead = access is OpenFlags.O_RDONLY or OpenFlags.O_RDWR;
        CanWrite = access is OpenFlags.O_WRONLY or OpenFlags.O_RDWR;
        Inode.Retain();
    }
}
