using Semitone.Abi;

namespace Semitone.Files;

/// <summary>Who gets the signals that a terminal raises, and those that the host sends.</summary>
public interface ITerminalOwner
{
    /// <summary>Sends a signal to every process of a process group.</summary>
    [NonAllocating]
    void SignalGroup(int processGroup, Signal signal);

    /// <summary>Sends a signal to the first process.</summary>
    [NonAllocating]
    void SignalFirstProcess(Signal signal);

    /// <summary>Finds the session of a process group.</summary>
    /// <returns>False when no process is in the group.</returns>
    bool TryGetSession(int processGroup, out int session);

    /// <summary>The process group of the caller of the system call that is being served.</summary>
    int CurrentGroup { get; }

    /// <summary>The session of the caller.</summary>
    int CurrentSession { get; }
}
