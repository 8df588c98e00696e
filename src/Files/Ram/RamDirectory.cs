using System.Diagnostics;
using System.Text;
using Semitone.Abi;
using Semitone.Core;

namespace Semitone.Files;

/// <summary>A directory of a <see cref="RamFileSystem"/>.</summary>
internal sealed class RamDirectory : DirectoryInode
{
    // What tmpfs shows for an entry; programs only look whether it is 0.
    private const long BytesPerEntry = 20;

    private readonly RamFileSystem _fileSystem;
    private NameTable _names = new();

    public RamDirectory(RamFileSystem fileSystem, ulong number, Mode mode)
        : base(fileSystem, number, mode)
    {
        _fileSystem = fileSystem;
    }

    public override bool IsEmpty => _names.Count == 0;

    public override long Size => (_names.Count + 2) * BytesPerEntry;

    public override Errno Lookup(FileName name, out Inode? inode)
    {
        int slot = _names.Find(name);
        if (slot < 0)
        {
            inode = null;
            return Errno.ENOENT;
        }
        inode = _names[slot].Inode ?? Materialize(slot);
        if (inode.Parent != this)
        {
            inode.Parent = this;
        }
        return Errno.None;
    }

    public override bool TryGetEntry(scoped ref long position, out DirectoryEntry entry)
    {
        while (position >= 0 && position < _names.SlotCount)
        {
            int slot = (int)position++;
            if (_names.IsUsed(slot))
            {
                ref NameTable.Entry found = ref _names[slot];
                ulong number = found.Inode?.Number ?? InitialFiles.GetInodeNumber(found.Source);
                entry = new DirectoryEntry(_names.GetName(slot), number, found.Type);
                return true;
            }
        }
        entry = default;
        return false;
    }

    public override bool TryGetNameOf(Inode inode, out ReadOnlySpan<byte> name)
    {
        for (int slot = 0; slot < _names.SlotCount; slot++)
        {
            if (_names.IsUsed(slot) && _names[slot].Inode == inode)
            {
                name = _names.GetName(slot);
                return true;
            }
        }
        name = default;
        return false;
    }

    public override ChangeResult Create(FileName name, NewFile attributes, out Inode? inode)
    {
        inode = null;
        if (!HasRoomFor(name))
        {
            return Errno.ENOSPC;
        }
        inode = Make(attributes, default);
        Insert(name, inode);
        return Errno.None;
    }

    public override Errno CreateUnnamed(NewFile attributes, out Inode? inode)
    {
        inode = null;
        if (!KernelHeap.HasRoom())
        {
            return Errno.ENOSPC;
        }
        inode = Make(attributes, default);
        inode.Links = 0;
        inode.Parent = this;
        inode.RemovedName = Encoding.ASCII.GetBytes($"#{inode.Number}");
        return Errno.None;
    }

    public override ChangeResult CreateDevice(FileName name, NewFile attributes, DeviceNumber device)
    {
        if (!HasRoomFor(name))
        {
            return Errno.ENOSPC;
        }
        Insert(name, Make(attributes, device));
        return Errno.None;
    }

    public override ChangeResult CreateSymbolicLink(FileName name, NewFile attributes, ReadOnlySpan<byte> target)
    {
        if (!KernelHeap.HasRoom(target.Length) || !HasRoomFor(name))
        {
            return Errno.ENOSPC;
        }
        RamSymbolicLink link = new(_fileSystem, _fileSystem.NextInodeNumber(), target.ToArray())
        {
            CreatedNs = _fileSystem.NowNs,
            UserId = attributes.UserId,
            GroupId = attributes.GroupId,
        };
        link.SetTimes(_fileSystem.NowNs);
        Insert(name, link);
        return Errno.None;
    }

    public override ChangeResult Link(FileName name, Inode inode)
    {
        if (!HasRoomFor(name))
        {
            return Errno.ENOSPC;
        }
        inode.Links++;
        inode.TouchChanged();
        Insert(name, inode);
        return Errno.None;
    }

    public override ChangeResult Unlink(FileName name, Inode inode)
    {
        _names.Remove(_names.Find(name));
        TouchModified();
        inode.TouchChanged();
        inode.DropLink(name.Bytes);
        return Errno.None;
    }

    public override ChangeResult RemoveDirectory(FileName name, DirectoryInode directory)
    {
        _names.Remove(_names.Find(name));
        Links--;
        TouchModified();
        MarkRemoved(directory, name);
        return Errno.None;
    }

    public override ChangeResult Rename(FileName oldName, Inode inode, DirectoryInode newParent, FileName newName, Inode? replaced)
    {
        RamDirectory target = (RamDirectory)newParent;
        if (replaced is null)
        {
            if (!target._names.TryMakeRoomFor(newName.Bytes.Length))
            {
                return Errno.ENOSPC;
            }
            int slot = target._names.Add(newName, ToDirentType(inode.Mode));
            target._names[slot].Inode = inode;
        }
        else
        {
            int slot = target._names.Find(newName);
            target._names[slot].Inode = inode;
            target._names[slot].Type = ToDirentType(inode.Mode);
        }
        _names.Remove(_names.Find(oldName));
        inode.Parent = target;
        if (inode is DirectoryInode)
        {
            Links--;
            target.Links++;
        }
        TouchModified();
        target.TouchModified();
        inode.TouchChanged();
        if (replaced is DirectoryInode removed)
        {
            target.Links--;
            MarkRemoved(removed, newName);
        }
        else if (replaced is not null)
        {
            replaced.TouchChanged();
            replaced.DropLink(newName.Bytes);
        }
        return Errno.None;
    }

