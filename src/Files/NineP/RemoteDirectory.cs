using Semitone.Abi;
using Semitone.Core;
using Semitone.NineP;

namespace Semitone.Files;

/// <summary>A directory that a server keeps, with the names in it that are known.</summary>
internal sealed partial class RemoteDirectory : DirectoryInode, IRemoteInode
{
    private readonly NinePFileSystem _fileSystem;
    private NameSet _names = new();
    private long _changeStamp;

    public RemoteDirectory(NinePFileSystem fileSystem, ulong number, Mode mode)
        : base(fileSystem, number, mode)
    {
        _fileSystem = fileSystem;
        Node = new RemoteNode(fileSystem, this);
    }

    public RemoteNode Node { get; }

    public override WaitQueue? Fetches => Node.Fetches;

    public override Errno Refresh() => Node.CheckAttributes();

    public override ChangeResult Update(in AttributeChange change) => Node.Update(change);

    public override void OnFetchAbandoned() => Node.Abandon();

    public override Errno GetAttribute(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value) =>
        Node.ExtendedAttributes.Get(name, out value);

    public override Errno RefreshAttributeNames() => Node.ExtendedAttributes.Get(default, out _);

    public override bool TryGetAttributeName(int index, out ReadOnlySpan<byte> name) => Node.ExtendedAttributes.TryGetName(index, out name);

    public override ChangeResult SetAttribute(ReadOnlySpan<byte> name, byte[] value, XattrFlags flags) =>
        Node.ExtendedAttributes.Set(name, value, flags);

    public override ChangeResult RemoveAttribute(ReadOnlySpan<byte> name) => Node.ExtendedAttributes.Set(name, [], XattrFlags.None);

    public override long Size => Node.Size;

    public override long Blocks => Node.Blocks;

    /// <summary>The server knows, and is asked in any case.</summary>
    public override bool IsEmpty => true;

    public bool CanBeForgotten => _names.Count == 0 && Mounted is null && !IsOpen && this != FileSystem.Root;

    public void TakeOver(in RemoteAttributes attributes, bool isForeign)
    {
    }

    public override Errno Lookup(FileName name, out Inode? inode)
    {
        inode = null;

        // Both questions go out at once.
        Errno own = Node.CheckAttributes();
        Errno error = LookUpName(name, out Inode? found);
        if (own != Errno.None)
        {
            return own == Errno.ESTALE ? Errno.ENOENT : own;
        }

        if (error == Errno.None && found is DirectoryInode { Mounted: not null })
        {
            inode = found;
        }
        else if (error == Errno.None)
        {
            // Of several names this is the one that leads there now.
            RemoteNode node = ((IRemoteInode)found!).Node;
            error = node.CheckAttributes();
            if (error == InternalErrno.MustWait && !found.IsDirectory)
            {
                found.Parent = this;
                node.Name = Find(name)!.Bytes;
            }

            inode = error == Errno.None ? found : null;
            if (error == InternalErrno.MustWait)
            {
                node.WakeAlso(Node.Fetches);
            }
        }

        return error;
    }

    public override bool TryGetEntry(scoped ref long position, out DirectoryEntry entry)
    {
        // Whoever reads it has it open: see OpenRemoteDirectory.
        entry = default;
        return false;
    }

    public override bool TryGetNameOf(Inode inode, out ReadOnlySpan<byte> name)
    {
        name = inode is IRemoteInode { Node: var node } && inode.Parent == this ? node.Name : default;
        return !name.IsEmpty && inode.Links != 0;
    }

    public override Errno Open(OpenFlags flags, out OpenFile? file)
    {
        file = null;
        Errno error = Node.CheckAttributes(forOpen: true);
        if (error == Errno.None)
        {
            file = new OpenRemoteDirectory(this, flags);
        }

        return error;
    }

    /// <inheritdoc/>
    /// <remarks>One walk for each beginning of the path, all at once: names and attributes of all of it take two round trips.</remarks>
    public override void Fetch(FileName name, ReadOnlySpan<byte> rest)
    {
        if (!Replies.IsName(name.Bytes) || LookUpName(name, out _) != InternalErrno.MustWait)
        {
            // It was something behind this name that made the walk wait.
            return;
        }

        CachedName? asked = FindOrAdd(name);
        if (asked is null)
        {
            // There is no memory to remember it in: the next try says so, or gets further.
            _fileSystem.Start(() =>
            {
                Node.Fetches.WakeAll();
                return default;
            });
            return;
        }

        if (asked.AskStamp != 0)
        {
            return;
        }

        byte[] path = CutPath(name.Bytes, rest, out int count);
        asked.AskStamp = _fileSystem.Clock.Ask();
        _fileSystem.Start(() => FetchPathAsync(asked, path, count));
    }

