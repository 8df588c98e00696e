using System.Text;
using Semitone.Abi;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>A regular file whose contents are a memory object: what read(2) gives and what mmap(2) shows are the same pages.</summary>
public abstract class RegularFileInode(FileSystem fileSystem, ulong number, Mode mode)
    : Inode(fileSystem, number, (mode & PermissionMask) | Mode.S_IFREG), IMappedFile
{
    /// <summary>A description that was closed, for the next open(2): that allocates nothing then.</summary>
    private OpenRegularFile? _closed;

    private int _executionCount;

    /// <summary>Whether some process runs this file: then nobody may write it (ETXTBSY).</summary>
    public bool IsExecuting => _executionCount != 0;

    /// <summary>Open files that may write: while there are any, nobody may run the file.</summary>
    public int WriterCount { get; private set; }

    /// <summary>The pages, for mappings.</summary>
    public abstract MemoryObject Pages { get; }

    /// <summary>The absolute path, for /proc/PID/maps.</summary>
    string IMappedFile.Path
    {
        get
        {
            if (Description is { } description)
            {
                return description;
            }
            byte[] buffer = new byte[FileLimits.PATH_MAX];
            PathFate fate = FileSystemContext.GetPath(null, this, buffer, out ReadOnlySpan<byte> path);
            return fate == PathFate.Removed ? $"{Encoding.UTF8.GetString(path)} (deleted)" : Encoding.UTF8.GetString(path);
        }
    }

    ulong IMappedFile.InodeNumber => Number;

    protected override bool IsHeld => base.IsHeld || Pages.IsMapped;

    /// <summary>Reads up to the end of the file.</summary>
    /// <returns>None or what the storage said; the cursor knows how much moved.</returns>
    public abstract Errno Read(long offset, ref IoCursor destination);

    /// <summary>Writes, and makes the file longer where it must.</summary>
    /// <returns>None, EFBIG, ENOSPC or what the storage said; the cursor knows how much moved.</returns>
    public abstract Errno Write(long offset, ref IoCursor source);

    /// <summary>Finds where data or a hole begins, from an offset in the file on (lseek(2), SEEK_DATA and SEEK_HOLE).</summary>
    /// <returns>-1 when no data follows. A file system may take all of a file for data, with a hole at its end.</returns>
    public virtual long FindData(long offset, bool wantsData) => wantsData ? offset : Size;

    public virtual Errno Allocate(FallocateMode mode, long offset, long length) => Errno.EOPNOTSUPP;

    /// <summary>Notes that a process runs the file, and keeps its contents.</summary>
    public void BeginExecution()
    {
        _executionCount++;
        Retain();
    }

    /// <summary>Undoes <see cref="BeginExecution"/>.</summary>
    public void EndExecution()
    {
        _executionCount--;
        Release();
    }

    public override Errno Open(OpenFlags flags, out OpenFile? file)
    {
        if (IsExecuting && ((flags & OpenFlags.O_ACCMODE) != OpenFlags.O_RDONLY || (flags & OpenFlags.O_TRUNC) != 0))
        {
            file = null;
            return Errno.ETXTBSY;
        }
        OpenRegularFile opened;
        if (_closed is { } closed)
        {
            _closed = null;
            closed.Reopen(flags);
            opened = closed;
        }
        else
        {
            opened = new OpenRegularFile(this, flags);
        }
        CountWriter(opened);
        file = opened;
        return Errno.None;
    }

    internal void CountWriter(OpenRegularFile opened)
    {
        opened.IsCountedWriter = opened.CanWrite;
        WriterCount += opened.CanWrite ? 1 : 0;
    }

    internal void KeepClosed(OpenRegularFile file)
    {
        WriterCount -= file.IsCountedWriter ? 1 : 0;
        file.IsCountedWriter = false;
        _closed = file;
    }
}
