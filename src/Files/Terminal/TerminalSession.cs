using Semitone.Abi;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>Whose terminal it is: the session that it controls and the process group in its foreground (credentials(7)).</summary>
public sealed class TerminalSession
{
    private readonly Terminal _terminal;

    internal TerminalSession(Terminal terminal)
    {
        _terminal = terminal;
    }

    /// <summary>Takes the signals; nobody gets them before this is set.</summary>
    public ITerminalOwner? Owner { get; set; }

    /// <summary>The process group in the foreground; 0 where there is none.</summary>
    public int ForegroundGroup { get; set; } = 1;

    /// <summary>The session that it controls; meaningful while <see cref="IsControlling"/>.</summary>
    public int Id { get; set; } = 1;

    /// <summary>Whether it is the controlling terminal of a session.</summary>
    public bool IsControlling { get; internal set; } = true;

    /// <summary>Whether it is the caller's controlling terminal.</summary>
    internal bool IsCallers => Owner is null ? IsControlling : Owner.CurrentTerminal == _terminal;

    internal void SignalForeground(Signal signal)
    {
        if (ForegroundGroup != 0)
        {
            Owner?.SignalGroup(ForegroundGroup, signal);
        }
    }

    /// <summary>Serves the requests of ioctl_tty(2) that have to do with sessions.</summary>
    /// <param name="canRead">Whether the file that it comes by was opened for reading.</param>
    /// <param name="isMaster">It comes by the master, whose holder may know whose terminal it is without having it.</param>
    internal SysResult Control(IoctlRequest request, ulong argument, UserMemory memory, bool canRead, bool isMaster)
    {
        switch (request)
        {
            case IoctlRequest.TIOCGPGRP:
                return isMaster || IsCallers ? WriteInt(memory, argument, ForegroundGroup) : Errno.ENOTTY;
            case IoctlRequest.TIOCSPGRP:
                return SetForeground(argument, memory);
            case IoctlRequest.TIOCGSID:
                return (isMaster || IsCallers) && IsControlling ? WriteInt(memory, argument, Id) : Errno.ENOTTY;
            case IoctlRequest.TIOCSCTTY:
                return TakeControl(argument, canRead);
            case IoctlRequest.TIOCNOTTY:
                return isMaster ? Errno.ENOTTY : GiveUp();
            default:
                return Errno.ENOTTY;
        }
    }

    /// <summary>
    /// Says what an access from a process in the background is to answer (POSIX.1, 11.1.4): None where the caller is in the foreground, or
    /// has another terminal or none.
    /// </summary>
    /// <param name="signal">SIGTTIN for a read, SIGTTOU for a change, or for a write with TOSTOP.</param>
    internal Errno CheckBackground(Signal signal) =>
        Owner is null || ForegroundGroup == 0 || !IsCallers || Owner.CurrentGroup == ForegroundGroup
            ? Errno.None
            : Owner.StopBackground(signal);

    /// <summary>Takes note that the leader of a session has ended: who is in the foreground hears of it (POSIX.1, _exit).</summary>
    public void OnLeaderEnded(int session)
    {
        if (IsControlling && Id == session)
        {
            SignalForeground(Signal.SIGHUP);
            Free();
        }
    }

    /// <summary>Becomes the controlling terminal of a caller that leads a session and has none, where it is nobody's.</summary>
    internal void TakeIfFree()
    {
        if (Owner is { IsSessionLeader: true, CurrentTerminal: null } && !IsControlling)
        {
            Take(Owner);
        }
    }

    /// <summary>The terminal has gone: its session has none.</summary>
    internal void HangUp()
    {
        if (IsControlling)
        {
            int group = ForegroundGroup;
            IsControlling = false;
            ForegroundGroup = 0;
            Owner?.HangUp(_terminal, group);
        }
    }

    /// <summary>Makes it nobody's at first.</summary>
    internal void Release()
    {
        IsControlling = false;
        Id = 0;
        ForegroundGroup = 0;
    }

    private SysResult TakeControl(ulong argument, bool canRead)
    {
        if (Owner is null)
        {
            IsControlling = true;
            return SysResult.Success;
        }

        if (IsControlling && Owner.IsSessionLeader && Owner.CurrentSession == Id)
        {
            return SysResult.Success;
        }

        // A terminal can be taken away from another session by force, with 1 and CAP_SYS_ADMIN (ioctl_tty(2)).
        bool isTaken = IsControlling && !(argument == 1 && Owner.IsAdministrator);
        if (!Owner.IsSessionLeader || Owner.CurrentTerminal is not null || isTaken || !(canRead || Owner.IsAdministrator))
        {
            return Errno.EPERM;
        }

        if (IsControlling)
        {
            Owner.TakeAway(_terminal);
        }

        Take(Owner);
        return SysResult.Success;
    }

    private void Take(ITerminalOwner owner)
    {
        Id = owner.CurrentSession;
        ForegroundGroup = owner.CurrentGroup;
        IsControlling = true;
        owner.CurrentTerminal = _terminal;
    }

    private SysResult GiveUp()
    {
        if (!IsCallers)
        {
            return Errno.ENOTTY;
        }

        if (Owner is null || Owner.IsSessionLeader)
        {
            SignalForeground(Signal.SIGHUP);
            SignalForeground(Signal.SIGCONT);
            Free();
        }
        else
        {
            Owner.CurrentTerminal = null;
        }

        return SysResult.Success;
    }

    private void Free()
    {
        IsControlling = false;
        ForegroundGroup = 0;
        Owner?.TakeAway(_terminal);
    }

    private SysResult SetForeground(ulong argument, UserMemory memory)
    {
        if (!memory.TryRead(new UserPtr<int>(argument), out int group))
        {
            return Errno.EFAULT;
        }

        if (group < 0)
        {
            return Errno.EINVAL;
        }

        if (!IsCallers)
        {
            return Errno.ENOTTY;
        }

        Errno error = CheckBackground(Signal.SIGTTOU);
        if (error != Errno.None)
        {
            return error;
        }

        if (Owner is not null)
        {
            if (!Owner.TryGetSession(group, out int session))
            {
                return Errno.ESRCH;
            }

            if (session != Id)
            {
                return Errno.EPERM;
            }
        }

        ForegroundGroup = group;
        return SysResult.Success;
    }

    private static SysResult WriteInt(UserMemory memory, ulong address, int value) =>
        memory.TryWrite(new UserPtr<int>(address), value) ? SysResult.Success : Errno.EFAULT;
}
