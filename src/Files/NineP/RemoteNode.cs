using Semitone.Abi;
using Semitone.Core;
using Semitone.NineP;

namespace Semitone.Files;

/// <summary>A file of a 9p server.</summary>
internal interface IRemoteInode
{
    RemoteNode Node { get; }

    /// <summary>Takes over what depends on the type of the file: its length.</summary>
    /// <param name="isForeign">Whether somebody else may have made a change that shows in them.</param>
    void TakeOver(in RemoteAttributes attributes, bool isForeign);
}

/// <summary>What all inodes of a 9p server have: a fid, a name to find it again by, attributes with their age.</summary>
internal sealed class RemoteNode(NinePFileSystem fileSystem, Inode inode)
{
    /// <summary>What a question takes of the kernel's heap until it is answered.</summary>
    public const int QuestionBytes = 4096;

    private long _stamp;
    private long _timeNs;
    private long _askStamp;
    private long _barrier;
    private Errno _error;
    private long _errorStamp;
    private List<WaitQueue> _alsoWaiting = [];
    private RemoteExtendedAttributes? _extendedAttributes;

    public NinePFileSystem FileSystem { get; } = fileSystem;

    public Inode Inode { get; } = inode;

    /// <summary>Changes of the file itself that are under way, and, of a directory, those of its names.</summary>
    public ChangeQueue Changes { get; } = new();

    public WaitQueue Fetches { get; } = new();

    /// <summary>What is known of extended attributes.</summary>
    public RemoteExtendedAttributes ExtendedAttributes => _extendedAttributes ??= new RemoteExtendedAttributes(this);

    /// <summary>The fid that walks begin at, never open; null when there is none, and the file must be walked to again.</summary>
    public Fid? Fid { get; private set; }

    /// <summary>The name that the file was last found by, in <see cref="Files.Inode.Parent"/>.</summary>
    public byte[] Name { get; set; } = [];

    /// <summary>Names in the cache that lead here.</summary>
    public int NameCount { get; set; }

    /// <summary>Bytes, as st_size has it.</summary>
    public long Size { get; set; }

    public long Blocks { get; private set; }

    /// <summary>Names that the server has and the guest must not see: that of an unlinked file which is open.</summary>
    public uint HiddenLinks { get; set; }

    /// <summary>Whether nothing would be lost with the inode but what the server can tell again.</summary>
    public bool CanBeForgotten => Inode switch
    {
        RemoteDirectory directory => directory.CanBeForgotten,
        RemoteFile file => !file.IsInUse,
        _ => !Inode.IsOpen && (Inode.Locks is null || Inode.Locks.IsEmpty),
    };

    /// <summary>Whether a change that this kernel has made shows in the attributes that are to come.</summary>
    public bool HasOwnChange { get; set; }

    /// <summary>Sees to it that the attributes are as new as the cache mode wants them.</summary>
    /// <param name="forOpen">For open(2), which always asks where it matters.</param>
    /// <returns>None, <see cref="InternalErrno.MustWait"/>, or what kept them away.</returns>
    public Errno CheckAttributes(bool forOpen = false)
    {
        FetchClock clock = FileSystem.Clock;
        bool isValid = forOpen && FileSystem.Options.Cache == CacheMode.Check
            ? clock.IsFresh(_stamp)
            : FileSystem.IsValid(_stamp, _timeNs);
        if (isValid)
        {
            return Errno.None;
        }

        if (clock.IsFresh(_errorStamp))
        {
            return _error;
        }

        if (!KernelHeap.HasRoom(QuestionBytes))
        {
            return Errno.ENOMEM;
        }

        clock.Begin();
        if (_askStamp == 0)
        {
            _askStamp = clock.Ask();
            FileSystem.Start(() => FetchAttributesAsync(_askStamp));
        }

        return InternalErrno.MustWait;
    }

    /// <summary>Wakes those, too, who wait for the attributes at the directory where they have looked the file up.</summary>
    public void WakeAlso(WaitQueue queue)
    {
        if (_askStamp != 0 && !_alsoWaiting.Contains(queue))
        {
            _alsoWaiting.Add(queue);
        }
    }

