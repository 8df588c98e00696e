using Semitone.Abi;
using Semitone.Files;

namespace Semitone.Syscalls;

/// <summary>The operations of fcntl(2) on who gets a file's signals, and which ("Managing signals").</summary>
internal static class FileOwnerSyscalls
{
    public static SysResult Control(SyscallContext context, OpenFile file, FcntlCommand command, ulong argument)
    {
        switch (command)
        {
            case FcntlCommand.F_SETOWN:
                int id = (int)argument;
                OwnerType type = id < 0 ? OwnerType.F_OWNER_PGRP : OwnerType.F_OWNER_PID;
                return id == int.MinValue ? Errno.EINVAL : SetOwner(context, file, type, Math.Abs(id));
            case FcntlCommand.F_GETOWN:
                FileSignals? current = file.Signals;
                return current is null ? 0 : current.OwnerType == OwnerType.F_OWNER_PGRP ? -current.OwnerId : current.OwnerId;
            case FcntlCommand.F_SETOWN_EX:
                if (!context.Memory.TryRead(new UserPtr<FileOwner>(argument), out FileOwner wanted))
                {
                    return Errno.EFAULT;
                }

                bool isKnown = wanted.type is >= OwnerType.F_OWNER_TID and <= OwnerType.F_OWNER_PGRP;
                return isKnown ? SetOwner(context, file, wanted.type, wanted.pid) : Errno.EINVAL;
            case FcntlCommand.F_GETOWN_EX:
                FileOwner owner = file.Signals is { } signals ? new FileOwner { type = signals.OwnerType, pid = signals.OwnerId } : default;
                return context.Memory.TryWrite(new UserPtr<FileOwner>(argument), owner) ? SysResult.Success : Errno.EFAULT;
            case FcntlCommand.F_SETSIG:
                if (argument > (ulong)Signal.SIGRTMAX)
                {
                    return Errno.EINVAL;
                }

                file.GetSignals().Signal = (Signal)argument;
                return SysResult.Success;
            default:
                return (long)(file.Signals?.Signal ?? Signal.None);
        }
    }

    /// <summary>Sets the owner; 0 means nobody.</summary>
    private static SysResult SetOwner(SyscallContext context, OpenFile file, OwnerType type, int id)
    {
        if (id != 0 && !context.System.Exists(type, id))
        {
            return Errno.ESRCH;
        }

        FileSignals signals = file.GetSignals();
        signals.OwnerType = type;
        signals.OwnerId = id;
        return SysResult.Success;
    }
}
