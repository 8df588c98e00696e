using Semitone.Abi;
using Semitone.Core;
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

                if (!KernelHeap.HasRoom())
                {
                    return Errno.ENOMEM;
                }

                FileSignals changed = file.GetSignals();
                changed.Signal = (Signal)argument;
                context.System.FileSignals.MakeRoom(changed);
                return SysResult.Success;
            default:
                return (long)(file.Signals?.Signal ?? Signal.None);
        }
    }

    /// <summary>Begins or ends sending signals: O_ASYNC of F_SETFL, and FIOASYNC.</summary>
    /// <returns>None; ENOTTY where the file has no signals; ENOMEM.</returns>
    public static Errno SetAsync(SyscallContext context, OpenFile file, Fd fd, bool isOn)
    {
        Errno error = file.SetAsync(fd, isOn);
        if (error == Errno.None && isOn && file.Signals is { OwnerId: 0 } signals && file.DefaultOwnerGroup != 0)
        {
            Assign(context, signals, OwnerType.F_OWNER_PGRP, file.DefaultOwnerGroup);
        }

        return error;
    }

    /// <summary>Sets the owner; 0 means nobody.</summary>
    private static SysResult SetOwner(SyscallContext context, OpenFile file, OwnerType type, int id)
    {
        if (id != 0 && !context.System.Exists(type, id))
        {
            return Errno.ESRCH;
        }

        if (!KernelHeap.HasRoom())
        {
            return Errno.ENOMEM;
        }

        Assign(context, file.GetSignals(), type, id);
        return SysResult.Success;
    }

    private static void Assign(SyscallContext context, FileSignals signals, OwnerType type, int id)
    {
        signals.OwnerType = type;
        signals.OwnerId = id;
        signals.RealUserId = context.Thread.Credentials.RealUserId;
        signals.EffectiveUserId = context.Thread.Credentials.EffectiveUserId;
        context.System.FileSignals.MakeRoom(signals);
    }
}
