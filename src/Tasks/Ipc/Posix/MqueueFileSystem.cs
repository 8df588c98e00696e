using System.Diagnostics.CodeAnalysis;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;

namespace Semitone.Tasks;

/// <summary>The POSIX message queues there are, as a file system (mq_overview(7)).</summary>
public sealed class MqueueFileSystem : FileSystem
{
    /// <summary>What a message and a priority take of RLIMIT_MSGQUEUE besides the text (getrlimit(2)).</summary>
    private const long OverheadPerMessage = 48;

    private const long OverheadPerPriority = 48;

    private readonly MqueueDirectory _root;
    private readonly List<UserCharge> _charges = [];

    public MqueueFileSystem(SystemState system, uint deviceMinor)
        : base(system.Files, deviceMinor)
    {
        System = system;
        ReserveInodeNumbers(1);
        _root = new MqueueDirectory(this);
    }

    internal SystemState System { get; }

    /// <summary>One more than the greatest priority of a message.</summary>
    public const uint PriorityLimit = 32768;

    /// <summary>Limits that nobody may exceed, whatever his privileges.</summary>
    public const long HardMaxMessages = 65536;

    public const long HardMaxSize = 16 << 20;

    /// <summary>Settings of /proc/sys/fs/mqueue.</summary>
    public int MaxQueues { get; private set; } = 256;

    public int MaxMessages { get; private set; } = 10;

    public int MaxSize { get; private set; } = 8192;

    public int DefaultMessages { get; private set; } = 10;

    public int DefaultSize { get; private set; } = 8192;

    /// <summary>Queues that there are, with those that have lost their names and are open.</summary>
    public int QueueCount { get; private set; }

    /// <inheritdoc/>
    public override DirectoryInode Root => _root;

    /// <inheritdoc/>
    public override string TypeName => "mqueue";

    /// <inheritdoc/>
    public override FileSystemMagic Magic => FileSystemMagic.MQUEUE_MAGIC;

    /// <summary>Finds a queue by its name.</summary>
    public bool TryGet(ReadOnlySpan<byte> name, [NotNullWhen(true)] out PosixMessageQueue? queue) => _root.TryGet(name, out queue);

    /// <summary>Makes a queue (mq_open(2)).</summary>
    /// <param name="wanted">How much it is to hold; null for the defaults.</param>
    /// <returns>None; EINVAL, EOVERFLOW, EMFILE beyond RLIMIT_MSGQUEUE, ENOSPC, ENOMEM.</returns>
    public Errno Create(ReadOnlySpan<byte> name, Mode mode, MqAttr? wanted, GuestThread maker, out PosixMessageQueue? queue)
    {
        queue = null;
        bool isPrivileged = maker.Credentials.Has(Capability.CAP_SYS_RESOURCE);
        long messages = wanted?.mq_maxmsg ?? Math.Min(MaxMessages, DefaultMessages);
        long size = wanted?.mq_msgsize ?? Math.Min(MaxSize, DefaultSize);
        if (QueueCount >= MaxQueues && !isPrivileged)
        {
            return Errno.ENOSPC;
        }

        long mostMessages = isPrivileged ? HardMaxMessages : MaxMessages;
        long mostBytes = isPrivileged ? HardMaxSize : MaxSize;
        if (messages <= 0 || size <= 0 || messages > mostMessages || size > mostBytes)
        {
            return Errno.EINVAL;
        }

        long bytes = (messages * OverheadPerMessage) + (Math.Min(messages, PriorityLimit) * OverheadPerPriority) + (messages * size);
        uint userId = maker.Credentials.EffectiveUserId;
        if ((ulong)(GetCharge(userId) + bytes) > maker.Process.Limits[RlimitResource.RLIMIT_MSGQUEUE].rlim_cur)
        {
            return Errno.EMFILE;
        }

        if (!KernelHeap.HasRoom() || !KernelHeap.TryReserve(_charges, IntPtr.Size) || !_root.TryReserve())
        {
            return Errno.ENOMEM;
        }

        queue = new PosixMessageQueue(this, mode, messages, size, bytes, userId)
        {
            UserId = maker.Credentials.FileSystemUserId,
            GroupId = maker.Credentials.FileSystemGroupId,
            Parent = _root,
        };
        _root.Add(name, queue);
        Charge(userId, bytes);
        QueueCount++;
        return Errno.None;
    }

