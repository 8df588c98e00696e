using Semitone.Abi;
using Semitone.Files;

namespace Semitone.Unit.Files;

/// <summary>A caller of the terminal's, whoever a test wants it to be, and what signals it raises.</summary>
internal sealed class TerminalOwnerDouble : ITerminalOwner
{
    public List<(int Group, Signal Signal)> Signals { get; } = [];

    /// <summary>The groups that were in the foreground of terminals which have gone.</summary>
    public List<int> HungUpGroups { get; } = [];

    public int CurrentGroup { get; set; } = 7;

    public int CurrentSession { get; set; } = 7;

    public Terminal? CurrentTerminal { get; set; }

    public bool IsSessionLeader { get; set; }

    public bool IsAdministrator { get; set; } = true;

    public Errno BackgroundAnswer { get; set; } = RestartErrno.ERESTARTSYS;

    public void TakeAway(Terminal terminal) => CurrentTerminal = CurrentTerminal == terminal ? null : CurrentTerminal;

    public void HangUp(Terminal terminal, int foregroundGroup)
    {
        HungUpGroups.Add(foregroundGroup);
        TakeAway(terminal);
    }

    public Errno StopBackground(Signal signal)
    {
        Signals.Add((CurrentGroup, signal));
        return BackgroundAnswer;
    }

    public void SignalGroup(int processGroup, Signal signal) => Signals.Add((processGroup, signal));

    public void SignalFirstProcess(Signal signal) => Signals.Add((0, signal));

    public bool TryGetSession(int processGroup, out int session)
    {
        session = 7;
        return processGroup == 7;
    }
}
