using Semitone.Abi;
using Semitone.Files;

namespace Semitone.Tasks;

/// <summary>Takes the signals of a terminal to its foreground processes, and those of the host to the first one.</summary>
public sealed class TerminalOwner : ITerminalOwner
{
    private readonly SystemState _system;

    public TerminalOwner(SystemState system)
    {
        _system = system;
    }

    /// <inheritdoc/>
    public int CurrentGroup => _system.CurrentThread?.Process.ProcessGroupId ?? 0;

    /// <inheritdoc/>
    public int CurrentSession => _system.CurrentThread?.Process.SessionId ?? 0;

    /// <inheritdoc/>
    public Terminal? CurrentTerminal
    {
        get => _system.CurrentThread?.Process.ControllingTerminal;
        set
        {
            if (_system.CurrentThread is { } thread)
            {
                thread.Process.ControllingTerminal = value;
            }
        }
    }

    /// <inheritdoc/>
    public bool IsSessionLeader => _system.CurrentThread is { Process: { } process } && process.SessionId == process.Pid;

    /// <inheritdoc/>
    public bool IsAdministrator =>
        _system.CurrentThread is not { } thread || thread.Credentials.Has(Capability.CAP_SYS_ADMIN);

    /// <inheritdoc/>
    public void TakeAway(Terminal terminal)
    {
        for (int id = 1; _system.Threads.TryGetNext(id, out id, out GuestThread? thread); id++)
        {
            if (thread.Process.ControllingTerminal == terminal)
            {
                thread.Process.ControllingTerminal = null;
            }
        }
    }

    /// <inheritdoc/>
    public void HangUp(Terminal terminal, int foregroundGroup)
    {
        for (int id = 1; _system.Threads.TryGetNext(id, out id, out GuestThread? thread); id++)
        {
            Process process = thread.Process;
            if (process.ControllingTerminal != terminal)
            {
                continue;
            }

            process.ControllingTerminal = null;
            if (process.SessionId == process.Pid && !process.HasEnded)
            {
                process.HungUpGroup = foregroundGroup;
                process.SendFromKernel(Signal.SIGHUP);
                process.SendFromKernel(Signal.SIGCONT);
            }
        }
    }

    /// <inheritdoc/>
    public Errno StopBackground(Signal signal)
    {
        if (_system.CurrentThread is not { } thread)
        {
            // A call that has waited goes on: it was in the foreground when it began.
            return Errno.None;
        }

        Process process = thread.Process;
        if (thread.SignalMask.Contains(signal) || process.Handlers[signal].sa_handler == SignalHandler.SIG_IGN)
        {
            return signal == Signal.SIGTTIN ? Errno.EIO : Errno.None;
        }

        if (process.IsInOrphanedGroup)
        {
            return Errno.EIO;
        }

        SignalGroup(process.ProcessGroupId, signal);
        return RestartErrno.ERESTARTSYS;
    }

    /// <inheritdoc/>
    public void SignalGroup(int processGroup, Signal signal)
    {
        for (int id = 1; _system.Threads.TryGetNext(id, out id, out GuestThread? thread); id++)
        {
            Process process = thread.Process;
            if (process.Pid == id && process.ProcessGroupId == processGroup && !process.HasEnded)
            {
                process.SendFromKernel(signal);
            }
        }
    }

    /// <inheritdoc/>
    /// <remarks>
    /// A shell of the host continues a job as a whole, and so does this: what a key has stopped is the first one's group.
    /// </remarks>
    public void SignalFirstProcess(Signal signal)
    {
        if (_system.Init is not { } first)
        {
            return;
        }

        if (signal == Signal.SIGCONT)
        {
            SignalGroup(first.ProcessGroupId, signal);
        }
        else
        {
            first.SendFromKernel(signal);
        }
    }

    /// <inheritdoc/>
    public bool TryGetSession(int processGroup, out int session)
    {
        for (int id = 1; _system.Threads.TryGetNext(id, out id, out GuestThread? thread); id++)
        {
            Process process = thread.Process;
            if (process.Pid == id && process.ProcessGroupId == processGroup && !process.HasEnded)
            {
                session = process.SessionId;
                return true;
            }
        }

        session = 0;
        return false;
    }
}
