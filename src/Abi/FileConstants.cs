namespace Semitone.Abi;

/// <summary>A file's type and permissions (inode(7)).</summary>
[Flags]
[Trace(TraceFormat.Octal)]
public enum Mode : uint
{
    None = 0,
    [FieldMask]
    S_IFMT = 0xF000,
    S_IFSOCK = 0xC000,
    S_IFLNK = 0xA000,
    S_IFREG = 0x8000,
    S_IFBLK = 0x6000,
    S_IFDIR = 0x4000,
    S_IFCHR = 0x2000,
    S_IFIFO = 0x1000,
    S_ISUID = 0x800,
    S_ISGID = 0x400,
    S_ISVTX = 0x200,
    S_IRWXU = 0x1C0,
    S_IRUSR = 0x100,
    S_IWUSR = 0x80,
    S_IXUSR = 0x40,
    S_IRWXG = 0x38,
    S_IRGRP = 0x20,
    S_IWGRP = 0x10,
    S_IXGRP = 0x8,
    S_IRWXO = 0x7,
    S_IROTH = 0x4,
    S_IWOTH = 0x2,
    S_IXOTH = 0x1,
}

/// <summary>The type of a directory entry (getdents64(2)).</summary>
public enum DirentType : byte
{
    DT_UNKNOWN = 0,
    DT_FIFO = 1,
    DT_CHR = 2,
    DT_DIR = 4,
    DT_BLK = 6,
    DT_REG = 8,
    DT_LNK = 10,
    DT_SOCK = 12,
    DT_WHT = 14,
}

/// <summary>What access(2) is to check.</summary>
[Flags]
public enum AccessMode : uint
{
    F_OK = 0,
    R_OK = 4,
    W_OK = 2,
    X_OK = 1,
}

/// <summary>Flags of the calls that take a directory's descriptor and a path (openat(2) and its family).</summary>
/// <remarks>AT_REMOVEDIR shares its bit with AT_EACCESS (faccessat2(2)): see <see cref="AccessAtFlags"/>.</remarks>
[Flags]
public enum AtFlags : uint
{
    None = 0,
    AT_SYMLINK_NOFOLLOW = 0x100,
    AT_REMOVEDIR = 0x200,
    AT_SYMLINK_FOLLOW = 0x400,
    AT_NO_AUTOMOUNT = 0x800,
    AT_EMPTY_PATH = 0x1000,
    AT_STATX_FORCE_SYNC = 0x2000,
    AT_STATX_DONT_SYNC = 0x4000,
    AT_RECURSIVE = 0x8000,
}

/// <summary>Flags of faccessat2(2).</summary>
[Flags]
public enum AccessAtFlags : uint
{
    None = 0,
    AT_SYMLINK_NOFOLLOW = 0x100,
    AT_EACCESS = 0x200,
    AT_EMPTY_PATH = 0x1000,
}

/// <summary>Flags of execveat(2).</summary>
[Flags]
public enum ExecveAtFlags : uint
{
    None = 0,
    AT_SYMLINK_NOFOLLOW = 0x100,
    AT_EMPTY_PATH = 0x1000,
}

/// <summary>Flags of renameat2(2).</summary>
[Flags]
public enum RenameFlags : uint
{
    None = 0,
    RENAME_NOREPLACE = 1,
    RENAME_EXCHANGE = 2,
    RENAME_WHITEOUT = 4,
}

/// <summary>Where an offset counts from (lseek(2)).</summary>
public enum SeekWhence : uint
{
    SEEK_SET = 0,
    SEEK_CUR = 1,
    SEEK_END = 2,
    SEEK_DATA = 3,
    SEEK_HOLE = 4,
}

/// <summary>Which fields a statx(2) is to fill in, or has.</summary>
[Flags]
public enum StatxMask : uint
{
    None = 0,
    STATX_ALL = 0xFFF,
    STATX_BASIC_STATS = 0x7FF,
    STATX_TYPE = 0x1,
    STATX_MODE = 0x2,
    STATX_NLINK = 0x4,
    STATX_UID = 0x8,
    STATX_GID = 0x10,
    STATX_ATIME = 0x20,
    STATX_MTIME = 0x40,
    STATX_CTIME = 0x80,
    STATX_INO = 0x100,
    STATX_SIZE = 0x200,
    STATX_BLOCKS = 0x400,
    STATX_BTIME = 0x800,
    STATX_MNT_ID = 0x1000,
    STATX_DIOALIGN = 0x2000,
}

