using Semitone.Abi;
using Semitone.Files;

namespace Semitone.Sockets;

/// <summary>Where sockets live: they have numbers and owners, and no names. Never mounted.</summary>
public sealed class SocketFileSystem : FileSystem
{
    private readonly EmptyDirectory _root;

    public SocketFileSystem(FileServices services, uint deviceMinor)
        : base(services, deviceMinor)
    {
        _root = new EmptyDirectory(this);
        ReserveInodeNumbers(1);
    }

    public override DirectoryInode Root => _root;

    public override string TypeName => "sockfs";

    public override FileSystemMagic Magic => FileSystemMagic.SOCKFS_MAGIC;

    internal SocketInode CreateInode(FileCredentials owner)
    {
        SocketInode inode = new(this, NextInodeNumber()) { UserId = owner.UserId, GroupId = owner.GroupId };
        inode.SetTimes(0);
        return inode;
    }
}

/// <summary>The inode of a socket; not that of the name by which AF_UNIX finds one.</summary>
internal sealed class SocketInode(FileSystem fileSystem, ulong number) : Inode(fileSystem, number, Mode.S_IFSOCK | (Mode)0x1FF)
{
    public override string? Description => $"socket:[{Number}]";

    /// <summary>Sockets are not opened by name (open(2), ENXIO).</summary>
    public override Errno Open(OpenFlags flags, out OpenFile? file)
    {
        file = null;
        return Errno.ENXIO;
    }
}
