using System.Diagnostics.CodeAnalysis;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Machine;
using Semitone.Memory;
using Semitone.NineP;

namespace Semitone.Files;

/// <summary>A tree of files that a 9P2000.L server keeps.</summary>
public sealed class NinePFileSystem : FileSystem
{
    private const long TrustedNs = 1_000_000_000;

    private readonly Dictionary<ulong, Inode> _inodes = [];
    private readonly Executor _executor;
    private readonly List<WaitQueue> _statisticsWaiters = [];
    private RemoteDirectory? _root;
    private FileSystemStatistics _statistics;
    private long _statisticsStamp;
    private long _statisticsAskStamp;
    private Errno _statisticsError;

    private NinePFileSystem(FileServices services, uint deviceMinor, Executor executor, Client client, NinePOptions options)
        : base(services, deviceMinor)
    {
        _executor = executor;
        Client = client;
        Options = options;
        services.Frames.Reclaimer = services.Pages;
    }

    public override DirectoryInode Root => _root!;

    public override string TypeName => "9p";

    public override FileSystemMagic Magic => FileSystemMagic.V9FS_MAGIC;

    public override bool StoresAttributes => true;

    public NinePOptions Options { get; }

    /// <summary>Inodes that are kept.</summary>
    public int InodeCount => _inodes.Count;

    /// <summary>The connection to the server.</summary>
    public Connection Connection => Client.Connection;

    internal Client Client { get; }

    internal FetchClock Clock => Services.Fetches;

    internal NameCache Names => Services.Names;

    /// <summary>Whether the server has no unlinkat and renameat, as diod before 1.1: it is asked once.</summary>
    internal bool LacksAtCalls { get; set; }

    /// <summary>Connects to a server.</summary>
    /// <param name="deviceMinor">What st_dev is made of.</param>
    /// <returns>The file system; EPROTONOSUPPORT, ENOMEM, EIO, or what the server says.</returns>
    public static async ValueTask<Outcome<NinePFileSystem>> ConnectAsync(
        FileServices services, uint deviceMinor, Executor executor, INinePTransport transport, NinePOptions options)
    {
        Connection connection = new(executor, transport);
        Client client = new(connection);
        NinePFileSystem fileSystem = new(services, deviceMinor, executor, client, options);
        Errno error = await client.NegotiateAsync(options.MessageSize);
        Fid? fid = connection.MakeFid();
        if (error == Errno.None)
        {
            error = fid is null ? Errno.ENOMEM : await client.AttachAsync(fid, options.UserName, options.Tree, options.UserId);
        }

        if (error == Errno.None)
        {
            long stamp = fileSystem.Clock.Ask();
            Outcome<RemoteAttributes> attributes = await client.GetAttributesAsync(fid!);
            error = attributes.Error;
            if (error == Errno.None)
            {
                error = fileSystem.MakeRoot(fid!, attributes.Value, stamp);
            }
        }

        if (error != Errno.None)
        {
            connection.Fail();
            return error;
        }

        return fileSystem;
    }

    public override Errno RefreshStatistics(Inode inode)
    {
        if (Clock.IsFresh(_statisticsStamp))
        {
            return _statisticsError;
        }

        if (!KernelHeap.HasRoom(RemoteNode.QuestionBytes))
        {
            return Errno.ENOMEM;
        }

        Clock.Begin();
        if (_statisticsAskStamp == 0)
        {
            _statisticsAskStamp = Clock.Ask();
            long stamp = _statisticsAskStamp;
            Start(() => FetchStatisticsAsync(stamp));
        }

        // Whoever asks waits at his own file: all of them are few, and are woken.
        _statisticsWaiters.Add(((IRemoteInode)inode).Node.Fetches);
        return InternalErrno.MustWait;
    }

    public override void GetStatistics(out StatFs statistics)
    {
        base.GetStatistics(out statistics);
        statistics.f_bsize = _statistics.BlockSize;
        statistics.f_frsize = _statistics.BlockSize;
        statistics.f_blocks = _statistics.Blocks;
        statistics.f_bfree = _statistics.FreeBlocks;
        statistics.f_bavail = _statistics.AvailableBlocks;
        statistics.f_files = _statistics.Files;
        statistics.f_ffree = _statistics.FreeFiles;
        statistics.f_namelen = _statistics.NameLength;
    }

    /// <summary>Begins something on the executor's next turn; what it comes to it tells by itself.</summary>
    /// <remarks>
    /// Not at once: whoever asked enlists only after he has asked, and a question that needs no server would be answered by then.
    /// </remarks>
    internal void Start(Func<ValueTask> body) => _executor.Post(new Work(body));