/// <summary>Operations of fcntl(2).</summary>
public enum FcntlCommand : uint
{
    F_DUPFD = 0,
    F_GETFD = 1,
    F_SETFD = 2,
    F_GETFL = 3,
    F_SETFL = 4,
    F_GETLK = 5,
    F_SETLK = 6,
    F_SETLKW = 7,
    F_SETOWN = 8,
    F_GETOWN = 9,
    F_SETSIG = 10,
    F_GETSIG = 11,
    F_SETOWN_EX = 15,
    F_GETOWN_EX = 16,
    F_OFD_GETLK = 36,
    F_OFD_SETLK = 37,
    F_OFD_SETLKW = 38,
    F_SETLEASE = 1024,
    F_GETLEASE = 1025,
    F_NOTIFY = 1026,
    F_DUPFD_QUERY = 1027,
    F_CREATED_QUERY = 1028,
    F_DUPFD_CLOEXEC = 1030,
    F_SETPIPE_SZ = 1031,
    F_GETPIPE_SZ = 1032,
    F_ADD_SEALS = 1033,
    F_GET_SEALS = 1034,
    F_GET_RW_HINT = 1035,
    F_SET_RW_HINT = 1036,
}

/// <summary>How openat2(2) restricts the way to a file.</summary>
[Flags]
public enum ResolveFlags : ulong
{
    None = 0,

    /// <summary>Into no other file system.</summary>
    RESOLVE_NO_XDEV = 0x1,

    /// <summary>Over no link of /proc that leads to a file without naming it.</summary>
    RESOLVE_NO_MAGICLINKS = 0x2,
    RESOLVE_NO_SYMLINKS = 0x4,

    /// <summary>Never out of the directory that it starts in.</summary>
    RESOLVE_BENEATH = 0x8,

    /// <summary>With the directory that it starts in as the root.</summary>
    RESOLVE_IN_ROOT = 0x10,

    /// <summary>Without waiting for a device.</summary>
    RESOLVE_CACHED = 0x20,
}

/// <summary>Whose signals a file's owner gets (F_SETOWN_EX in fcntl(2)).</summary>
public enum OwnerType
{
    F_OWNER_TID = 0,
    F_OWNER_PID = 1,
    F_OWNER_PGRP = 2,
}

/// <summary>Flags of a descriptor, not of the file it names (F_GETFD in fcntl(2)).</summary>
[Flags]
public enum FdFlags : uint
{
    None = 0,
    FD_CLOEXEC = 1,
}

/// <summary>Kinds of record locks (fcntl(2)).</summary>
public enum LockType : short
{
    F_RDLCK = 0,
    F_WRLCK = 1,
    F_UNLCK = 2,
}

/// <summary>Operations of flock(2).</summary>
[Flags]
public enum FlockOperation : uint
{
    LOCK_SH = 1,
    LOCK_EX = 2,
    LOCK_NB = 4,
    LOCK_UN = 8,
    LOCK_MAND = 32,
}

/// <summary>Flags of fallocate(2).</summary>
[Flags]
public enum FallocateMode : uint
{
    None = 0,
    FALLOC_FL_KEEP_SIZE = 0x1,
    FALLOC_FL_PUNCH_HOLE = 0x2,
    FALLOC_FL_COLLAPSE_RANGE = 0x8,
    FALLOC_FL_ZERO_RANGE = 0x10,
    FALLOC_FL_INSERT_RANGE = 0x20,
    FALLOC_FL_UNSHARE_RANGE = 0x40,
}

/// <summary>Advice of posix_fadvise(2).</summary>
public enum FadviseAdvice : uint
{
    POSIX_FADV_NORMAL = 0,
    POSIX_FADV_RANDOM = 1,
    POSIX_FADV_SEQUENTIAL = 2,
    POSIX_FADV_WILLNEED = 3,
    POSIX_FADV_DONTNEED = 4,
    POSIX_FADV_NOREUSE = 5,
}