    /// <summary>Gets a setting by its name in /proc/sys/fs/mqueue.</summary>
    public int GetSetting(string name) => name switch
    {
        "msg_default" => DefaultMessages,
        "msg_max" => MaxMessages,
        "msgsize_default" => DefaultSize,
        "msgsize_max" => MaxSize,
        _ => MaxQueues,
    };

    /// <summary>Changes a setting.</summary>
    /// <returns>None, or EINVAL out of range.</returns>
    public Errno SetSetting(string name, int value)
    {
        const int LeastSize = 128;
        (int least, long most) = name switch
        {
            "msg_default" or "msg_max" => (1, HardMaxMessages),
            "msgsize_default" or "msgsize_max" => (LeastSize, HardMaxSize),
            _ => (0, int.MaxValue),
        };
        if (value < least || value > most)
        {
            return Errno.EINVAL;
        }

        switch (name)
        {
            case "msg_default":
                DefaultMessages = value;
                break;
            case "msg_max":
                MaxMessages = value;
                break;
            case "msgsize_default":
                DefaultSize = value;
                break;
            case "msgsize_max":
                MaxSize = value;
                break;
            default:
                MaxQueues = value;
                break;
        }

        return Errno.None;
    }

    /// <summary>Takes note of a queue's end. Nothing is allocated: it may be the end of a process that brings it.</summary>
    internal void OnEvicted(PosixMessageQueue queue)
    {
        QueueCount--;
        if (FindCharge(queue.ChargedUser) is { } charge)
        {
            charge.Bytes -= queue.ChargedBytes;
            if (charge.Bytes == 0)
            {
                _charges.Remove(charge);
            }
        }
    }

    private long GetCharge(uint userId) => FindCharge(userId)?.Bytes ?? 0;

    private UserCharge? FindCharge(uint userId)
    {
        foreach (UserCharge charge in _charges)
        {
            if (charge.UserId == userId)
            {
                return charge;
            }
        }

        return null;
    }

    /// <summary>Charges a user for a queue, for which there is a place.</summary>
    private void Charge(uint userId, long bytes)
    {
        UserCharge? charge = FindCharge(userId);
        if (charge is null)
        {
            charge = new UserCharge(userId);
            _charges.Add(charge);
        }

        charge.Bytes += bytes;
    }

    /// <summary>What the queues of a user count against RLIMIT_MSGQUEUE.</summary>
    private sealed class UserCharge(uint userId)
    {
        public uint UserId { get; } = userId;

        public long Bytes { get; set; }
    }

    /// <summary>The one directory, which everybody may make queues in and remove his own from.</summary>
    private sealed class MqueueDirectory : DirectoryInode
    {
        private readonly List<(byte[] Name, PosixMessageQueue Queue)> _entries = [];

        public MqueueDirectory(MqueueFileSystem fileSystem)
            : base(fileSystem, 1, Mode.S_ISVTX | (Mode)0x1FF)
        {
            Parent = this;
            SetTimes(fileSystem.NowNs);
        }

        public override bool IsEmpty => _entries.Count == 0;

        public bool TryReserve() => KernelHeap.TryReserve(_entries, 2 * IntPtr.Size);

        public void Add(ReadOnlySpan<byte> name, PosixMessageQueue queue)
        {
            _entries.Add((name.ToArray(), queue));
            TouchModified();
        }

        public bool TryGet(ReadOnlySpan<byte> name, [NotNullWhen(true)] out PosixMessageQueue? queue)
        {
            int index = Find(name);
            queue = index < 0 ? null : _entries[index].Queue;
            return queue is not null;
        }

        public override Errno Lookup(FileName name, out Inode? inode)
        {
            inode = TryGet(name.Bytes, out PosixMessageQueue? queue) ? queue : null;
            return inode is null ? Errno.ENOENT : Errno.None;
        }

        public override bool TryGetEntry(scoped ref long position, out DirectoryEntry entry)
        {
            if (position >= 0 && position < _entries.Count)
            {
                (byte[] name, PosixMessageQueue queue) = _entries[(int)position++];
                entry = new DirectoryEntry(name, queue.Number, DirentType.DT_REG);
                return true;
            }

            entry = default;
            return false;
        }

        public override ChangeResult Unlink(FileName name, Inode inode)
        {
            _entries.RemoveAt(Find(name.Bytes));
            TouchModified();
            inode.TouchChanged();
            inode.DropLink(name.Bytes);
            return Errno.None;
        }

        private int Find(ReadOnlySpan<byte> name)
        {
            for (int i = 0; i < _entries.Count; i++)
            {
                if (name.SequenceEqual(_entries[i].Name))
                {
                    return i;
                }
            }

            return -1;
        }
    }
}
