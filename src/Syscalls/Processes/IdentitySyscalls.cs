using Semitone.Abi;
using Semitone.Core;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>Users, groups, process groups and sessions (credentials(7)).</summary>
public static class IdentitySyscalls
{
    /// <summary>NGROUPS_MAX.</summary>
    private const int MaximumGroups = 65536;

    /// <summary>"Do not change" in setreuid(2) and its kin.</summary>
    private const uint Unchanged = uint.MaxValue;

    [Syscall(102, "getuid", Returns = Returns.Value)]
    public static SysResult GetUserId(SyscallContext context) => (long)context.Process.Credentials.RealUserId;

    [Syscall(104, "getgid", Returns = Returns.Value)]
    public static SysResult GetGroupId(SyscallContext context) => (long)context.Process.Credentials.RealGroupId;

    [Syscall(107, "geteuid", Returns = Returns.Value)]
    public static SysResult GetEffectiveUserId(SyscallContext context) => (long)context.Process.Credentials.EffectiveUserId;

    [Syscall(108, "getegid", Returns = Returns.Value)]
    public static SysResult GetEffectiveGroupId(SyscallContext context) => (long)context.Process.Credentials.EffectiveGroupId;

    [Syscall(118, "getresuid")]
    public static SysResult GetUserIds(
        SyscallContext context, [Out] UserPtr<uint> real, [Out] UserPtr<uint> effective, [Out] UserPtr<uint> saved)
    {
        Credentials current = context.Process.Credentials;
        return Write(context, (real, current.RealUserId), (effective, current.EffectiveUserId), (saved, current.SavedUserId));
    }

    [Syscall(120, "getresgid")]
    public static SysResult GetGroupIds(
        SyscallContext context, [Out] UserPtr<uint> real, [Out] UserPtr<uint> effective, [Out] UserPtr<uint> saved)
    {
        Credentials current = context.Process.Credentials;
        return Write(context, (real, current.RealGroupId), (effective, current.EffectiveGroupId), (saved, current.SavedGroupId));
    }

    [Syscall(105, "setuid")]
    public static SysResult SetUserId(SyscallContext context, uint id)
    {
        if (id == Unchanged)
        {
            return Errno.EINVAL;
        }

        Credentials current = context.Process.Credentials;
        if (current.Has(Capability.CAP_SETUID))
        {
            SetUsers(context, current with { RealUserId = id, EffectiveUserId = id, SavedUserId = id, FileSystemUserId = id });
            return SysResult.Success;
        }

        if (id != current.RealUserId && id != current.SavedUserId)
        {
            return Errno.EPERM;
        }

        SetUsers(context, current with { EffectiveUserId = id, FileSystemUserId = id });
        return SysResult.Success;
    }

    [Syscall(106, "setgid")]
    public static SysResult SetGroupId(SyscallContext context, uint id)
    {
        if (id == Unchanged)
        {
            return Errno.EINVAL;
        }

        Credentials current = context.Process.Credentials;
        if (current.Has(Capability.CAP_SETGID))
        {
            context.Process.SetCredentials(
                current with { RealGroupId = id, EffectiveGroupId = id, SavedGroupId = id, FileSystemGroupId = id });
            return SysResult.Success;
        }

        if (id != current.RealGroupId && id != current.SavedGroupId)
        {
            return Errno.EPERM;
        }

        context.Process.SetCredentials(current with { EffectiveGroupId = id, FileSystemGroupId = id });
        return SysResult.Success;
    }

    [Syscall(117, "setresuid")]
    public static SysResult SetUserIds(SyscallContext context, uint real, uint effective, uint saved)
    {
        Credentials current = context.Process.Credentials;
        if (!IsAllowed(real) || !IsAllowed(effective) || !IsAllowed(saved))
        {
            return Errno.EPERM;
        }

        uint newEffective = Choose(effective, current.EffectiveUserId);
        SetUsers(context, current with
        {
            RealUserId = Choose(real, current.RealUserId),
            EffectiveUserId = newEffective,
            SavedUserId = Choose(saved, current.SavedUserId),
            FileSystemUserId = newEffective,
        });
        return SysResult.Success;

        bool IsAllowed(uint id) => current.Has(Capability.CAP_SETUID) || id == Unchanged
            || id == current.RealUserId || id == current.EffectiveUserId || id == current.SavedUserId;
    }

