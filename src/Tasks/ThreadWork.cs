namespace Semitone.Tasks;

/// <summary>What a thread has to do before it may run its program again.</summary>
[Flags]
internal enum ThreadWork
{
    None = 0,

    /// <summary>A signal may be deliverable.</summary>
    Signal = 1,

    /// <summary>A system call waits: the thread is not runnable.</summary>
    Parked = 2,

    /// <summary>The thread, or its whole process, ends.</summary>
    Exit = 4,

    /// <summary>A system call that set a signal mask for its own time is over.</summary>
    RestoreSignalMask = 8,

    /// <summary>A signal has stopped the process.</summary>
    Stop = 16,

    /// <summary>A wait that was interrupted answered a restart error that must be resolved.</summary>
    Restart = 32,

    /// <summary>What a system call lacked has been fetched: it is to be served from its start.</summary>
    Repeat = 64,

    /// <summary>An access of this thread, or of the kernel for it, has come to a page that must be fetched.</summary>
    Fetch = 128,
}