    /// <summary>Tells whether what was asked for then is still believed.</summary>
    internal bool IsValid(long stamp, long timeNs) => Options.Cache switch
    {
        _ when stamp == 0 => false,
        CacheMode.Loose => true,
        CacheMode.Check => Services.Clock.MonotonicNs - timeNs < TrustedNs || Clock.IsFresh(stamp),
        _ => Clock.IsFresh(stamp),
    };

    /// <summary>Takes a frame for file data; where memory is scarce, other pages of files go for it.</summary>
    internal bool TryAllocateFrame(out Frame frame)
    {
        Services.Frames.MakeRoomForStorage();
        return Services.Frames.TryAllocate(out frame);
    }

    /// <summary>Gets the inode of a file that the server has told about, or makes it.</summary>
    /// <param name="fid">Leads there, unopened; the inode's from now on.</param>
    /// <returns>Null when the kernel's heap has no room, or the attributes cannot be.</returns>
    internal Inode? GetInode(Fid fid, in RemoteAttributes attributes, long stamp)
    {
        ulong path = attributes.Qid.Path;
        if (_inodes.TryGetValue(path, out Inode? inode) && inode.Type != (attributes.Mode & Mode.S_IFMT))
        {
            // The server has used the number again: what it was is gone.
            _inodes.Remove(path);
            inode = null;
        }

        if (inode is null)
        {
            inode = KernelHeap.HasRoom() ? MakeInode(path, attributes) : null;
            if (inode is null)
            {
                fid.Release();
                return null;
            }

            _inodes.Add(path, inode);
        }

        RemoteNode node = ((IRemoteInode)inode).Node;
        node.ReplaceFid(fid);
        node.Apply(attributes, stamp);
        return inode;
    }

    /// <summary>Lets go of an inode that no name leads to and nobody uses.</summary>
    internal void Forget(Inode inode)
    {
        RemoteNode node = ((IRemoteInode)inode).Node;
        node.DropFid();
        if (inode is RemoteFile file)
        {
            file.DropEverything();
        }

        if (_inodes.TryGetValue(inode.Number, out Inode? found) && found == inode)
        {
            _inodes.Remove(inode.Number);
        }
    }

    private Errno MakeRoot(Fid fid, in RemoteAttributes attributes, long stamp)
    {
        Inode? inode = GetInode(fid, attributes, stamp);
        if (inode is not RemoteDirectory root)
        {
            return inode is null ? Errno.ENOMEM : Errno.ENOTDIR;
        }

        root.Parent = root;
        _root = root;
        return Errno.None;
    }

    private Inode? MakeInode(ulong path, in RemoteAttributes attributes)
    {
        Mode mode = attributes.Mode;
        switch (mode & Mode.S_IFMT)
        {
            case Mode.S_IFDIR:
                return new RemoteDirectory(this, path, mode);
            case Mode.S_IFREG:
                return new RemoteFile(this, path, mode);
            case Mode.S_IFLNK:
                return new RemoteLink(this, path);
            case Mode.S_IFIFO:
                return new RemoteFifo(this, path, mode);
            case Mode.S_IFSOCK or Mode.S_IFCHR or Mode.S_IFBLK:
                return new RemoteDevice(this, path, mode, DeviceNumber.Decode((uint)attributes.Device));
            default:
                return null;
        }
    }

    private async ValueTask FetchStatisticsAsync(long stamp)
    {
        Outcome<Fid> fid = await _root!.Node.GetFidAsync();
        Outcome<FileSystemStatistics> answer = fid.Error;
        if (fid.Error == Errno.None)
        {
            answer = await Client.GetStatisticsAsync(fid.Value);
            fid.Value.Release();
        }

        _statisticsAskStamp = 0;
        _statisticsStamp = stamp;
        _statisticsError = answer.Error;
        _statistics = answer.Error == Errno.None ? answer.Value : _statistics;
        WaitQueue[] waiters = [.. _statisticsWaiters];
        _statisticsWaiters.Clear();
        foreach (WaitQueue waiter in waiters)
        {
            waiter.WakeAll();
        }
    }

    private sealed class Work(Func<ValueTask> body) : Runnable
    {
        private ValueTask _task;

        protected override void Run()
        {
            _task = body();
            if (_task.IsCompleted)
            {
                _task.GetAwaiter().GetResult();
            }
            else
            {
                _task.GetAwaiter().UnsafeOnCompleted(() => _task.GetAwaiter().GetResult());
            }
        }
    }
}
