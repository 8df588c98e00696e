using System.Buffers.Text;
using Semitone.Abi;

namespace Semitone.Files;

/// <summary>The top of /proc: files about the system, and a directory per process.</summary>
internal sealed class ProcRoot : ProcDirectory
{
    private const ulong SelfNumber = 2;
    private const ulong ThreadSelfNumber = 3;
    private const ulong MountsNumber = 4;
    private const ulong KernelMessagesNumber = 5;
    private const ulong NetworkNumber = 6;

    // Positions: four links and a file, then the tree, then processes by number.
    private const long FirstTreePosition = 5;
    private const long FirstProcessPosition = 1L << 32;

    private readonly ProcFileSystem _fileSystem;
    private readonly TextTreeDirectory _tree;
    private readonly byte[] _name = new byte[16];

    public ProcRoot(ProcFileSystem fileSystem)
        : base(fileSystem, 1, (Mode)0x16D)
    {
        _fileSystem = fileSystem;
        _tree = new TextTreeDirectory(fileSystem, 1, new SystemText(fileSystem), string.Empty);
    }

    public override Errno Lookup(FileName name, out Inode? inode)
    {
        Errno error = LookUpHere(name, out inode);
        if (inode is not null)
        {
            inode.Parent = this;
            inode.SetTimes(_fileSystem.NowNs);
        }
        return error;
    }

    public override bool TryGetEntry(scoped ref long position, out DirectoryEntry entry)
    {
        if (position < FirstTreePosition)
        {
            entry = position++ switch
            {
                0 => new DirectoryEntry("self"u8, SelfNumber, DirentType.DT_LNK),
                1 => new DirectoryEntry("thread-self"u8, ThreadSelfNumber, DirentType.DT_LNK),
                2 => new DirectoryEntry("mounts"u8, MountsNumber, DirentType.DT_LNK),
                3 => new DirectoryEntry("net"u8, NetworkNumber, DirentType.DT_LNK),
                _ => new DirectoryEntry("kmsg"u8, KernelMessagesNumber, DirentType.DT_REG),
            };
            return true;
        }
        if (position < FirstProcessPosition)
        {
            long treePosition = position - FirstTreePosition;
            if (_tree.TryGetEntry(ref treePosition, out entry))
            {
                position = treePosition + FirstTreePosition;
                return true;
            }
            position = FirstProcessPosition;
        }
        if (_fileSystem.Processes.TryGetNext((int)Math.Min(position - FirstProcessPosition, int.MaxValue), out int id))
        {
            position = FirstProcessPosition + id + 1;
            Utf8Formatter.TryFormat(id, _name, out int length);
            entry = new DirectoryEntry(_name.AsSpan(0, length), ProcessDirectory.GetNumber(id), DirentType.DT_DIR);
            return true;
        }
        entry = default;
        return false;
    }

    private Errno LookUpHere(FileName name, out Inode? inode)
    {
        if (name.Bytes[0] is >= (byte)'1' and <= (byte)'9')
        {
            inode = null;
            if (ProcNumber.TryParse(name.Bytes, out int id) && _fileSystem.Processes.TryGet(id, out IProcessInformation? process))
            {
                inode = new ProcessDirectory(_fileSystem, id, isThread: false);
                ProcOwner.Set(inode, process, id);
                return Errno.None;
            }
            return Errno.ENOENT;
        }
        if (name.Bytes.SequenceEqual("self"u8))
        {
            inode = new SelfLink(_fileSystem, SelfNumber, SelfLinkKind.Process);
            return Errno.None;
        }
        if (name.Bytes.SequenceEqual("thread-self"u8))
        {
            inode = new SelfLink(_fileSystem, ThreadSelfNumber, SelfLinkKind.Thread);
            return Errno.None;
        }
        if (name.Bytes.SequenceEqual("mounts"u8))
        {
            inode = new SelfLink(_fileSystem, MountsNumber, SelfLinkKind.Mounts);
            return Errno.None;
        }
        if (name.Bytes.SequenceEqual("net"u8))
        {
            inode = new SelfLink(_fileSystem, NetworkNumber, SelfLinkKind.Network);
            return Errno.None;
        }
        if (name.Bytes.SequenceEqual("kmsg"u8))
        {
            inode = new KernelMessageFile(_fileSystem, KernelMessagesNumber);
            return Errno.None;
        }
        return _tree.Lookup(name, out inode);
    }
}

/// <summary>Which link of /proc depends on who looks.</summary>
internal enum SelfLinkKind : byte
{
    Process,
    Thread,
    Mounts,
    Network,
}

/// <summary>/proc/self and its kin: they lead to the directory of whoever follows them.</summary>
internal sealed class SelfLink(ProcFileSystem fileSystem, ulong number, SelfLinkKind kind) : SymbolicLinkInode(fileSystem, number)
{
    public override Errno GetTarget(out ReadOnlySpan<byte> target)
    {
        IProcessTable processes = fileSystem.Processes;
        TextBuilder text = new();
        switch (kind)
        {
            case SelfLinkKind.Mounts:
                text.Append("self/mounts"u8);
                break;
            case SelfLinkKind.Network:
                text.Append("self/net"u8);
                break;
            case SelfLinkKind.Thread:
                text.Append(processes.CurrentProcessId).Append("/task/"u8).Append(processes.CurrentThreadId);
                break;
            default:
                text.Append(processes.CurrentProcessId);
                break;
        }
        target = text.Bytes;
        return processes.CurrentProcessId == 0 ? Errno.ENOENT : Errno.None;
    }
}
