using System.Buffers.Text;
using Semitone.Abi;

namespace Semitone.Files;

/// <summary>The directory /dev/pts: the slaves by their numbers, and a ptmx of its own. Nobody else makes or removes names there.</summary>
internal sealed class PtsDirectory : DirectoryInode
{
    /// <summary>Digits of the greatest number.</summary>
    public const int LongestName = 10;

    private readonly PtsFileSystem _fileSystem;
    private readonly DeviceInode _master;
    private readonly byte[] _name = new byte[LongestName];

    public PtsDirectory(PtsFileSystem fileSystem, Mode masterPermissions)
        : base(fileSystem, PtsFileSystem.RootNumber, (Mode)0x1ED)
    {
        _fileSystem = fileSystem;
        Parent = this;
        SetTimes(fileSystem.NowNs);
        _master = new DeviceInode(fileSystem, PtsFileSystem.MasterNumber, Mode.S_IFCHR | masterPermissions, MasterDevice.Number)
        {
            Parent = this,
        };
        _master.SetTimes(fileSystem.NowNs);
    }

    private static ReadOnlySpan<byte> MasterName => "ptmx"u8;

    /// <summary>Writes the name of a slave.</summary>
    /// <returns>Its length.</returns>
    public static int WriteName(int number, Span<byte> name)
    {
        Utf8Formatter.TryFormat(number, name, out int length);
        return length;
    }

    public override Errno Lookup(FileName name, out Inode? inode)
    {
        inode = name.Bytes.SequenceEqual(MasterName) ? _master
            : ProcNumber.TryParse(name.Bytes, out int number) && _fileSystem.TryGet(number, out PseudoTerminal? pair) ? pair.Node
            : null;
        return inode is null ? Errno.ENOENT : Errno.None;
    }

    public override bool TryGetEntry(scoped ref long position, out DirectoryEntry entry)
    {
        if (position == 0)
        {
            position = 1;
            entry = new DirectoryEntry(MasterName, _master.Number, DirentType.DT_CHR);
            return true;
        }

        if (position > 0 && position < int.MaxValue && _fileSystem.TryGetNext((int)position - 1, out PseudoTerminal? pair))
        {
            position = pair.Number + 2L;
            entry = new DirectoryEntry(_name.AsSpan(0, WriteName(pair.Number, _name)), pair.Node.Number, DirentType.DT_CHR);
            return true;
        }

        entry = default;
        return false;
    }

    public override ChangeResult Create(FileName name, NewFile attributes, out Inode? inode)
    {
        inode = null;

        // As Linux has it for a directory in which no regular file can be made.
        return (attributes.Mode & Mode.S_IFMT) == Mode.S_IFREG ? Errno.EACCES : Errno.EPERM;
    }
}

/// <summary>The node of a slave.</summary>
internal sealed class SlaveInode(PtsFileSystem fileSystem, PseudoTerminal pair, Mode mode)
    : DeviceInode(fileSystem, PtsFileSystem.FirstSlaveNumber + (ulong)pair.Number, mode, PseudoTerminal.SlaveNumber(pair.Number))
{
    public override Errno Open(OpenFlags flags, out OpenFile? file)
    {
        file = null;
        return (FileSystem.Flags & MountFlags.MS_NODEV) != 0 ? Errno.EACCES : pair.OpenSlave(flags, out file);
    }
}
