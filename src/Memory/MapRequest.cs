using Semitone.Abi;
using Semitone.Machine;

namespace Semitone.Memory;

/// <summary>How an address for a mapping is chosen, and what comes with it.</summary>
[Flags]
public enum MapOptions
{
    None = 0,

    /// <summary>Exactly at the address, in place of whatever is there (MAP_FIXED).</summary>
    Fixed = 1,

    /// <summary>Exactly at the address, or EEXIST (MAP_FIXED_NOREPLACE).</summary>
    FixedNoReplace = 2,

    /// <summary>Below 2 GiB (MAP_32BIT).</summary>
    Low = 4,

    /// <summary>Touch all pages at once (MAP_POPULATE, MAP_LOCKED).</summary>
    Populate = 8,
}

/// <summary>A mapping to be made: the arguments of mmap(2), with the file resolved to its memory object.</summary>
public struct MapRequest
{
    public MapRequest()
    {
    }

    /// <summary>Where, or a hint, or 0.</summary>
    public ulong Address { get; set; }

    /// <summary>Bytes as the guest gave them; rounded up to pages.</summary>
    public ulong Length { get; set; }

    public PageAccess Access { get; set; }

    /// <summary>The most that mprotect(2) may later ask for.</summary>
    public PageAccess MaxAccess { get; set; } = PageAccess.Read | PageAccess.Write | PageAccess.Execute;

    public VmaFlags Flags { get; set; }

    /// <summary>The least address that a fixed mapping may begin at: who may use raw memory may go below vm.mmap_min_addr.</summary>
    public ulong LowestFixed { get; set; } = Paging.UserStart;

    public MapOptions Options { get; set; }

    /// <summary>What to map; null for anonymous memory (shared anonymous memory gets an object of its own).</summary>
    public MemoryObject? Object { get; set; }

    /// <summary>Byte of the object that the mapping begins at.</summary>
    public ulong Offset { get; set; }
}