/// <summary>Flags of preadv2(2) and pwritev2(2).</summary>
[Flags]
public enum ReadWriteFlags : uint
{
    None = 0,
    RWF_HIPRI = 0x1,
    RWF_DSYNC = 0x2,
    RWF_SYNC = 0x4,
    RWF_NOWAIT = 0x8,
    RWF_APPEND = 0x10,
}

/// <summary>Flags of close_range(2).</summary>
[Flags]
public enum CloseRangeFlags : uint
{
    None = 0,
    CLOSE_RANGE_UNSHARE = 2,
    CLOSE_RANGE_CLOEXEC = 4,
}

/// <summary>Flags of mount(2), which statfs(2) reports too.</summary>
[Flags]
public enum MountFlags : ulong
{
    None = 0,
    MS_RDONLY = 0x1,
    MS_NOSUID = 0x2,
    MS_NODEV = 0x4,
    MS_NOEXEC = 0x8,
    MS_SYNCHRONOUS = 0x10,
    MS_REMOUNT = 0x20,
    MS_NOATIME = 0x400,
    MS_NODIRATIME = 0x800,
    MS_BIND = 0x1000,
    MS_MOVE = 0x2000,
    MS_REC = 0x4000,
    MS_SILENT = 0x8000,
    MS_PRIVATE = 0x4_0000,
    MS_SHARED = 0x10_0000,
    MS_RELATIME = 0x20_0000,
    MS_STRICTATIME = 0x100_0000,
    MS_LAZYTIME = 0x200_0000,
}

/// <summary>Flags of umount2(2).</summary>
[Flags]
public enum UmountFlags : uint
{
    None = 0,
    MNT_FORCE = 1,
    MNT_DETACH = 2,
    MNT_EXPIRE = 4,
    UMOUNT_NOFOLLOW = 8,
}

/// <summary>Kinds of file systems as statfs(2) reports them.</summary>
public enum FileSystemMagic : long
{
    MQUEUE_MAGIC = 0x1980_0202,
    RAMFS_MAGIC = 0x8584_58F6,
    TMPFS_MAGIC = 0x0102_1994,
    PROC_SUPER_MAGIC = 0x9FA0,
    SYSFS_MAGIC = 0x6265_6572,
    DEVPTS_SUPER_MAGIC = 0x1CD1,
    PIPEFS_MAGIC = 0x5049_5045,
    SOCKFS_MAGIC = 0x534F_434B,
    ANON_INODE_FS_MAGIC = 0x0904_1934,
    EXT4_SUPER_MAGIC = 0xEF53,
    V9FS_MAGIC = 0x0102_1997,
}

/// <summary>Limits on names and vectors.</summary>
public static class FileLimits
{
    /// <summary>Bytes of one name in a directory, without a NUL.</summary>
    public const int NAME_MAX = 255;

    /// <summary>Bytes of a path, with its NUL.</summary>
    public const int PATH_MAX = 4096;

    /// <summary>Elements of an iovec array (readv(2)).</summary>
    public const int UIO_MAXIOV = 1024;

    /// <summary>Most bytes that one read or write moves (read(2), "Notes").</summary>
    public const int MAX_RW_COUNT = 0x7FFF_F000;

    /// <summary>Symbolic links followed for one path (path_resolution(7)).</summary>
    public const int MAXSYMLINKS = 40;

    /// <summary>Bytes that a pipe takes as a whole (pipe(7)).</summary>
    public const int PIPE_BUF = 4096;
}

/// <summary>Flags of setxattr(2).</summary>
[Flags]
public enum XattrFlags : uint
{
    None = 0,
    XATTR_CREATE = 1,
    XATTR_REPLACE = 2,
}

/// <summary>Limits on extended attributes (xattr(7)).</summary>
public static class XattrLimits
{
    /// <summary>Bytes of a name, without its NUL.</summary>
    public const int XATTR_NAME_MAX = 255;

    /// <summary>Bytes of a value.</summary>
    public const int XATTR_SIZE_MAX = 65536;

    /// <summary>Bytes of all names of a file, with their NULs.</summary>
    public const int XATTR_LIST_MAX = 65536;
}
