namespace Semitone.Memory;

/// <summary>What sets a vma apart besides its access.</summary>
[Flags]
public enum VmaFlags : ushort
{
    None = 0,

    /// <summary>Writes go to the object, for all who map it; else to copies of the address space's own.</summary>
    Shared = 1,

    /// <summary>Grows towards lower addresses when the page below is touched: a stack.</summary>
    GrowsDown = 2,

    /// <summary>Not checked against the memory there is (MAP_NORESERVE).</summary>
    NoReserve = 4,

    /// <summary>Left out of a forked child (MADV_DONTFORK).</summary>
    DontFork = 8,

    /// <summary>Zeroes in a forked child (MADV_WIPEONFORK).</summary>
    WipeOnFork = 16,

    /// <summary>mlock(2) was asked for. Nothing is ever paged out: this is for accounting, and refuses advice to drop pages.</summary>
    Locked = 32,
}
