using Semitone.Abi;
using Semitone.Core;
using Semitone.NineP;

namespace Semitone.Files;

/// <content>
/// Names that are made, moved and taken away. One change of a directory is under way at a time (<see cref="ChangeQueue"/>).
/// </content>
internal sealed partial class RemoteDirectory
{
    /// <summary>What stands before the name of a file that has none for the guest: unlinked, and open.</summary>
    private static ReadOnlySpan<byte> HiddenPrefix => ".9p-unlinked-"u8;

    private Client Client => _fileSystem.Client;

    /// <summary>Whether the server's directory has the name, and the guest's has not.</summary>
    public static bool IsHidden(ReadOnlySpan<byte> name) => name.StartsWith(HiddenPrefix);

    public override ChangeResult Create(FileName name, NewFile attributes, out Inode? inode)
    {
        inode = null;
        byte[] bytes = name.Bytes.ToArray();
        return Begin(change => CreateAsync(change, bytes, attributes, default), isCreation: true);
    }

    public override ChangeResult CreateDevice(FileName name, NewFile attributes, DeviceNumber device)
    {
        byte[] bytes = name.Bytes.ToArray();
        return Begin(change => CreateAsync(change, bytes, attributes, device), isCreation: true);
    }

    public override ChangeResult CreateSymbolicLink(FileName name, NewFile attributes, ReadOnlySpan<byte> target)
    {
        byte[] bytes = name.Bytes.ToArray();
        byte[] copy = target.ToArray();
        return Begin(change => ChangeNameAsync(
            change, bytes, fid => Client.MakeSymbolicLinkAsync(fid, bytes, copy, attributes.GroupId)));
    }

    public override ChangeResult Link(FileName name, Inode inode)
    {
        byte[] bytes = name.Bytes.ToArray();
        RemoteNode node = ((IRemoteInode)inode).Node;
        return Begin(change => ChangeNameAsync(change, bytes, async fid =>
        {
            Outcome<Fid> file = await node.GetFidAsync();
            if (file.Error != Errno.None)
            {
                return file.Error;
            }

            Errno error = await Client.LinkAsync(fid, file.Value, bytes);
            file.Value.Release();
            node.Invalidate();
            return error;
        }));
    }

    public override ChangeResult Unlink(FileName name, Inode inode)
    {
        byte[] bytes = name.Bytes.ToArray();
        return Begin(_ => UnlinkAsync(bytes, inode));
    }

    public override ChangeResult RemoveDirectory(FileName name, DirectoryInode directory)
    {
        byte[] bytes = name.Bytes.ToArray();
        return Begin(_ => RemoveDirectoryAsync(bytes, directory));
    }

    public override ChangeResult Rename(FileName oldName, Inode inode, DirectoryInode newParent, FileName newName, Inode? replaced)
    {
        byte[] from = oldName.Bytes.ToArray();
        byte[] to = newName.Bytes.ToArray();
        RemoteDirectory target = (RemoteDirectory)newParent;
        return KernelHeap.HasRoom()
            ? RemoteChange.Begin(Node.Changes, target.Node.Changes, _ => RenameAsync(from, inode, target, to, replaced))
            : Errno.ENOMEM;
    }

    private ChangeResult Begin(Func<RemoteChange, ValueTask<Errno>> body, bool isCreation = false) =>
        KernelHeap.HasRoom() ? RemoteChange.Begin(Node.Changes, null, body, isCreation) : Errno.ENOMEM;

    /// <summary>Has the server make a file that is no link, and finds it.</summary>
    private async ValueTask<Errno> CreateAsync(RemoteChange change, byte[] name, NewFile attributes, DeviceNumber device)
    {
        Mode mode = attributes.Mode;
        switch (mode & Mode.S_IFMT)
        {
            case Mode.S_IFDIR:
                return await ChangeNameAsync(
                    change, name, fid => Client.MakeDirectoryAsync(fid, name, mode & PermissionMask, attributes.GroupId));
            case Mode.S_IFREG:
                return await CreateFileAsync(change, name, mode, attributes.GroupId);
            default:
                return await ChangeNameAsync(
                    change, name, fid => Client.MakeNodeAsync(fid, name, mode, device.Major, device.Minor, attributes.GroupId));
        }
    }