    [Syscall(119, "setresgid")]
    public static SysResult SetGroupIds(SyscallContext context, uint real, uint effective, uint saved)
    {
        Credentials current = context.Process.Credentials;
        if (!IsAllowed(real) || !IsAllowed(effective) || !IsAllowed(saved))
        {
            return Errno.EPERM;
        }

        uint newEffective = Choose(effective, current.EffectiveGroupId);
        context.Process.SetCredentials(current with
        {
            RealGroupId = Choose(real, current.RealGroupId),
            EffectiveGroupId = newEffective,
            SavedGroupId = Choose(saved, current.SavedGroupId),
            FileSystemGroupId = newEffective,
        });
        return SysResult.Success;

        bool IsAllowed(uint id) => current.Has(Capability.CAP_SETGID) || id == Unchanged
            || id == current.RealGroupId || id == current.EffectiveGroupId || id == current.SavedGroupId;
    }

    [Syscall(113, "setreuid")]
    public static SysResult SetRealAndEffectiveUserId(SyscallContext context, uint real, uint effective)
    {
        Credentials current = context.Process.Credentials;
        bool isRealAllowed = current.Has(Capability.CAP_SETUID) || real == Unchanged || real == current.RealUserId
            || real == current.EffectiveUserId;
        bool isEffectiveAllowed = current.Has(Capability.CAP_SETUID) || effective == Unchanged
            || effective == current.RealUserId || effective == current.EffectiveUserId || effective == current.SavedUserId;
        if (!isRealAllowed || !isEffectiveAllowed)
        {
            return Errno.EPERM;
        }

        uint newEffective = Choose(effective, current.EffectiveUserId);
        bool changesSaved = real != Unchanged || (effective != Unchanged && newEffective != current.RealUserId);
        SetUsers(context, current with
        {
            RealUserId = Choose(real, current.RealUserId),
            EffectiveUserId = newEffective,
            SavedUserId = changesSaved ? newEffective : current.SavedUserId,
            FileSystemUserId = newEffective,
        });
        return SysResult.Success;
    }

    [Syscall(114, "setregid")]
    public static SysResult SetRealAndEffectiveGroupId(SyscallContext context, uint real, uint effective)
    {
        Credentials current = context.Process.Credentials;
        bool isRealAllowed = current.Has(Capability.CAP_SETGID) || real == Unchanged || real == current.RealGroupId
            || real == current.EffectiveGroupId;
        bool isEffectiveAllowed = current.Has(Capability.CAP_SETGID) || effective == Unchanged
            || effective == current.RealGroupId || effective == current.EffectiveGroupId || effective == current.SavedGroupId;
        if (!isRealAllowed || !isEffectiveAllowed)
        {
            return Errno.EPERM;
        }

        uint newEffective = Choose(effective, current.EffectiveGroupId);
        bool changesSaved = real != Unchanged || (effective != Unchanged && newEffective != current.RealGroupId);
        context.Process.SetCredentials(current with
        {
            RealGroupId = Choose(real, current.RealGroupId),
            EffectiveGroupId = newEffective,
            SavedGroupId = changesSaved ? newEffective : current.SavedGroupId,
            FileSystemGroupId = newEffective,
        });
        return SysResult.Success;
    }

    [Syscall(122, "setfsuid", Returns = Returns.Value)]
    public static SysResult SetFileSystemUserId(SyscallContext context, uint id)
    {
        Credentials current = context.Process.Credentials;
        bool isAllowed = current.Has(Capability.CAP_SETUID) || id == current.RealUserId || id == current.EffectiveUserId
            || id == current.SavedUserId;
        if (isAllowed && id != Unchanged)
        {
            Credentials changed = current with { FileSystemUserId = id };
            context.Process.SetCredentials(changed.AfterFileSystemUserChange(current));
        }

        return (long)current.FileSystemUserId;
    }

    [Syscall(123, "setfsgid", Returns = Returns.Value)]
    public static SysResult SetFileSystemGroupId(SyscallContext context, uint id)
    {
        Credentials current = context.Process.Credentials;
        bool isAllowed = current.Has(Capability.CAP_SETGID) || id == current.RealGroupId || id == current.EffectiveGroupId
            || id == current.SavedGroupId;
        if (isAllowed && id != Unchanged)
        {
            context.Process.SetCredentials(current with { FileSystemGroupId = id });
        }

        return (long)current.FileSystemGroupId;
    }

