using Semitone.Abi;
using Semitone.Machine;

namespace Semitone.Memory;

/// <summary>A page that is mapped.</summary>
/// <param name="Frame">Where it lies.</param>
/// <param name="IsOwn">Whether it is anonymous memory of the program or its copy of a file's page, not the page of a file or of shared
/// memory.</param>
/// <param name="IsDirty">Whether it was written to through this mapping; always so when it is its own.</param>
/// <param name="MapCount">How many mappings show it, 1 or more; for one of its own 2 stands for several.</param>
public readonly record struct PageUse(Frame Frame, bool IsOwn, bool IsDirty, int MapCount);

/// <summary>The pages of one or more mappings, counted.</summary>
public struct MemoryUse
{
    /// <summary>
    /// Parts of a page in which shares are counted, so that their sum is exact for all numbers of users that matter (1 to 10).
    /// </summary>
    private const long ShareUnit = 2520;

    private long _shares;
    private long _dirtyShares;
    private long _ownShares;
    private long _fileShares;
    private long _sharedMemoryShares;
    private long _lockedShares;

    /// <summary>Pages there.</summary>
    public long Resident { get; private set; }

    /// <summary>Pages that are the program's own: anonymous memory, and its copies of files' pages.</summary>
    public long Own { get; private set; }

    public long SharedClean { get; private set; }

    public long SharedDirty { get; private set; }

    public long PrivateClean { get; private set; }

    public long PrivateDirty { get; private set; }

    /// <summary>Pages in locked mappings, each by its share.</summary>
    public readonly long LockedBytes => ToBytes(_lockedShares);

    /// <summary>The most mappings that one of the files' pages has.</summary>
    public int MaxMapCount { get; private set; }

    /// <summary>Bytes, each page divided by the number of its mappings.</summary>
    public readonly long ShareBytes => ToBytes(_shares);

    public readonly long DirtyShareBytes => ToBytes(_dirtyShares);

    /// <summary>The part of <see cref="ShareBytes"/> that is the program's own.</summary>
    public readonly long OwnShareBytes => ToBytes(_ownShares);

    public readonly long FileShareBytes => ToBytes(_fileShares);

    public readonly long SharedMemoryShareBytes => ToBytes(_sharedMemoryShares);

    /// <summary>Adds a page of a mapping.</summary>
    internal void Add(in PageUse page, Vma vma)
    {
        long share = ShareUnit / page.MapCount;
        Resident++;
        Own += page.IsOwn ? 1 : 0;
        MaxMapCount = Math.Max(MaxMapCount, page.MapCount);
        _shares += share;
        _dirtyShares += page.IsDirty ? share : 0;
        _lockedShares += (vma.Flags & VmaFlags.Locked) != 0 ? share : 0;
        if (page.IsOwn)
        {
            _ownShares += share;
        }
        else if (vma.Object?.File is null)
        {
            _sharedMemoryShares += share;
        }
        else
        {
            _fileShares += share;
        }

        bool isShared = page.MapCount > 1;
        SharedClean += isShared && !page.IsDirty ? 1 : 0;
        SharedDirty += isShared && page.IsDirty ? 1 : 0;
        PrivateClean += !isShared && !page.IsDirty ? 1 : 0;
        PrivateDirty += !isShared && page.IsDirty ? 1 : 0;
    }

    /// <summary>Adds what was counted elsewhere.</summary>
    public void Add(in MemoryUse other)
    {
        Resident += other.Resident;
        Own += other.Own;
        SharedClean += other.SharedClean;
        SharedDirty += other.SharedDirty;
        PrivateClean += other.PrivateClean;
        PrivateDirty += other.PrivateDirty;
        MaxMapCount = Math.Max(MaxMapCount, other.MaxMapCount);
        _shares += other._shares;
        _dirtyShares += other._dirtyShares;
        _ownShares += other._ownShares;
        _fileShares += other._fileShares;
        _sharedMemoryShares += other._sharedMemoryShares;
        _lockedShares += other._lockedShares;
    }

    private static long ToBytes(long shares) => shares * Paging.PageSize / ShareUnit;
}