    /// <summary>Takes over what the server has told.</summary>
    /// <param name="stamp">When it was asked: what is older than a change of our own is worth nothing.</param>
    public void Apply(in RemoteAttributes attributes, long stamp)
    {
        if (stamp <= _barrier || stamp < _stamp)
        {
            return;
        }

        Inode.Mode = Inode.Type | (attributes.Mode & Inode.PermissionMask);
        Inode.UserId = attributes.UserId;
        Inode.GroupId = attributes.GroupId;
        uint links = (uint)Math.Min(attributes.Links, uint.MaxValue);
        Inode.Links = links - Math.Min(links, HiddenLinks);
        Inode.AccessedNs = ToNs(attributes.Accessed);
        long modifiedNs = ToNs(attributes.Modified);
        long changedNs = ToNs(attributes.Changed);
        bool isChanged = _stamp != 0 && (modifiedNs != Inode.ModifiedNs || (long)attributes.Size != Size);
        Inode.ModifiedNs = modifiedNs;
        Inode.ChangedNs = changedNs;
        Blocks = (long)Math.Min(attributes.Blocks, long.MaxValue);
        ((IRemoteInode)Inode).TakeOver(attributes, isChanged && !HasOwnChange);
        Size = (long)attributes.Size;
        HasOwnChange = false;
        MarkKnown(stamp);
    }

    /// <summary>Notes that a change of our own has been made: what was asked before it is worth nothing.</summary>
    public void Invalidate()
    {
        _barrier = FileSystem.Clock.Ask();
        _timeNs = long.MinValue / 2;
        _stamp = 0;
        HasOwnChange = true;
    }

    /// <summary>Somebody who waited here is to end: what nobody else waits for need not be answered any more.</summary>
    public void Abandon()
    {
        if (!Fetches.HasWaiters)
        {
            FileSystem.Client.Connection.FlushAll(this);
        }
    }

    /// <summary>Takes a fid that leads here by the name that is known now.</summary>
    public void ReplaceFid(Fid fid)
    {
        Fid?.Release();
        Fid = fid;
    }

    public void DropFid()
    {
        Fid?.Release();
        Fid = null;
    }

    /// <summary>Lets go of names that lead here: they lead to something else by now, or nowhere.</summary>
    public void ExpireName()
    {
        if (Inode.Parent is RemoteDirectory parent)
        {
            parent.Expire(new FileName(Name));
        }
    }

    /// <summary>Gets a fid to walk from, with a reference for the caller.</summary>
    /// <returns>None; ESTALE when the file is not where it was; ENOMEM or what the server says.</returns>
    public async ValueTask<Outcome<Fid>> GetFidAsync()
    {
        if (Fid is { } fid)
        {
            fid.AddReference();
            return fid;
        }

        while (true)
        {
            // Up to the nearest ancestor that has one, and down again by names.
            List<byte[]> names = [];
            RemoteNode node = this;
            while (node.Fid is null)
            {
                if (node.Inode.Parent is not RemoteDirectory parent || parent == node.Inode || node.Name.Length == 0)
                {
                    return Errno.ESTALE;
                }

                names.Add(node.Name);
                node = parent.Node;
            }

            Outcome<Fid> walked = await WalkDownAsync(node.Fid, names);
            if (walked.Error == Errno.None)
            {
                fid = walked.Value;
                break;
            }

            if (walked.Error != Errno.ESTALE || node.Inode.Parent == node.Inode)
            {
                return walked.Error;
            }

            // Perhaps that one is not where it was, either.
            node.DropFid();
        }

        if (fid.Qid.Path != Inode.Number)
        {
            fid.Release();
            return Errno.ESTALE;
        }

        if (Fid is null && NameCount > 0)
        {
            // One that has been forgotten, and is somebody's working directory still, only borrows.
            fid.AddReference();
            Fid = fid;
        }

        return fid;
    }

    private async ValueTask<Outcome<Fid>> WalkDownAsync(Fid from, List<byte[]> names)
    {
        Fid fid = from;
        fid.AddReference();
        for (int left = names.Count; left > 0;)
        {
            int count = Math.Min(left, Requests.MaximumNames);
            byte[] path = Join(names, left, count);
            left -= count;
            Fid? next = FileSystem.Client.Connection.MakeFid();
            Errno error = next is null ? Errno.ENOMEM : await FileSystem.Client.WalkAsync(fid, next, path);
            fid.Release();
            if (error != Errno.None)
            {
                next?.Release();
                return error is Errno.ENOENT or Errno.EAGAIN ? Errno.ESTALE : error;
            }

            fid = next!;
        }

        return fid;
    }

    /// <summary>Asks for a change of mode, owner or times.</summary>
    public ChangeResult Update(in AttributeChange change)
    {
        AttributeUpdate update = new();
        if (change.Mode is { } mode)
        {
            update.Fields |= AttributeFields.Mode;
            update.Mode = mode & Inode.PermissionMask;
        }

        if (change.UserId is { } userId)
        {
            update.Fields |= AttributeFields.UserId;
            update.UserId = userId;
        }

        if (change.GroupId is { } groupId)
        {
            update.Fields |= AttributeFields.GroupId;
            update.GroupId = groupId;
        }

        if (change.AccessedNs is { } accessedNs)
        {
            update.Fields |= AttributeFields.AccessedNow | AttributeFields.AccessedTo;
            update.Accessed = Timespec.FromNs(accessedNs);
        }

        if (change.ModifiedNs is { } modifiedNs)
        {
            update.Fields |= AttributeFields.ModifiedNow | AttributeFields.ModifiedTo;
            update.Modified = Timespec.FromNs(modifiedNs);
        }

        update.Fields |= update.Fields == AttributeFields.None ? AttributeFields.ChangedNow : AttributeFields.None;
        return Submit(update);
    }

