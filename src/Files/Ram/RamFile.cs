using Semitone.Abi;
using Semitone.Machine;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>A regular file whose page cache is all the storage it has.</summary>
public sealed class RamFile : RegularFileInode
{
    private const int BlockSize = 512;
    private const MemfdSeals WritingSeals = MemfdSeals.F_SEAL_WRITE | MemfdSeals.F_SEAL_FUTURE_WRITE;

    private PageCache _pages;

    /// <summary>Makes an empty file.</summary>
    public RamFile(FileSystem fileSystem, ulong number, Mode mode)
        : this(fileSystem, number, mode, new PageCache(fileSystem.Services.Frames))
    {
    }

    /// <summary>Makes an empty file that has a description in place of a path.</summary>
    internal RamFile(FileSystem fileSystem, ulong number, Mode mode, string description)
        : this(fileSystem, number, mode)
    {
        Description = description;
    }

    /// <summary>Makes a file of bytes that are in memory: they become its pages, without a copy.</summary>
    public RamFile(FileSystem fileSystem, ulong number, Mode mode, PhysicalRange contents)
        : this(fileSystem, number, mode, new PageCache(fileSystem.Services.Frames, contents))
    {
    }

    private RamFile(FileSystem fileSystem, ulong number, Mode mode, PageCache pages)
        : base(fileSystem, number, mode)
    {
        _pages = pages;
        _pages.File = this;
    }

    public override string? Description { get; }

    public override MemoryObject Pages => _pages;

    public override long Size => _pages.Length;

    public override long Blocks => (_pages.PageCount + _pages.ExtentPageCount) * (Paging.PageSize / BlockSize);

    public override Errno Read(long offset, ref IoCursor destination)
    {
        return _pages.Read(offset, ref destination).Error;
    }

    /// <summary>What can no longer be done with the file. Only one of memfd_create(2) can have its contents sealed.</summary>
    public MemfdSeals Seals { get; private set; } = MemfdSeals.F_SEAL_SEAL;

    /// <summary>Allows seals to be added (MFD_ALLOW_SEALING).</summary>
    /// <param name="initial">Those that it has from the start.</param>
    internal void AllowSeals(MemfdSeals initial) => Seals = initial;

    /// <summary>Adds seals (F_ADD_SEALS in fcntl(2)).</summary>
    /// <returns>None; EPERM when the seals are sealed; EBUSY when a mapping may write what is not to be written any more.</returns>
    public Errno AddSeals(MemfdSeals seals)
    {
        if ((Seals & MemfdSeals.F_SEAL_SEAL) != 0)
        {
            return Errno.EPERM;
        }
        const uint Executable = 0x49;
        if ((seals & MemfdSeals.F_SEAL_EXEC) != 0 && ((uint)Mode & Executable) != 0)
        {
            // What can be executed, and always can be, must not be written any more.
            seals |= MemfdSeals.F_SEAL_SHRINK | MemfdSeals.F_SEAL_GROW | WritingSeals;
        }
        if ((seals & ~Seals & MemfdSeals.F_SEAL_WRITE) != 0 && _pages.HasWritingMapping)
        {
            return Errno.EBUSY;
        }
        Seals |= seals;
        return Errno.None;
    }

    public override ChangeResult Update(in AttributeChange change)
    {
        const uint Executable = 0x49;
        bool changesExecution = change.Mode is { } mode && (((uint)mode ^ (uint)Mode) & Executable) != 0;
        return changesExecution && (Seals & MemfdSeals.F_SEAL_EXEC) != 0 ? Errno.EPERM : base.Update(in change);
    }

    public override Errno Write(long offset, ref IoCursor source)
    {
        if (source.Remaining == 0)
        {
            return Errno.None;
        }
        IFileCaller? caller = FileSystem.Services.Caller;
        bool isChecked = Seals != MemfdSeals.F_SEAL_SEAL || (caller is not null && offset > caller.FileSizeLimit - source.Remaining);
        Errno error = isChecked ? CheckWrite(offset, ref source) : Errno.None;
        if (error != Errno.None)
        {
            return error;
        }
        IoResult result = _pages.Write(offset, ref source);
        if (result.Bytes > 0)
        {
            TouchModified();
            DropPrivileges(caller);
        }
        return result.Error;
    }