    /// <summary>Lets a name go that leads nowhere any more, or elsewhere.</summary>
    public void Expire(FileName name)
    {
        if (Find(name) is { } known)
        {
            known.Stamp = 0;
        }
    }

    /// <summary>
    /// Lets go of the fids of what is known below: the directory has been moved, and there are servers for which a fid is a path.
    /// </summary>
    public void DropFidsBelow()
    {
        Stack<RemoteDirectory> directories = new([this]);
        while (directories.TryPop(out RemoteDirectory? directory))
        {
            foreach (CachedName name in directory._names.GetAll())
            {
                (name.Inode as IRemoteInode)?.Node.DropFid();
                if (name.Inode is RemoteDirectory below)
                {
                    directories.Push(below);
                }
            }
        }
    }

    /// <summary>Takes a name out of the cache, and its inode where nothing else keeps that.</summary>
    public void Forget(CachedName name)
    {
        _fileSystem.Names.Remove(name);
        _names.Remove(name);
        SetInode(name, null);
    }

    private CachedName? Find(FileName name) => _names.TryFind(name, out CachedName? found) ? found : null;

    private CachedName? FindOrAdd(FileName name)
    {
        CachedName? known = Find(name);
        if (known is null && KernelHeap.HasRoom())
        {
            known = new CachedName(this, name.Bytes.ToArray(), name.Hash);
            _names.Add(known);
            _fileSystem.Names.Add(known);
        }

        return known;
    }

    private Errno LookUpName(FileName name, out Inode? inode)
    {
        inode = null;
        FetchClock clock = _fileSystem.Clock;
        if (_names.TryFind(name, out CachedName? known))
        {
            known.IsUsed = true;
            if (known.Inode is DirectoryInode { Mounted: not null })
            {
                // What lies under a mount is not seen, and not asked for.
                inode = known.Inode;
                return Errno.None;
            }

            // Others may make what was not there, so that is believed only where there are no others.
            bool isValid = known.Inode is null && _fileSystem.Options.Cache != CacheMode.Loose
                ? clock.IsFresh(known.Stamp)
                : _fileSystem.IsValid(known.Stamp, known.TimeNs);
            if (isValid)
            {
                inode = known.Inode;
                return inode is null ? Errno.ENOENT : Errno.None;
            }

            if (clock.IsFresh(known.ErrorStamp))
            {
                return known.Error;
            }
        }

        if (!KernelHeap.HasRoom(RemoteNode.QuestionBytes))
        {
            return Errno.ENOMEM;
        }

        // The walk tells what else it wants to know: see Fetch.
        clock.Begin();
        return InternalErrno.MustWait;
    }

    /// <summary>Cuts off what one walk can follow: no dots, at most 16 names, one slash between them.</summary>
    private static byte[] CutPath(ReadOnlySpan<byte> first, ReadOnlySpan<byte> rest, out int count)
    {
        count = 1;
        Span<byte> path = stackalloc byte[1024];
        first.CopyTo(path);
        int length = first.Length;
        while (count < Requests.MaximumNames)
        {
            rest = rest.TrimStart((byte)'/');
            int end = rest.IndexOf((byte)'/');
            ReadOnlySpan<byte> name = end < 0 ? rest : rest[..end];
            if (!Replies.IsName(name) || length + 1 + name.Length > path.Length)
            {
                break;
            }

            path[length++] = (byte)'/';
            name.CopyTo(path[length..]);
            length += name.Length;
            rest = rest[name.Length..];
            count++;
        }

        return path[..length].ToArray();
    }

