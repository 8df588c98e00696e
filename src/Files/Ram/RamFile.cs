using Semitone.Abi;
using Semitone.Machine;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>A regular file whose page cache is all the storage it has.</summary>
public sealed class RamFile : RegularFileInode
{
    private const int BlockSize = 512;

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
        IoResult result = _pages.Read(offset, ref destination);
        TouchAccessed();
        return result.Error;
    }

    public override Errno Write(long offset, ref IoCursor source)
    {
        if (source.Remaining == 0)
        {
            return Errno.None;
        }
        IoResult result = _pages.Write(offset, ref source);
        if (result.Bytes > 0)
        {
            TouchModified();
            DropSetIdBits();
        }
        return result.Error;
    }

    public override Errno SetSize(long size)
    {
        _pages.Truncate(size);
        TouchModified();
        DropSetIdBits();
        return Errno.None;
    }

    public override long FindData(long offset, bool wantsData) => _pages.Seek(offset, wantsData);

    public override Errno Allocate(FallocateMode mode, long offset, long length)
    {
        bool keepsSize = (mode & FallocateMode.FALLOC_FL_KEEP_SIZE) != 0;
        Errno error;
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

    /// <summary>A change of contents takes set-user-ID and set-group-ID away (inode(7)).</summary>
    private void DropSetIdBits()
    {
        if ((Mode & (Mode.S_ISUID | Mode.S_ISGID)) != 0)
        {
            Mode &= (Mode & Mode.S_IXGRP) != 0 ? ~(Mode.S_ISUID | Mode.S_ISGID) : ~Mode.S_ISUID;
        }
    }
}
