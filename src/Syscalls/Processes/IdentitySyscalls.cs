using Semitone.Abi;
using Semitone.Core;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>Users, groups, process groups and sessions (credentials(7)).</summary>
public static class IdentitySyscalls
{
    /// <summary>NGROUPS_MAX.</summary>
    private const int MaximumGroups = 65536;

    [Syscall(102, "getuid", Returns = Returns.Value)]
    public static SysResult GetUserId(SyscallContext context) => (long)context.Thread.Credentials.RealUserId;

    [Syscall(104, "getgid", Returns = Returns.Value)]
    public static SysResult GetGroupId(SyscallContext context) => (long)context.Thread.Credentials.RealGroupId;

    [Syscall(107, "geteuid", Returns = Returns.Value)]
    public static SysResult GetEffectiveUserId(SyscallContext context) => (long)context.Thread.Credentials.EffectiveUserId;

    [Syscall(108, "getegid", Returns = Returns.Value)]
    public static SysResult GetEffectiveGroupId(SyscallContext context) => (long)context.Thread.Credentials.EffectiveGroupId;

    [Syscall(118, "getresuid")]
    public static SysResult GetUserIds(
        SyscallContext context, [Out] UserPtr<uint> real, [Out] UserPtr<uint> effective, [Out] UserPtr<uint> saved)
    {
        Credentials current = context.Thread.Credentials;
        return Write(context, (real, current.RealUserId), (effective, current.EffectiveUserId), (saved, current.SavedUserId));
    }

    [Syscall(120, "getresgid")]
    public static SysResult GetGroupIds(
        SyscallContext context, [Out] UserPtr<uint> real, [Out] UserPtr<uint> effective, [Out] UserPtr<uint> saved)
    {
        Credentials current = context.Thread.Credentials;
        return Write(context, (real, current.RealGroupId), (effective, current.EffectiveGroupId), (saved, current.SavedGroupId));
    }

    [Syscall(105, "setuid")]
    public static SysResult SetUserId(SyscallContext context, uint id) =>
        ApplyUsers(
            context,
            IdSet.OfUsers(context.Thread.Credentials).Set(id, context.Thread.Credentials.Has(Capability.CAP_SETUID), out IdSet changed),
            changed);

    [Syscall(106, "setgid")]
    public static SysResult SetGroupId(SyscallContext context, uint id) =>
        ApplyGroups(
            context,
            IdSet.OfGroups(context.Thread.Credentials).Set(id, context.Thread.Credentials.Has(Capability.CAP_SETGID), out IdSet changed),
            changed);

    [Syscall(117, "setresuid")]
    public static SysResult SetUserIds(SyscallContext context, uint real, uint effective, uint saved) =>
        ApplyUsers(context, IdSet.OfUsers(context.Thread.Credentials).SetAll(
            real, effective, saved, context.Thread.Credentials.Has(Capability.CAP_SETUID), out IdSet changed), changed);

    [Syscall(119, "setresgid")]
    public static SysResult SetGroupIds(SyscallContext context, uint real, uint effective, uint saved) =>
        ApplyGroups(context, IdSet.OfGroups(context.Thread.Credentials).SetAll(
            real, effective, saved, context.Thread.Credentials.Has(Capability.CAP_SETGID), out IdSet changed), changed);

    [Syscall(113, "setreuid")]
    public static SysResult SetRealAndEffectiveUserId(SyscallContext context, uint real, uint effective) =>
        ApplyUsers(context, IdSet.OfUsers(context.Thread.Credentials).SetRealAndEffective(
            real, effective, context.Thread.Credentials.Has(Capability.CAP_SETUID), out IdSet changed), changed);

    [Syscall(114, "setregid")]
    public static SysResult SetRealAndEffectiveGroupId(SyscallContext context, uint real, uint effective) =>
        ApplyGroups(context, IdSet.OfGroups(context.Thread.Credentials).SetRealAndEffective(
            real, effective, context.Thread.Credentials.Has(Capability.CAP_SETGID), out IdSet changed), changed);

