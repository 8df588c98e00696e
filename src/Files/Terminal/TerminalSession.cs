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

    /// <summary>Whether it is the controlling terminal of the one session there is.</summary>
    public bool IsControlling { get; internal set; } = true;

    internal void SignalForeground(Signal signal) => Owner?.SignalGroup(ForegroundGroup, signal);

    /// <summary>Serves the requests of ioctl_tty(2) that have to do with sessions.</summary>
    internal SysResult Control(IoctlRequest request, ulong argument, UserMemory memory)
    {
        switch (request)
        {
            case IoctlRequest.TIOCGPGRP:
                return IsControlling ? WriteInt(memory, argument, ForegroundGroup) : Errno.ENOTTY;
            case IoctlRequest.TIOCSPGRP:
                return SetForeground(argument, memory);
            case IoctlRequest.TIOCGSID:
                return IsControlling ? WriteInt(memory, argument, Id) : Errno.ENOTTY;
            case IoctlRequest.TIOCSCTTY:
                IsControlling = true;
                if (Owner is not null)
                {
                    Id = Owner.CurrentSession;
                    ForegroundGroup = Owner.CurrentGroup;
                }

                return SysResult.Success;
            case IoctlRequest.TIOCNOTTY:
                IsControlling = false;
                return SysResult.Success;
            default:
                return Errno.ENOTTY;
        }
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

        if (!IsControlling || (Owner is not null && Owner.CurrentSession != Id))
        {
            return Errno.ENOTTY;
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
