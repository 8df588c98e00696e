using Semitone.Abi;
using Semitone.Core;
using Semitone.Memory;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>The family of processes and threads: who am I, ending, waiting for children.</summary>
public static class ProcessSyscalls
{
    [Syscall(39, "getpid", Returns = Returns.Pid)]
    public static SysResult GetPid(SyscallContext context) => context.Process.Pid;

    [Syscall(186, "gettid", Returns = Returns.Pid)]
    public static SysResult GetTid(SyscallContext context) => context.Thread.Tid;

    [Syscall(110, "getppid", Returns = Returns.Pid)]
    public static SysResult GetParentPid(SyscallContext context) => context.Process.ParentPid;

    [Syscall(135, "personality", Returns = Returns.Value, Missing = "MMAP_PAGE_ZERO, which is refused; ADDR_COMPAT_LAYOUT changes nothing")]
    public static SysResult SetPersonality(SyscallContext context, Persona persona)
    {
        const Persona Query = (Persona)uint.MaxValue;
        Persona old = context.Process.Persona;
        if (persona != Query)
        {
            if ((persona & Persona.MMAP_PAGE_ZERO) != 0)
            {
                // The kernel needs the first page unmapped.
                return Errno.EINVAL;
            }

            context.Process.Persona = persona;
        }

        return (long)old;
    }

    [Syscall(60, "exit", Returns = Returns.Never)]
    public static SysResult Exit(SyscallContext context, int status)
    {
        context.Thread.Exit(status);
        return SysResult.Success;
    }

    [Syscall(231, "exit_group", Returns = Returns.Never)]
    public static SysResult ExitGroup(SyscallContext context, int status)
    {
        context.Process.Exit(ExitStatus.FromCode(status));
        return SysResult.Success;
    }

    [Syscall(218, "set_tid_address", Returns = Returns.Pid)]
    public static SysResult SetTidAddress(SyscallContext context, UserPtr<int> address)
    {
        context.Thread.ClearChildTid = address.Address;
        return context.Thread.Tid;
    }

    [Syscall(61, "wait4", Returns = Returns.Pid)]
    public static ValueTask<SysResult> Wait4(
        SyscallContext context,
        [Trace(TraceFormat.Pid)] int pid,
        [Out] UserPtr<int> status,
        WaitOptions options,
        [Out] UserPtr<Rusage> usage)
    {
        const WaitOptions Allowed = WaitOptions.WNOHANG | WaitOptions.WUNTRACED | WaitOptions.WCONTINUED
            | WaitOptions.__WNOTHREAD | WaitOptions.__WALL | WaitOptions.__WCLONE;
        if ((options & ~Allowed) != 0)
        {
            return new ValueTask<SysResult>(Errno.EINVAL);
        }

        if (pid == int.MinValue)
        {
            return new ValueTask<SysResult>(Errno.ESRCH);
        }

        ChildFilter filter = pid switch
        {
            -1 => new ChildFilter(WaitIdType.P_ALL, 0),
            0 => new ChildFilter(WaitIdType.P_PGID, context.Process.ProcessGroupId),
            < -1 => new ChildFilter(WaitIdType.P_PGID, -pid),
            _ => new ChildFilter(WaitIdType.P_PID, pid),
        };
        return WaitAsync(context, filter, options | WaitOptions.WEXITED, (status, usage), default);
    }