    [Syscall(122, "setfsuid", Returns = Returns.Value)]
    public static SysResult SetFileSystemUserId(SyscallContext context, uint id)
    {
        Credentials current = context.Thread.Credentials;
        if (IdSet.OfUsers(current).AllowsFileSystem(id, current.Has(Capability.CAP_SETUID)))
        {
            Credentials changed = current with { FileSystemUserId = id };
            context.Thread.SetCredentials(changed.AfterFileSystemUserChange(current));
        }

        return (long)current.FileSystemUserId;
    }

    [Syscall(123, "setfsgid", Returns = Returns.Value)]
    public static SysResult SetFileSystemGroupId(SyscallContext context, uint id)
    {
        Credentials current = context.Thread.Credentials;
        if (IdSet.OfGroups(current).AllowsFileSystem(id, current.Has(Capability.CAP_SETGID)))
        {
            context.Thread.SetCredentials(current with { FileSystemGroupId = id });
        }

        return (long)current.FileSystemGroupId;
    }

    [Syscall(115, "getgroups", Returns = Returns.Value)]
    public static SysResult GetGroups(SyscallContext context, int count, [Out, Trace(TraceFormat.Address)] UserPtr<uint> groups)
    {
        uint[] current = context.Thread.Credentials.Groups;
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
        Credentials current = context.Thread.Credentials;
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

        if (wanted.Contains(IdSet.Unchanged))
        {
            return Errno.EINVAL;
        }

        context.Thread.SetCredentials(current with { Groups = wanted });
        return SysResult.Success;
    }

    [Syscall(109, "setpgid")]
    public static SysResult SetProcessGroup(SyscallContext context, [Trace(TraceFormat.Pid)] int pid, [Trace(TraceFormat.Pid)] int group)
    {
        int id = pid == 0 ? context.Process.Pid : pid;
        int wanted = group == 0 ? id : group;
        if (wanted < 0)
        {
            return Errno.EINVAL;
        }

        if (!context.System.Threads.TryGet(id, out GuestThread? thread))
        {
            return Errno.ESRCH;
        }

        Process process = thread.Process;
        if (process.Pid != id)
        {
            // There is such a thread, but it is none that a process is named by.
            return Errno.EINVAL;
        }

        if (process != context.Process)
        {
            if (process.Parent != context.Process)
            {
                return Errno.ESRCH;
            }

            if (process.SessionId != context.Process.SessionId)
            {
                return Errno.EPERM;
            }

            if (process.HasExecuted)
            {
                return Errno.EACCES;
            }
        }

        if (process.SessionId == process.Pid)
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
        GuestThread? thread = context.Thread;
        return pid == 0 || context.System.Threads.TryGet(pid, out thread) ? thread.Process.ProcessGroupId : Errno.ESRCH;
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
        process.ControllingTerminal = null;
        return process.Pid;
    }

    [Syscall(124, "getsid", Returns = Returns.Pid)]
    public static SysResult GetSession(SyscallContext context, [Trace(TraceFormat.Pid)] int pid)
    {
        GuestThread? thread = context.Thread;
        return pid == 0 || context.System.Threads.TryGet(pid, out thread) ? thread.Process.SessionId : Errno.ESRCH;
    }

    /// <summary>Makes a process act with other user IDs, if that is allowed.</summary>
    private static SysResult ApplyUsers(SyscallContext context, Errno error, IdSet ids)
    {
        if (error != Errno.None)
        {
            return error;
        }

        Credentials current = context.Thread.Credentials;
        Credentials changed = current with
        {
            RealUserId = ids.Real,
            EffectiveUserId = ids.Effective,
            SavedUserId = ids.Saved,
            FileSystemUserId = ids.FileSystem,
        };
        context.Thread.SetCredentials(changed.AfterUserChange(current));
        return SysResult.Success;
    }

    /// <summary>The same for group IDs.</summary>
    private static SysResult ApplyGroups(SyscallContext context, Errno error, IdSet ids)
    {
        if (error != Errno.None)
        {
            return error;
        }

        context.Thread.SetCredentials(context.Thread.Credentials with
        {
            RealGroupId = ids.Real,
            EffectiveGroupId = ids.Effective,
            SavedGroupId = ids.Saved,
            FileSystemGroupId = ids.FileSystem,
        });
        return SysResult.Success;
    }

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
