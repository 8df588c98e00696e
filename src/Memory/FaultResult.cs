namespace Semitone.Memory;

/// <summary>What became of a page fault.</summary>
public enum FaultResult
{
    /// <summary>The page is there now: try again.</summary>
    Resolved,

    /// <summary>Nothing is mapped there: SIGSEGV, SEGV_MAPERR.</summary>
    MapError,

    /// <summary>The mapping does not allow it: SIGSEGV, SEGV_ACCERR.</summary>
    AccessError,

    /// <summary>The page lies beyond the end of the mapped file: SIGBUS, BUS_ADRERR.</summary>
    BusError,

    /// <summary>No frame is left: the program is to be killed.</summary>
    OutOfMemory,
}