    private async ValueTask FetchPathAsync(CachedName first, byte[] path, int count)
    {
        long stamp = first.AskStamp;
        Outcome<Fid> from = await Node.GetFidAsync();
        if (from.Error == Errno.None)
        {
            ValueTask<Outcome<Found>>[] walks = new ValueTask<Outcome<Found>>[count];
            for (int i = 0, end = 0; i < count; i++)
            {
                int slash = path.AsSpan(end).IndexOf((byte)'/');
                int length = slash < 0 ? path.Length : end + slash;
                end = length + 1;
                walks[i] = FindAsync(from.Value, path.AsMemory(0, length), Node).Preserve();
            }

            RemoteDirectory? directory = this;
            CachedName? name = first;
            for (int i = 0, start = 0; i < count; i++)
            {
                Outcome<Found> found = await walks[i];
                int slash = path.AsSpan(start).IndexOf((byte)'/');
                int length = slash < 0 ? path.Length - start : slash;
                name = i == 0 ? first : directory?.FindOrAdd(new FileName(path.AsSpan(start, length)));
                start += length + 1;
                directory = directory is null || name is null
                    ? Drop(found)
                    : directory.Accept(name, found, stamp, isFirst: i == 0) as RemoteDirectory;
            }

            from.Value.Release();
        }
        else
        {
            first.Error = from.Error == Errno.ESTALE ? Errno.ENOENT : from.Error;
            first.ErrorStamp = stamp;
        }

        first.AskStamp = 0;
        Node.Fetches.WakeAll();
    }

    private static RemoteDirectory? Drop(Outcome<Found> found)
    {
        if (found.Error == Errno.None)
        {
            found.Value.Fid.Release();
        }

        return null;
    }

    /// <summary>Walks, and gets the attributes of what is there.</summary>
    private async ValueTask<Outcome<Found>> FindAsync(Fid from, ReadOnlyMemory<byte> path, object? owner)
    {
        Fid? fid = _fileSystem.Client.Connection.MakeFid();
        if (fid is null)
        {
            return Errno.ENOMEM;
        }

        Errno error = await _fileSystem.Client.WalkAsync(from, fid, path, owner);
        if (error == Errno.None)
        {
            Outcome<RemoteAttributes> attributes = await _fileSystem.Client.GetAttributesAsync(fid, owner);
            if (attributes.Error == Errno.None)
            {
                return new Found(fid, attributes.Value);
            }

            error = attributes.Error;
        }

        fid.Release();
        return error;
    }

    /// <summary>Takes over what the server says of a name.</summary>
    /// <param name="isFirst">Whether an error is about this name, and not about one before it.</param>
    private Inode? Accept(CachedName name, Outcome<Found> found, long stamp, bool isFirst)
    {
        if (stamp <= _changeStamp || stamp < name.Stamp)
        {
            // It was so before a change of our own: those who wait ask again.
            return Drop(found);
        }

        Inode? inode = null;
        if (found.Error == Errno.None)
        {
            inode = _fileSystem.GetInode(found.Value.Fid, found.Value.Attributes, stamp);
            if (inode is null)
            {
                name.Error = Errno.ENOMEM;
                name.ErrorStamp = stamp;
                return null;
            }

            if (inode.IsDirectory && IsWithin((RemoteDirectory)inode))
            {
                // A directory in itself: a server that lies, or one that has moved what lies above meanwhile.
                name.Error = Errno.ESTALE;
                name.ErrorStamp = stamp;
                return null;
            }

            inode.Parent = this;
            ((IRemoteInode)inode).Node.Name = name.Bytes;
        }
        else if (found.Error != Errno.ENOENT || !isFirst)
        {
            if (isFirst && found.Error != Errno.EINTR)
            {
                name.Error = found.Error;
                name.ErrorStamp = stamp;
            }

            return null;
        }

        SetInode(name, inode);
        name.Stamp = stamp;
        name.TimeNs = _fileSystem.Services.Clock.MonotonicNs;
        return inode;
    }

    /// <summary>Tells whether this is another directory or lies below it.</summary>
    /// <remarks>It is asked before a directory gets a parent, so that parents never go round in a circle.</remarks>
    private bool IsWithin(RemoteDirectory ancestor)
    {
        RemoteDirectory current = this;
        while (current != ancestor && current.Parent is RemoteDirectory parent && parent != current)
        {
            current = parent;
        }

        return current == ancestor;
    }

    private void SetInode(CachedName name, Inode? inode)
    {
        Inode? old = name.Inode;
        if (old == inode)
        {
            return;
        }

        name.Inode = inode;
        if (inode is not null)
        {
            ((IRemoteInode)inode).Node.NameCount++;
        }

        if (old is not null)
        {
            RemoteNode node = ((IRemoteInode)old).Node;
            if (--node.NameCount == 0 && node.CanBeForgotten)
            {
                _fileSystem.Forget(old);
            }
        }
    }

    /// <summary>Where a walk has led.</summary>
    private readonly record struct Found(Fid Fid, RemoteAttributes Attributes);
}