    public override ChangeResult SetSize(long size)
    {
        IFileCaller? caller = FileSystem.Services.Caller;
        Errno error = CheckSize(caller, size);
        if (error != Errno.None)
        {
            return error;
        }
        if ((Seals & MemfdSeals.F_SEAL_SHRINK) != 0 && size < Size)
        {
            return Errno.EPERM;
        }
        _pages.Truncate(size);
        TouchModified();
        DropPrivileges(caller);
        return Errno.None;
    }

    public override long FindData(long offset, bool wantsData) => _pages.Seek(offset, wantsData);

    public override Errno Allocate(FallocateMode mode, long offset, long length)
    {
        bool keepsSize = (mode & FallocateMode.FALLOC_FL_KEEP_SIZE) != 0;
        bool punches = (mode & FallocateMode.FALLOC_FL_PUNCH_HOLE) != 0;
        if (punches && (Seals & WritingSeals) != 0)
        {
            return Errno.EPERM;
        }
        Errno error = punches || keepsSize ? Errno.None : CheckSize(FileSystem.Services.Caller, offset + length);
        if (error != Errno.None)
        {
            return error;
        }
        switch (mode & ~FallocateMode.FALLOC_FL_KEEP_SIZE)
        {
            case FallocateMode.None:
                error = _pages.Allocate(offset, length, keepsSize);
                break;
            case FallocateMode.FALLOC_FL_PUNCH_HOLE when keepsSize:
                error = _pages.PunchHole(offset, length);
                break;
            default:
                return Errno.EOPNOTSUPP;
        }
        if (error == Errno.None)
        {
            TouchModified();
            DropPrivileges(FileSystem.Services.Caller);
        }
        return error;
    }

    /// <summary>Gives a file that nobody has seen yet its contents.</summary>
    internal void SetInitialContents(PhysicalRange contents)
    {
        _pages.Release();
        _pages = new PageCache(FileSystem.Services.Frames, contents) { File = this };
    }

    protected override void Evict() => _pages.Release();

    /// <summary>Cuts a write to what the caller's limit and the seals allow.</summary>
    /// <returns>None; EPERM or EFBIG when nothing is left.</returns>
    private Errno CheckWrite(long offset, ref IoCursor source)
    {
        if ((Seals & WritingSeals) != 0)
        {
            return Errno.EPERM;
        }
        if ((Seals & MemfdSeals.F_SEAL_GROW) != 0 && offset > Size - source.Remaining)
        {
            // Whole pages that lie inside are still written, as Linux goes page by page.
            long inside = (Size & ~(long)Paging.PageMask) - offset;
            if (inside <= 0)
            {
                return Errno.EPERM;
            }
            source.Limit(inside);
        }
        long limit = FileSystem.Services.Caller?.FileSizeLimit ?? long.MaxValue;
        if (limit != long.MaxValue && offset >= limit)
        {
            FileSystem.Services.Caller!.OnFileTooLarge();
            return Errno.EFBIG;
        }
        source.Limit(limit - offset);
        return Errno.None;
    }

    /// <summary>Checks whether the file may become longer.</summary>
    private Errno CheckSize(IFileCaller? caller, long size)
    {
        if (size <= Size)
        {
            return Errno.None;
        }
        if (caller is not null && size > caller.FileSizeLimit)
        {
            caller.OnFileTooLarge();
            return Errno.EFBIG;
        }
        return (Seals & MemfdSeals.F_SEAL_GROW) != 0 ? Errno.EPERM : Errno.None;
    }

    /// <summary>
    /// A change of contents takes set-user-ID and set-group-ID away (inode(7)), but for who may keep them, and the file's capabilities.
    /// </summary>
    private void DropPrivileges(IFileCaller? caller)
    {
        if (Attributes is not null)
        {
            FileCapabilities.Drop(this);
        }
        if ((Mode & (Mode.S_ISUID | Mode.S_ISGID)) != 0 && caller is not { KeepsSetIdBits: true })
        {
            Mode &= (Mode & Mode.S_IXGRP) != 0 ? ~(Mode.S_ISUID | Mode.S_ISGID) : ~Mode.S_ISUID;
        }
    }
}
