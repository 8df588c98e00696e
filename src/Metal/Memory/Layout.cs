namespace Semitone.Metal.Memory;

/// <summary>Where things lie in the virtual address space of ring 0.</summary>
internal static class Layout
{
    internal const ulong PageSize = 4096;

    /// <summary>All physical memory, one to one. The boot page tables do not have it.</summary>
    internal const ulong DirectMap = 0xFFFF_8000_0000_0000;

    /// <summary>Metal's image, at this base plus its physical address; so does the boot code map the first GiB.</summary>
    internal const ulong ImageBase = 0xFFFF_FFFF_8000_0000;

    /// <summary>Device registers, uncached, one to one with the 4 GiB below which they lie.</summary>
    internal const ulong DeviceMap = 0xFFFF_FF00_0000_0000;

    /// <summary>The table of the runtime's regions, in the slot of the device map.</summary>
    internal const ulong RegionTable = 0xFFFF_FF40_0000_0000;

    /// <summary>
    /// The managed heap: supervisor pages in the last slot of the lower half, because the garbage collector keeps a flag in an address's
    /// sign.
    /// </summary>
    internal const ulong RuntimeStart = 0x7F80_0000_0000;
    internal const ulong RuntimeEnd = 0x7FC0_0000_0000;
}
