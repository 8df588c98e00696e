namespace Semitone.Memory;

/// <summary>What became of a page fault.</summary>
public enum FaultResult
{
    /// <summary>The page is there now: try again.</summary>
    Resolved,

    /// <summary>
    /// The page was there and allows the access already: the CPU went by something else. Trying again helps where it was an old
    /// translation.
    /// </summary>
    Unchanged,

    /// <summary>Nothing is mapped there: SIGSEGV, SEGV_MAPERR.</summary>
    MapError,

    /// <summary>The mapping does not allow it: SIGSEGV, SEGV_ACCERR.</summary>
    AccessError,

    /// <summary>The page lies beyond the end of the mapped file: SIGBUS, BUS_ADRERR.</summary>
    BusError,

    /// <summary>No frame is left: the program is to be killed.</summary>
    OutOfMemory,

    /// <summary>The page must be fetched first (<see cref="AddressSpace.TryTakeLack"/>): wait, and try again.</summary>
    MustWait,
}
