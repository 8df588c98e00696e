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

    /// <summary>The session whose terminal the caller has; 0 when it has given it up.</summary>
    int CurrentSession { get; }

    /// <summary>Whether the caller leads its session.</summary>
    bool IsSessionLeader { get; }

    /// <summary>The caller alone has no terminal any more (TIOCNOTTY), until it begins a session.</summary>
    void GiveUpTerminal();

    /// <summary>Does what befalls a caller in the background that reads, writes or changes its terminal (POSIX.1, 11.1.4).</summary>
    /// <param name="signal">SIGTTIN or SIGTTOU.</param>
    /// <returns>None where it may; EIO where nobody could let it go on; else the signal was sent to its group, and the call is to be
    /// made again.</returns>
    Errno StopBackground(Signal signal);
}