    public override ChangeResult Exchange(FileName oldName, Inode inode, DirectoryInode newParent, FileName newName, Inode other)
    {
        RamDirectory target = (RamDirectory)newParent;
        ref NameTable.Entry here = ref _names[_names.Find(oldName)];
        ref NameTable.Entry there = ref target._names[target._names.Find(newName)];
        (here.Inode, there.Inode) = (other, inode);
        (here.Type, there.Type) = (there.Type, here.Type);
        inode.Parent = target;
        other.Parent = this;
        uint moved = inode is DirectoryInode ? 1u : 0u;
        uint back = other is DirectoryInode ? 1u : 0u;
        Links = Links - moved + back;
        target.Links = target.Links + moved - back;
        TouchModified();
        target.TouchModified();
        inode.TouchChanged();
        other.TouchChanged();
        return Errno.None;
    }

    /// <summary>Finds a subdirectory or makes one, while an archive is being read.</summary>
    /// <returns>Null when the name belongs to something else, or memory has run out.</returns>
    internal RamDirectory? GetOrAddDirectory(FileName name)
    {
        int slot = _names.Find(name);
        if (slot >= 0)
        {
            return _names[slot].Inode as RamDirectory;
        }
        if (!HasRoomFor(name))
        {
            return null;
        }
        RamDirectory directory = new(_fileSystem, _fileSystem.NextInodeNumber(), (Mode)0x1ED)
        {
            Parent = this,
            CreatedNs = _fileSystem.CreatedNs,
        };
        directory.SetTimes(ModifiedNs);
        slot = _names.Add(name, DirentType.DT_DIR);
        _names[slot].Inode = directory;
        Links++;
        return directory;
    }

    /// <summary>Adds a file of an archive: an inode, or only where the archive describes it.</summary>
    /// <returns>False when a directory has the name, or memory has run out; a file of that name is replaced, as by Linux.</returns>
    internal bool TryAddInitial(FileName name, DirentType type, Inode? inode, long source)
    {
        int slot = _names.Find(name);
        if (slot >= 0)
        {
            Inode? old = _names[slot].Inode;
            if (old is DirectoryInode)
            {
                return false;
            }
            if (old == inode && inode is not null)
            {
                // The same file twice under one name: a link too many was counted.
                inode.Links--;
                return true;
            }
            old?.DropLink(name.Bytes);
        }
        else if (_names.TryMakeRoomFor(name.Bytes.Length))
        {
            slot = _names.Add(name, type);
        }
        else
        {
            return false;
        }
        ref NameTable.Entry entry = ref _names[slot];
        entry.Type = type;
        entry.Inode = inode;
        entry.Source = source;
        if (inode is not null)
        {
            inode.Parent = this;
        }
        return true;
    }

    /// <summary>Makes the inode of a file that so far only the archive describes.</summary>
    private Inode Materialize(int slot)
    {
        Debug.Assert(_fileSystem.Initial is not null);
        Inode inode = _fileSystem.Initial.Make(_names[slot].Source);
        inode.Parent = this;
        _names[slot].Inode = inode;
        return inode;
    }

    private static DirentType ToDirentType(Mode mode) => (DirentType)((uint)mode >> 12);

    private static void MarkRemoved(DirectoryInode directory, FileName name)
    {
        directory.RememberName(name.Bytes);
        directory.IsRemoved = true;
        directory.Links = 0;
        directory.TouchChanged();
    }

    private bool HasRoomFor(FileName name) => KernelHeap.HasRoom() && _names.TryMakeRoomFor(name.Bytes.Length);

    private Inode Make(NewFile attributes, DeviceNumber device)
    {
        ulong number = _fileSystem.NextInodeNumber();
        Mode type = attributes.Mode & Mode.S_IFMT;
        long nowNs = _fileSystem.NowNs;
        Inode inode = type switch
        {
            Mode.S_IFDIR => new RamDirectory(_fileSystem, number, attributes.Mode),
            Mode.S_IFREG => new RamFile(_fileSystem, number, attributes.Mode),
            Mode.S_IFIFO => new FifoInode(_fileSystem, number, attributes.Mode),
            _ => new DeviceInode(_fileSystem, number, attributes.Mode, device),
        };
        inode.UserId = attributes.UserId;
        inode.GroupId = attributes.GroupId;
        inode.CreatedNs = nowNs;
        inode.SetTimes(nowNs);
        return inode;
    }

    private void Insert(FileName name, Inode inode)
    {
        int slot = _names.Add(name, ToDirentType(inode.Mode));
        _names[slot].Inode = inode;
        inode.Parent = this;
        if (inode is DirectoryInode)
        {
            Links++;
        }
        TouchModified();
    }
}