    [Syscall(247, "waitid")]
    public static ValueTask<SysResult> WaitId(
        SyscallContext context,
        WaitIdType type,
        [Trace(TraceFormat.Pid)] int id,
        [Out] UserPtr<SigInfo> info,
        WaitOptions options,
        [Out] UserPtr<Rusage> usage)
    {
        const WaitOptions Events = WaitOptions.WEXITED | WaitOptions.WUNTRACED | WaitOptions.WCONTINUED;
        const WaitOptions Allowed = Events | WaitOptions.WNOHANG | WaitOptions.WNOWAIT
            | WaitOptions.__WNOTHREAD | WaitOptions.__WALL | WaitOptions.__WCLONE;
        if ((options & ~Allowed) != 0 || (options & Events) == 0)
        {
            return new ValueTask<SysResult>(Errno.EINVAL);
        }

        switch (type)
        {
            case WaitIdType.P_ALL:
                break;
            case WaitIdType.P_PID when id > 0:
                break;
            case WaitIdType.P_PGID when id >= 0:
                id = id == 0 ? context.Process.ProcessGroupId : id;
                break;
            case WaitIdType.P_PIDFD:
                return new ValueTask<SysResult>(Errno.EBADF);
            default:
                return new ValueTask<SysResult>(Errno.EINVAL);
        }

        return WaitAsync(context, new ChildFilter(type, id), options, (default, usage), info, isWaitId: true);
    }

    private static async ValueTask<SysResult> WaitAsync(
        SyscallContext context,
        ChildFilter filter,
        WaitOptions options,
        (UserPtr<int> Status, UserPtr<Rusage> Usage) output,
        UserPtr<SigInfo> info,
        bool isWaitId = false)
    {
        Process process = context.Process;
        Waiter waiter = context.Thread.Waiter;
        while (true)
        {
            waiter.Enlist(process.ChildEvents);
            bool hasCandidate = false;
            Process? ended = null;
            for (int i = 0; i < process.Children.Count && ended is null; i++)
            {
                Process child = process.Children[i];
                if (filter.Matches(child))
                {
                    hasCandidate = true;
                    ended = child.IsZombie && (options & WaitOptions.WEXITED) != 0 ? child : null;
                }
            }

            if (ended is not null)
            {
                waiter.Cancel();
                return Report(context, ended, options, output, info, isWaitId);
            }

            if (!hasCandidate)
            {
                waiter.Cancel();
                return Errno.ECHILD;
            }

            if ((options & WaitOptions.WNOHANG) != 0)
            {
                waiter.Cancel();
                return isWaitId && !info.IsNull && !context.Memory.TryWrite(info, default(SigInfo)) ? Errno.EFAULT : SysResult.Success;
            }

            if (await waiter.WaitAsync() == WaitResult.Interrupted)
            {
                return RestartErrno.ERESTARTSYS;
            }
        }
    }

    private static SysResult Report(
        SyscallContext context,
        Process child,
        WaitOptions options,
        (UserPtr<int> Status, UserPtr<Rusage> Usage) output,
        UserPtr<SigInfo> info,
        bool isWaitId)
    {
        UserMemory memory = context.Memory;
        ExitStatus status = child.ExitStatus;
        Rusage usage = ResourceSyscalls.GetUsage(child.CpuTimeNs + child.ChildrenCpuTimeNs);
        int pid = child.Pid;
        bool isCode = status.Signal == Signal.None;
        SigInfo description = SignalInfo.FromChild(
            isCode ? SignalCode.CLD_EXITED : SignalCode.CLD_KILLED,
            pid,
            child.Credentials.RealUserId,
            isCode ? status.Code : (int)status.Signal);
        if ((options & WaitOptions.WNOWAIT) == 0)
        {
            context.Process.Reap(child);
        }

        bool isWritten = (output.Status.IsNull || memory.TryWrite(output.Status, status.WaitStatus))
            && (output.Usage.IsNull || memory.TryWriteFrom(output.Usage, in usage))
            && (info.IsNull || memory.TryWriteFrom(info, in description));
        if (!isWritten)
        {
            return Errno.EFAULT;
        }

        return isWaitId ? SysResult.Success : pid;
    }

    /// <summary>Which children a wait is about.</summary>
    private readonly record struct ChildFilter(WaitIdType Type, int Id)
    {
        public bool Matches(Process child) => Type switch
        {
            WaitIdType.P_PID => child.Pid == Id,
            WaitIdType.P_PGID => child.ProcessGroupId == Id,
            _ => true,
        };
    }
}