    [Syscall(115, "getgroups", Returns = Returns.Value)]
    public static SysResult GetGroups(SyscallContext context, int count, [Out, Trace(TraceFormat.Address)] UserPtr<uint> groups)
    {
        uint[] current = context.Process.Credentials.Groups;
        if (count < 0 || (count > 0 && count < current.Length))
        {
            return Errno.EINVAL;
        }

        if (count > 0 && current.Length > 0 && !context.Memory.TryWrite(groups, current.AsSpan()))
        {
            return Errno.EFAULT;
        }

        return current.Length;
    }

    [Syscall(116, "setgroups")]
    public static SysResult SetGroups(SyscallContext context, int count, [Trace(TraceFormat.Address)] UserPtr<uint> groups)
    {
        Credentials current = context.Process.Credentials;
        if (!current.Has(Capability.CAP_SETGID))
        {
            return Errno.EPERM;
        }

        if ((uint)count > MaximumGroups)
        {
            return Errno.EINVAL;
        }

        if (!KernelHeap.TryAllocate(count, sizeof(uint), out uint[]? wanted))
        {
            return Errno.ENOMEM;
        }

        if (!context.Memory.TryRead(groups, wanted.AsSpan()))
        {
            return Errno.EFAULT;
        }

        if (wanted.Contains(Unchanged))
        {
            return Errno.EINVAL;
        }

        context.Process.SetCredentials(current with { Groups = wanted });
        return SysResult.Success;
    }

    [Syscall(109, "setpgid")]
    public static SysResult SetProcessGroup(SyscallContext context, [Trace(TraceFormat.Pid)] int pid, [Trace(TraceFormat.Pid)] int group)
    {
        if (group < 0)
        {
            return Errno.EINVAL;
        }

        Process? process = context.Process;
        if (pid != 0
            && (!context.System.TryGetProcess(pid, out process) || (process != context.Process && process.Parent != context.Process)))
        {
            return Errno.ESRCH;
        }

        int wanted = group == 0 ? process.Pid : group;
        if (process.SessionId == process.Pid || process.SessionId != context.Process.SessionId)
        {
            return Errno.EPERM;
        }

        if (wanted != process.Pid && !HasGroup(context.System, wanted, process.SessionId))
        {
            return Errno.EPERM;
        }

        process.ProcessGroupId = wanted;
        return SysResult.Success;
    }

    [Syscall(111, "getpgrp", Returns = Returns.Pid)]
    public static SysResult GetOwnProcessGroup(SyscallContext context) => context.Process.ProcessGroupId;

    [Syscall(121, "getpgid", Returns = Returns.Pid)]
    public static SysResult GetProcessGroup(SyscallContext context, [Trace(TraceFormat.Pid)] int pid)
    {
        Process? process = context.Process;
        return pid == 0 || context.System.TryGetProcess(pid, out process) ? process.ProcessGroupId : Errno.ESRCH;
    }

    [Syscall(112, "setsid", Returns = Returns.Pid)]
    public static SysResult SetSession(SyscallContext context)
    {
        Process process = context.Process;
        if (HasGroup(context.System, process.Pid, session: null))
        {
            return Errno.EPERM;
        }

        process.SessionId = process.Pid;
        process.ProcessGroupId = process.Pid;
        return process.Pid;
    }

    [Syscall(124, "getsid", Returns = Returns.Pid)]
    public static SysResult GetSession(SyscallContext context, [Trace(TraceFormat.Pid)] int pid)
    {
        Process? process = context.Process;
        return pid == 0 || context.System.TryGetProcess(pid, out process) ? process.SessionId : Errno.ESRCH;
    }

    private static void SetUsers(SyscallContext context, Credentials changed) =>
        context.Process.SetCredentials(changed.AfterUserChange(context.Process.Credentials));

    private static uint Choose(uint wanted, uint current) => wanted == Unchanged ? current : wanted;

    private static SysResult Write(
        SyscallContext context,
        (UserPtr<uint> To, uint Value) first,
        (UserPtr<uint> To, uint Value) second,
        (UserPtr<uint> To, uint Value) third)
    {
        bool isWritten = context.Memory.TryWrite(first.To, first.Value)
            && context.Memory.TryWrite(second.To, second.Value)
            && context.Memory.TryWrite(third.To, third.Value);
        return isWritten ? SysResult.Success : Errno.EFAULT;
    }

    private static bool HasGroup(SystemState system, int group, int? session)
    {
        for (int id = 1; system.Threads.TryGetNext(id, out id, out GuestThread? thread); id++)
        {
            Process process = thread.Process;
            if (process.Pid == id && process.ProcessGroupId == group && (session is null || process.SessionId == session))
            {
                return true;
            }
        }

        return false;
    }
}
