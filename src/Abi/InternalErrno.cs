namespace Semitone.Abi;

/// <summary>What parts of the kernel answer to each other. No program ever sees these numbers, and no errno of Linux has them.</summary>
public static class InternalErrno
{
    /// <summary>
    /// The answer has to be fetched from somebody else first. Nothing has been done: whoever hears this lets go of everything, waits until
    /// the fetch is over, and asks again from the start.
    /// </summary>
    public const Errno MustWait = (Errno)4094;
}
