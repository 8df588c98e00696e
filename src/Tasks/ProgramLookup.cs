using Semitone.Abi;
using Semitone.Files;
using Semitone.Loader;
using Semitone.Memory;

namespace Semitone.Tasks;

/// <summary>
/// Finds programs as a thread sees them: from its root and working directory, with its rights; and whom they will act as.
/// </summary>
public sealed class ProgramLookup : IProgramLookup
{
    private readonly FileSystemContext _files;
    private readonly GuestThread? _caller;

    /// <param name="credentials">Whose program it is.</param>
    /// <param name="caller">The thread that executes it; null for the first program, which gains nothing.</param>
    public ProgramLookup(FileSystemContext files, Credentials credentials, GuestThread? caller = null)
    {
        _files = files;
        _caller = caller;
        Credentials = credentials;
    }

    /// <summary>The file to be executed, where a descriptor and not a path stands for it (AT_EMPTY_PATH in execveat(2)).</summary>
    public Inode? First { get; init; }

    /// <summary>Where the path of the file to be executed starts; null for the working directory.</summary>
    public DirectoryInode? Start { get; init; }

    /// <summary>Whether a symbolic link at the end of that path is refused (AT_SYMLINK_NOFOLLOW).</summary>
    public bool RefusesLink { get; init; }

    /// <summary>Whom the program acts as, when it has been identified.</summary>
    public Credentials Credentials { get; private set; }

    /// <summary>Whether the program gains by being executed.</summary>
    public bool IsSecure { get; private set; }

    /// <summary>Whether its caller may read the program; what it may only execute it is not to find in its memory either.</summary>
    public bool IsReadable { get; private set; } = true;

    /// <inheritdoc/>
    public Errno Open(ReadOnlySpan<byte> path, out IProgramFile? file)
    {
        file = null;
        return path.IsEmpty ? Errno.ENOENT : Open(_files.WorkingDirectory, path, follow: true, out file);
    }

    /// <inheritdoc/>
    public Errno OpenFirst(ReadOnlySpan<byte> path, out IProgramFile? file)
    {
        file = null;
        return First is not null ? Open(First, out file)
            : path.IsEmpty ? Errno.ENOENT
            : Open(Start ?? _files.WorkingDirectory, path, !RefusesLink, out file);
    }

    /// <inheritdoc/>
    public Errno Identify(IProgramFile file, out ProgramIdentity identity)
    {
        Errno error = Errno.None;
        if (_caller is not null && file is ProgramFile { Inode: { } inode })
        {
            IsReadable = _files.Credentials.Check(inode, AccessMode.R_OK) == Errno.None;
            error = GetRights(inode, out ProgramRights rights);
            if (error == Errno.None)
            {
                Credentials old = Credentials;
                bool keepsIds = _caller.HasNoNewPrivileges || !old.Has(Capability.CAP_SETUID);
                error = ExecCredentials.Compute(
                    old, in rights, !_caller.HasNoNewPrivileges && !_caller.SharesPlaceWithOthers, keepsIds, out Credentials next,
                    out bool isSecure);
                Credentials = next;
                IsSecure = isSecure;
            }
        }

        identity = new ProgramIdentity(
            Credentials.RealUserId, Credentials.EffectiveUserId, Credentials.RealGroupId, Credentials.EffectiveGroupId, IsSecure);
        return error;
    }

    /// <summary>Finds out what a file gives to whoever executes it; nothing on file systems that are mounted so (nosuid).</summary>
    private Errno GetRights(RegularFileInode inode, out ProgramRights rights)
    {
        rights = default;
        if ((inode.FileSystem.Flags & MountFlags.MS_NOSUID) != 0)
        {
            return Errno.None;
        }

        const Mode SetUserId = (Mode)0x800;
        const Mode SetGroupId = (Mode)0x400;
        const Mode ExecutableByGroup = (Mode)0x8;
        bool setsIds = !_caller!.HasNoNewPrivileges;

        // Without the right to execute for the group, the bit once meant something else (inode(7)).
        const Mode SetsGroup = SetGroupId | ExecutableByGroup;
        rights = new ProgramRights
        {
            UserId = setsIds && (inode.Mode & SetUserId) != 0 ? inode.UserId : null,
            GroupId = setsIds && (inode.Mode & SetsGroup) == SetsGroup ? inode.GroupId : null,
        };
        Errno error = inode.GetAttribute(FileCapabilities.AttributeName, out ReadOnlySpan<byte> value);
        if (error == Errno.None
            && FileCapabilities.TryRead(value, out CapabilitySet permitted, out CapabilitySet inheritable, out bool isEffective))
        {
            rights = rights with { HasCapabilities = true, Permitted = permitted, Inheritable = inheritable, IsEffective = isEffective };
        }

        return error == InternalErrno.MustWait ? error : Errno.None;
    }

    private Errno Open(DirectoryInode start, ReadOnlySpan<byte> path, bool follow, out IProgramFile? file)
    {
        file = null;
        Errno error = _files.Find(start, path, follow, out Inode? inode);
        return error != Errno.None ? error
            : inode!.Type == Mode.S_IFLNK ? Errno.ELOOP
            : Open(inode, out file);
    }

    private Errno Open(Inode inode, out IProgramFile? file)
    {
        file = null;
        if (inode is not RegularFileInode regular || (inode.FileSystem.Flags & MountFlags.MS_NOEXEC) != 0)
        {
            return Errno.EACCES;
        }

        Errno error = _files.Credentials.Check(regular, AccessMode.X_OK);
        if (error == Errno.None && regular.WriterCount != 0)
        {
            error = Errno.ETXTBSY;
        }

        if (error == Errno.None)
        {
            file = new ProgramFile(regular);
        }

        return error;
    }
}

/// <summary>A regular file that is executed.</summary>
public sealed class ProgramFile : IProgramFile
{
    internal ProgramFile(RegularFileInode inode)
    {
        Inode = inode;
    }

    public RegularFileInode Inode { get; }

    /// <inheritdoc/>
    public MemoryObject Pages => Inode.Pages;
}
