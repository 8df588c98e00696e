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

    /// <summary>The controlling terminal of the caller; null where it has none.</summary>
    Terminal? CurrentTerminal { get; set; }

    /// <summary>Whether the caller leads its session.</summary>
    bool IsSessionLeader { get; }

    /// <summary>Whether the caller has CAP_SYS_ADMIN.</summary>
    bool IsAdministrator { get; }

    /// <summary>Takes a terminal away from all processes that have it.</summary>
    void TakeAway(Terminal terminal);

    /// <summary>
    /// Takes a terminal away from all processes that have it, because it has gone: the session's leader hears of it, and who was in the
    /// foreground does when the leader ends.
    /// </summary>
    /// <param name="foregroundGroup">The process group in the foreground.</param>
    void HangUp(Terminal terminal, int foregroundGroup);

    /// <summary>Does what befalls a caller in the background that reads, writes or changes its terminal (POSIX.1, 11.1.4).</summary>
    /// <param name="signal">SIGTTIN or SIGTTOU.</param>
    /// <returns>None where it may; EIO where nobody could let it go on; else the signal was sent to its group, and the call is to be
    /// made again.</returns>
    Errno StopBackground(Signal signal);
}