    /// <summary>Asks for a change of attributes.</summary>
    public ChangeResult Submit(AttributeUpdate update)
    {
        if (!KernelHeap.HasRoom())
        {
            return Errno.ENOMEM;
        }

        return RemoteChange.Begin(Changes, null, _ => SetAttributesAsync(update));
    }

    /// <summary>Has the server change attributes, and forgets what they were.</summary>
    public async ValueTask<Errno> SetAttributesAsync(AttributeUpdate update)
    {
        Outcome<Fid> fid = await GetFidAsync();
        if (fid.Error != Errno.None)
        {
            return fid.Error;
        }

        Errno error = await FileSystem.Client.SetAttributesAsync(fid.Value, update);
        fid.Value.Release();
        if (error == Errno.None)
        {
            Invalidate();
        }

        return error;
    }

    private static byte[] Join(List<byte[]> names, int left, int count)
    {
        List<byte> path = [];
        for (int i = left - 1; i >= left - count; i--)
        {
            path.AddRange(names[i]);
            path.Add((byte)'/');
        }

        path.RemoveAt(path.Count - 1);
        return [.. path];
    }

    private static long ToNs(Timespec time) => (time.tv_sec * TimeUnits.NsPerSecond) + time.tv_nsec;

    private void MarkKnown(long stamp)
    {
        _stamp = stamp;
        _timeNs = FileSystem.Services.Clock.MonotonicNs;
    }

    private async ValueTask FetchAttributesAsync(long stamp)
    {
        Outcome<RemoteAttributes> answer = await AskOpenFileAsync();
        for (int attempt = 0; attempt < 2 && IsElsewhere(answer); attempt++)
        {
            // The fid is a path for the server, and that leads elsewhere by now. By its names the file may still be found.
            if (attempt > 0)
            {
                DropFid();
            }

            answer = await AskAttributesAsync();
        }

        if (answer.Error == Errno.None && IsElsewhere(answer))
        {
            answer = Errno.ESTALE;
        }

        if (IsElsewhere(answer) && Inode.IsOpen && Inode.Parent != Inode)
        {
            // Somebody else has taken the last name away: it is what it was, but for that.
            Inode.Links = 0;
            ExpireName();
            MarkKnown(stamp);
            answer = Errno.EAGAIN;
        }

        // What was flushed has no answer: who came meanwhile asks again.
        _askStamp = 0;
        if (answer.Error == Errno.None)
        {
            Apply(answer.Value, stamp);
        }
        else if (answer.Error is not (Errno.EAGAIN or Errno.EINTR))
        {
            _error = answer.Error;
            _errorStamp = stamp;
            if (answer.Error is Errno.ESTALE or Errno.ENOENT)
            {
                ExpireName();
            }
        }

        Fetches.WakeAll();
        List<WaitQueue> others = _alsoWaiting;
        _alsoWaiting = [];
        foreach (WaitQueue other in others)
        {
            other.WakeAll();
        }
    }

    private bool IsElsewhere(Outcome<RemoteAttributes> answer) =>
        answer.Error is Errno.ENOENT or Errno.ESTALE || (answer.Error == Errno.None && answer.Value.Qid.Path != Inode.Number);

    /// <summary>Asks for the attributes by an open fid: some servers know the file by that, whatever has become of its name.</summary>
    private async ValueTask<Outcome<RemoteAttributes>> AskOpenFileAsync()
    {
        if ((Inode as RemoteFile)?.GetAnyHandle() is not { } open)
        {
            return Errno.ESTALE;
        }

        open.AddReference();
        Outcome<RemoteAttributes> answer = await FileSystem.Client.GetAttributesAsync(open, this);
        open.Release();
        return answer;
    }

    private async ValueTask<Outcome<RemoteAttributes>> AskAttributesAsync()
    {
        Outcome<Fid> fid = await GetFidAsync();
        if (fid.Error != Errno.None)
        {
            return fid.Error;
        }

        Outcome<RemoteAttributes> attributes = await FileSystem.Client.GetAttributesAsync(fid.Value, this);
        fid.Value.Release();
        return attributes;
    }
}
