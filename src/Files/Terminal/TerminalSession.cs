using Semitone.Abi;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>Whose terminal it is: the session that it controls and the process group in its foreground (credentials(7)).</summary>
public sealed class TerminalSession
{
    /// <summary>Takes the signals; nobody gets them before this is set.</summary>
    public ITerminalOwner? Owner { get; set; }

    /// <summary>The process group in the foreground.</summary>
    public int ForegroundGroup { get; set; } = 1;

    public int Id { get; set; } = 1;

    /// <summary>Whether it is the controlling terminal of a session.</summary>
    public bool IsControlling { get; internal set; } = true;

    internal void SignalForeground(Signal signal) => Owner?.SignalGroup(ForegroundGroup, signal);

    /// <summary>Serves the requests of ioctl_tty(2) that have to do with sessions.</summary>
    internal SysResult Control(IoctlRequest request, ulong argument, UserMemory memory)
    {
        switch (request)
        {
            case IoctlRequest.TIOCGPGRP:
                return IsCallers ? WriteInt(memory, argument, ForegroundGroup) : Errno.ENOTTY;
            case IoctlRequest.TIOCSPGRP:
                return SetForeground(argument, memory);
            case IoctlRequest.TIOCGSID:
                return IsCallers ? WriteInt(memory, argument, Id) : Errno.ENOTTY;
            case IoctlRequest.TIOCSCTTY:
                return TakeControl(argument);
            case IoctlRequest.TIOCNOTTY:
                return GiveUp();
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
        Owner is null || !IsCallers || Owner.CurrentGroup == ForegroundGroup ? Errno.None : Owner.StopBackground(signal);

    /// <summary>Takes note that the leader of a session has ended: who is in the foreground hears of it (POSIX.1, _exit).</summary>
    public void OnLeaderEnded(int session)
    {
        if (IsControlling && Id == session)
        {
            IsControlling = false;
            SignalForeground(Signal.SIGHUP);
        }
    }

    /// <summary>Whether it is the caller's controlling terminal.</summary>
    internal bool IsCallers => IsControlling && (Owner is null || Owner.CurrentSession == Id);

    private SysResult TakeControl(ulong argument)
    {
        if (Owner is not null)
        {
            if (IsControlling && Owner.IsSessionLeader && Owner.CurrentSession == Id)
            {
                return SysResult.Success;
            }

            // A terminal can be taken away from another session by force, with 1 and CAP_SYS_ADMIN (ioctl_tty(2)): nobody does.
            if (!Owner.IsSessionLeader || IsControlling)
            {
                return Errno.EPERM;
            }

            Id = Owner.CurrentSession;
            ForegroundGroup = Owner.CurrentGroup;
        }

        IsControlling = true;
        return SysResult.Success;
    }

    private SysResult GiveUp()
    {
        if (!IsCallers)
        {
            return Errno.ENOTTY;
        }

        if (Owner is null || Owner.IsSessionLeader)
        {
            LoseSession();
        }
        else
        {
            Owner.GiveUpTerminal();
        }

        return SysResult.Success;
    }

    private void LoseSession()
    {
        IsControlling = false;
        SignalForeground(Signal.SIGHUP);
        SignalForeground(Signal.SIGCONT);
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