    /// <summary>Has the server make a regular file. It is open then, for both reading and writing, and stays so for the caller.</summary>
    private async ValueTask<Errno> CreateFileAsync(RemoteChange change, byte[] name, Mode mode, uint groupId)
    {
        Fid? open = Client.Connection.MakeFid();
        if (open is null)
        {
            return Errno.ENOMEM;
        }

        Errno error = await ChangeNameAsync(change, name, async fid =>
        {
            // The fid of the directory becomes that of the file: a copy of it must do.
            Errno walk = await Client.WalkAsync(fid, open, default);
            const OpenFlags Flags = OpenFlags.O_RDWR | OpenFlags.O_CREAT | OpenFlags.O_EXCL;
            return walk != Errno.None ? walk : await Client.CreateAsync(open, name, Flags, mode & PermissionMask, groupId);
        });
        if (error == Errno.None && change.Made is RemoteFile file && file.Number == open.Qid.Path)
        {
            file.TakeNew(open);
        }
        else
        {
            open.Release();
        }

        return error;
    }

    /// <summary>Has the server make a name, and finds what has it then.</summary>
    private async ValueTask<Errno> ChangeNameAsync(RemoteChange change, byte[] name, Func<Fid, ValueTask<Errno>> make)
    {
        Outcome<Fid> fid = await Node.GetFidAsync();
        if (fid.Error != Errno.None)
        {
            return fid.Error;
        }

        Errno error = await make(fid.Value);
        NoteChange();
        if (error == Errno.None)
        {
            error = await FindAgainAsync(fid.Value, name, change);
        }
        else
        {
            // EEXIST says that somebody else was faster: what is known of the name is worth nothing.
            Expire(new FileName(name));
        }

        fid.Value.Release();
        return error;
    }

    /// <summary>Finds what has a name after a change.</summary>
    private async ValueTask<Errno> FindAgainAsync(Fid directory, byte[] name, RemoteChange? change)
    {
        long stamp = _fileSystem.Clock.Ask();
        Outcome<Found> found = await FindAsync(directory, name, owner: null);
        if (found.Error != Errno.None)
        {
            return found.Error;
        }

        CachedName? known = FindOrAdd(new FileName(name));
        if (known is null)
        {
            Drop(found);
            return Errno.ENOMEM;
        }

        if (Accept(known, found, stamp, isFirst: true) is { } inode)
        {
            change?.Make(inode);
            return Errno.None;
        }

        return Errno.ENOMEM;
    }

    private async ValueTask<Errno> UnlinkAsync(byte[] name, Inode inode)
    {
        Errno error;
        if (inode is RemoteFile { IsOpen: true, Links: <= 1 } file && await TryHideAsync(name, file))
        {
            error = Errno.None;
        }
        else
        {
            error = await RemoveNameAsync(name, 0);
        }

        NoteChange();
        if (error == Errno.None)
        {
            RemoteNode node = ((IRemoteInode)inode).Node;
            node.Invalidate();
            NoteRemoval(name);
            inode.Links = Math.Max(inode.Links, 1);
            inode.DropLink(name);
        }
        else
        {
            Expire(new FileName(name));
        }

        return error;
    }

    private async ValueTask<Errno> RemoveDirectoryAsync(byte[] name, DirectoryInode directory)
    {
        Errno error = await RemoveNameAsync(name, Requests.RemoveDirectory);
        NoteChange();
        if (error == Errno.None)
        {
            directory.RememberName(name);
            directory.IsRemoved = true;
            directory.Links = 0;
            NoteRemoval(name);
        }
        else
        {
            Expire(new FileName(name));
        }

        return error;
    }

    /// <summary>Has the server take a name away.</summary>
    private async ValueTask<Errno> RemoveNameAsync(byte[] name, uint flags)
    {
        Outcome<Fid> directory = await Node.GetFidAsync();
        if (directory.Error != Errno.None)
        {
            return directory.Error;
        }

        Errno error = Errno.EOPNOTSUPP;
        if (!_fileSystem.LacksAtCalls)
        {
            error = await Client.UnlinkAtAsync(directory.Value, name, flags);
        }

        if (IsMissing(error))
        {
            _fileSystem.LacksAtCalls = true;
            error = await RemoveByFidAsync(directory.Value, name);
        }

        directory.Value.Release();
        return error;
    }

    private async ValueTask<Errno> RemoveByFidAsync(Fid directory, byte[] name)
    {
        Fid? fid = Client.Connection.MakeFid();
        if (fid is null)
        {
            return Errno.ENOMEM;
        }

        Errno error = await Client.WalkAsync(directory, fid, name);
        if (error == Errno.None)
        {
            error = await Client.RemoveAsync(fid);
        }

        fid.Release();
        return error;
    }

