using System.Text;
using Semitone.Abi;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>Where files without a name live: pipes, counters, memfds. Never mounted.</summary>
public sealed class AnonymousFileSystem : FileSystem
{
    private readonly EmptyDirectory _root;

    public AnonymousFileSystem(FileServices services, uint deviceMinor)
        : base(services, deviceMinor)
    {
        _root = new EmptyDirectory(this);
        ReserveInodeNumbers(1);
    }

    public override DirectoryInode Root => _root;

    public override string TypeName => "anon_inodefs";

    public override FileSystemMagic Magic => FileSystemMagic.ANON_INODE_FS_MAGIC;

    /// <summary>Makes a pipe (pipe(2)): its reading and its writing end.</summary>
    public void CreatePipe(OpenFlags flags, FileCredentials credentials, out OpenFile reader, out OpenFile writer)
    {
        FifoInode inode =
            new(this, NextInodeNumber(), Mode.S_IFIFO | (Mode)0x180) { UserId = credentials.UserId, GroupId = credentials.GroupId };
        inode.SetTimes(NowNs);
        OpenFlags blocking = flags & OpenFlags.O_NONBLOCK;
        reader = new OpenPipe(inode, blocking | OpenFlags.O_RDONLY);
        writer = new OpenPipe(inode, blocking | (flags & OpenFlags.O_DIRECT) | OpenFlags.O_WRONLY);
    }

    /// <summary>Makes a counter to wait for (eventfd(2)).</summary>
    public OpenFile CreateEventCounter(ulong value, bool isSemaphore, OpenFlags flags) =>
        new EventCounter(CreateInode("anon_inode:[eventfd]"), value, isSemaphore, flags | OpenFlags.O_RDWR);

    /// <summary>Makes an epoll instance (epoll_create(2)).</summary>
    public OpenEpoll CreateEpoll() => new(CreateInode("anon_inode:[eventpoll]"));

    /// <summary>Makes the inode of a file that is no file, for whoever has one of a kind that is not known here.</summary>
    /// <param name="description">What /proc/PID/fd shows for it.</param>
    public Inode CreateInode(string description) => new AnonymousInode(this, NextInodeNumber(), description);

    /// <summary>Makes a file that lives as long as it is open or mapped (memfd_create(2)).</summary>
    /// <param name="seals">The seals that it has; <see cref="MemfdSeals.F_SEAL_SEAL"/> where there are to be no others.</param>
    public OpenFile CreateMemoryFile(ReadOnlySpan<byte> name, Mode permissions, FileCredentials credentials, MemfdSeals seals)
    {
        string description = $"/memfd:{Encoding.UTF8.GetString(name)} (deleted)";
        RamFile file = new(this, NextInodeNumber(), Mode.S_IFREG | permissions, description)
        {
            Links = 0,
            UserId = credentials.UserId,
            GroupId = credentials.GroupId
        };
        file.SetTimes(NowNs);
        file.CreatedNs = file.ModifiedNs;
        file.AllowSeals(seals);
        return new OpenRegularFile(file, OpenFlags.O_RDWR | OpenFlags.O_LARGEFILE);
    }
}

/// <summary>The inode of a file that is no file: it has a description in place of a path (proc(5), /proc/PID/fd).</summary>
public sealed class AnonymousInode(FileSystem fileSystem, ulong number, string description) : Inode(fileSystem, number, (Mode)0x180)
{
    public override string? Description => description;

    public override Errno Open(OpenFlags flags, out OpenFile? file)
    {
        file = null;
        return Errno.ENXIO;
    }
}
