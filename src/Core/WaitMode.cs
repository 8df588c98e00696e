namespace Semitone.Core;

/// <summary>What may end a wait besides what it waits for.</summary>
public enum WaitMode : byte
{
    /// <summary>A signal that is to be delivered, and the end of the thread.</summary>
    Interruptible,

    /// <summary>The end of the thread alone: what Linux calls a killable wait, in which programs expect no EINTR.</summary>
    Killable,

    /// <summary>Nothing.</summary>
    Uninterruptible,
}
