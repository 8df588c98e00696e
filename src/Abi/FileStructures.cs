using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Semitone.Abi;

/// <summary>A file's attributes (stat(2)).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct Stat
{
    [Trace(TraceFormat.Hidden)]
    public ulong st_dev;
    [Trace(TraceFormat.Hidden)]
    public ulong st_ino;
    [Trace(TraceFormat.Hidden)]
    public ulong st_nlink;
    public Mode st_mode;
    [Trace(TraceFormat.Hidden)]
    public uint st_uid;
    [Trace(TraceFormat.Hidden)]
    public uint st_gid;
    private readonly uint _padding;
    [Trace(TraceFormat.Hidden)]
    public ulong st_rdev;
    [Trace(TraceFormat.Decimal, Order = -1)]
    public long st_size;
    [Trace(TraceFormat.Hidden)]
    public long st_blksize;
    [Trace(TraceFormat.Hidden)]
    public long st_blocks;
    [Trace(TraceFormat.Hidden)]
    public Timespec st_atim;
    [Trace(TraceFormat.Hidden)]
    public Timespec st_mtim;
    [Trace(TraceFormat.Hidden)]
    public Timespec st_ctim;
    private readonly long _unused0;
    private readonly long _unused1;
    private readonly long _unused2;
}

/// <summary>A moment in a <see cref="Statx"/> (statx(2)).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct StatxTimestamp
{
    public long tv_sec;
    public uint tv_nsec;
    private readonly int _reserved;
}

/// <summary>A file's extended attributes (statx(2)).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct Statx
{
    public StatxMask stx_mask;
    [Trace(TraceFormat.Hidden)]
    public uint stx_blksize;
    [Trace(TraceFormat.Hidden)]
    public ulong stx_attributes;
    [Trace(TraceFormat.Hidden)]
    public uint stx_nlink;
    [Trace(TraceFormat.Hidden)]
    public uint stx_uid;
    [Trace(TraceFormat.Hidden)]
    public uint stx_gid;
    [Trace(TraceFormat.Octal)]
    public ushort stx_mode;
    private readonly ushort _padding;
    [Trace(TraceFormat.Hidden)]
    public ulong stx_ino;
    public ulong stx_size;
    [Trace(TraceFormat.Hidden)]
    public ulong stx_blocks;
    [Trace(TraceFormat.Hidden)]
    public ulong stx_attributes_mask;
    [Trace(TraceFormat.Hidden)]
    public StatxTimestamp stx_atime;
    [Trace(TraceFormat.Hidden)]
    public StatxTimestamp stx_btime;
    [Trace(TraceFormat.Hidden)]
    public StatxTimestamp stx_ctime;
    [Trace(TraceFormat.Hidden)]
    public StatxTimestamp stx_mtime;
    [Trace(TraceFormat.Hidden)]
    public uint stx_rdev_major;
    [Trace(TraceFormat.Hidden)]
    public uint stx_rdev_minor;
    [Trace(TraceFormat.Hidden)]
    public uint stx_dev_major;
    [Trace(TraceFormat.Hidden)]
    public uint stx_dev_minor;
    [Trace(TraceFormat.Hidden)]
    public ulong stx_mnt_id;
    [Trace(TraceFormat.Hidden)]
    public uint stx_dio_mem_align;
    [Trace(TraceFormat.Hidden)]
    public uint stx_dio_offset_align;
    private readonly StatxSpare _spare;

    [InlineArray(12)]
    private struct StatxSpare
    {
        private ulong _element;
    }
}

/// <summary>A file system's attributes (statfs(2)).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct StatFs
{
    public FileSystemMagic f_type;
    public long f_bsize;
    public ulong f_blocks;
    public ulong f_bfree;
    public ulong f_bavail;
    [Trace(TraceFormat.Hidden)]
    public ulong f_files;
    [Trace(TraceFormat.Hidden)]
    public ulong f_ffree;
    [Trace(TraceFormat.Hidden)]
    public ulong f_fsid;
    [Trace(TraceFormat.Hidden)]
    public long f_namelen;
    [Trace(TraceFormat.Hidden)]
    public long f_frsize;
    [Trace(TraceFormat.Hidden)]
    public long f_flags;
    private readonly long _spare0;
    private readonly long _spare1;
    private readonly long _spare2;
    private readonly long _spare3;
}

/// <summary>What stands before the name of a directory entry (getdents64(2)); the record is padded to a multiple of 8.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public struct Dirent64
{
    /// <summary>Where the name begins.</summary>
    public const int NameOffset = 19;

    public ulong d_ino;
    public long d_off;
    public ushort d_reclen;
    public DirentType d_type;
}

/// <summary>One range of a scattered buffer (readv(2)).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct Iovec
{
    [Trace(TraceFormat.Address)]
    public ulong iov_base;
    public ulong iov_len;
}

/// <summary>A record lock (fcntl(2)).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct Flock
{
    public LockType l_type;
    public short l_whence;
    public long l_start;
    public long l_len;
    [Trace(TraceFormat.Pid)]
    public int l_pid;
    private readonly int _padding;
}

/// <summary>How openat2(2) is to open a file.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct OpenHow
{
    [Trace(TraceFormat.Hex)]
    public ulong flags;
    [Trace(TraceFormat.Octal)]
    public ulong mode;
    [Trace(TraceFormat.Hex)]
    public ulong resolve;
}

/// <summary>Who gets a file's signals (struct f_owner_ex of fcntl(2)).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FileOwner
{
    public OwnerType type;
    public int pid;
}

/// <summary>A file that poll(2) watches.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct PollFd
{
    [Trace(TraceFormat.Fd)]
    public int fd;
    public PollEvents events;
    public PollEvents revents;
}

/// <summary>A file that an epoll instance watches (epoll_ctl(2)); without padding on x86-64.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public struct EpollEvent
{
    public EpollEvents events;
    [Trace(TraceFormat.Hex)]
    public ulong data;
}
