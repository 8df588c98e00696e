namespace Semitone.Core;

/// <summary>How a wait ended.</summary>
public enum WaitResult
{
    /// <summary>What was waited for may have happened: look again.</summary>
    Woken,

    /// <summary>The deadline passed.</summary>
    TimedOut,

    /// <summary>A signal or the end of the process wants the thread (EINTR, or a restart).</summary>
    Interrupted,
}