    /// <summary>
    /// Gives a file that is open a name that the guest does not see, instead of none: without one a server can change nothing of it
    /// (ftruncate(2), fchmod(2), linkat(2)). It goes with the last close.
    /// </summary>
    private async ValueTask<bool> TryHideAsync(byte[] name, RemoteFile file)
    {
        RemoteDirectory root = (RemoteDirectory)FileSystem.Root;
        byte[] hidden = [.. HiddenPrefix, .. System.Text.Encoding.ASCII.GetBytes($"{file.Number:x}")];
        Outcome<Fid> from = await Node.GetFidAsync();
        Outcome<Fid> to = await root.Node.GetFidAsync();
        Errno error = from.Error != Errno.None ? from.Error : to.Error;
        if (error == Errno.None)
        {
            error = await MoveAsync(from.Value, name, to.Value, hidden);
        }

        if (error == Errno.None)
        {
            file.Node.DropFid();
            file.Hide(root, hidden);
            Fid? fid = Client.Connection.MakeFid();
            if (fid is not null && await Client.WalkAsync(to.Value, fid, hidden) == Errno.None)
            {
                file.Node.ReplaceFid(fid);
            }
            else
            {
                fid?.Release();
            }
        }

        Release(from);
        Release(to);
        return error == Errno.None;
    }

    /// <summary>Takes away the name that <see cref="TryHideAsync"/> gave.</summary>
    public void RemoveHidden(byte[] hidden) => _ = Begin(async _ =>
    {
        Errno error = await RemoveNameAsync(hidden, 0);
        NoteChange();
        return error;
    });

    private async ValueTask<Errno> RenameAsync(byte[] from, Inode inode, RemoteDirectory target, byte[] to, Inode? replaced)
    {
        Outcome<Fid> oldFid = await Node.GetFidAsync();
        Outcome<Fid> newFid = await target.Node.GetFidAsync();
        Errno error = oldFid.Error != Errno.None ? oldFid.Error : newFid.Error;
        if (error == Errno.None)
        {
            error = await MoveAsync(oldFid.Value, from, newFid.Value, to);
            NoteChange();
            target.NoteChange();
            if (error == Errno.None)
            {
                NoteRemoval(from);
                RemoteNode node = ((IRemoteInode)inode).Node;
                node.Invalidate();
                node.DropFid();
                if (replaced is DirectoryInode directory)
                {
                    directory.RememberName(to);
                    directory.IsRemoved = true;
                    directory.Links = 0;
                }

                if (inode is not RemoteDirectory moved)
                {
                    inode.Parent = target;
                    node.Name = to;
                }
                else if (!target.IsWithin(moved))
                {
                    moved.Parent = target;
                    node.Name = to;
                    moved.DropFidsBelow();
                }

                target.Expire(new FileName(to));
                await target.FindAgainAsync(newFid.Value, to, null);
                if (replaced is not null and not DirectoryInode)
                {
                    ((IRemoteInode)replaced).Node.Invalidate();
                    replaced.Links = Math.Max(replaced.Links, 1);
                    replaced.DropLink(to);
                }
            }
            else
            {
                Expire(new FileName(from));
                target.Expire(new FileName(to));
            }
        }

        Release(oldFid);
        Release(newFid);
        return error;
    }

    private async ValueTask<Errno> MoveAsync(Fid oldDirectory, byte[] from, Fid newDirectory, byte[] to)
    {
        Errno error = Errno.EOPNOTSUPP;
        if (!_fileSystem.LacksAtCalls)
        {
            error = await Client.RenameAtAsync(oldDirectory, from, newDirectory, to);
        }

        if (!IsMissing(error))
        {
            return error;
        }

        _fileSystem.LacksAtCalls = true;
        Fid? fid = Client.Connection.MakeFid();
        if (fid is null)
        {
            return Errno.ENOMEM;
        }

        error = await Client.WalkAsync(oldDirectory, fid, from);
        if (error == Errno.None)
        {
            error = await Client.RenameAsync(fid, newDirectory, to);
        }

        fid.Release();
        return error;
    }

    /// <summary>Whether a server says that it does not know the request.</summary>
    private static bool IsMissing(Errno error) => error is Errno.EOPNOTSUPP or Errno.ENOSYS;

    private static void Release(Outcome<Fid> fid)
    {
        if (fid.Error == Errno.None)
        {
            fid.Value.Release();
        }
    }

    /// <summary>Notes that names have been changed: what was asked before says nothing of now.</summary>
    private void NoteChange()
    {
        _changeStamp = _fileSystem.Clock.Ask();
        Node.Invalidate();
    }

    /// <summary>Notes that a name is there no longer.</summary>
    private void NoteRemoval(byte[] bytes)
    {
        if (Find(new FileName(bytes)) is { } name)
        {
            SetInode(name, null);
            name.Stamp = _fileSystem.Clock.Ask();
            name.TimeNs = _fileSystem.Services.Clock.MonotonicNs;
        }
    }
}
