using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;
using Semitone.Memory;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>Waiting for children: wait4(2) and waitid(2).</summary>
public static class WaitSyscalls
{
    /// <summary>What a stop looks like in a wait status (wait(2), WIFSTOPPED): the signal is in the next byte.</summary>
    private const int StoppedMark = 0x7F;

    /// <summary>What going on looks like (WIFCONTINUED).</summary>
    private const int ContinuedStatus = 0xFFFF;

    private const WaitOptions OfClones = WaitOptions.__WNOTHREAD | WaitOptions.__WALL | WaitOptions.__WCLONE;

    [Syscall(61, "wait4", Returns = Returns.Pid)]
    public static ValueTask<SysResult> Wait4(
        SyscallContext context,
        [Trace(TraceFormat.Pid)] int pid,
        [Out] UserPtr<int> status,
        WaitOptions options,
        [Out] UserPtr<Rusage> usage)
    {
        const WaitOptions Allowed = WaitOptions.WNOHANG | WaitOptions.WUNTRACED | WaitOptions.WCONTINUED | OfClones;
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
        WaitRequest request = new(filter, options | WaitOptions.WEXITED, IsWaitId: false, status, default, usage);
        return WaitAsync(context, request);
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
        const WaitOptions Allowed = Events | WaitOptions.WNOHANG | WaitOptions.WNOWAIT | OfClones;
        if ((options & ~Allowed) != 0 || (options & Events) == 0)
        {
            return new ValueTask<SysResult>(Errno.EINVAL);
        }

        bool isNonBlocking = false;
        switch (type)
        {
            case WaitIdType.P_ALL:
                break;
            case WaitIdType.P_PID when id > 0:
                break;
            case WaitIdType.P_PGID when id >= 0:
                id = id == 0 ? context.Process.ProcessGroupId : id;
                break;
            case WaitIdType.P_PIDFD when id >= 0:
                if (!context.Files.TryGet(new Fd(id), out OpenFile? file, out _) || file is not PidFile { Process: { } process })
                {
                    return new ValueTask<SysResult>(Errno.EBADF);
                }

                isNonBlocking = file.IsNonBlocking;
                id = process.Pid;
                break;
            default:
                return new ValueTask<SysResult>(Errno.EINVAL);
        }

        // A descriptor that does not wait asks as WNOHANG does, but for the answer (pidfd_open(2), PIDFD_NONBLOCK).
        bool isAgain = isNonBlocking && (options & WaitOptions.WNOHANG) == 0;
        options |= isNonBlocking ? WaitOptions.WNOHANG : WaitOptions.None;
        WaitRequest request = new(new ChildFilter(type, id), options, IsWaitId: true, default, info, usage) { IsAgain = isAgain };
        return WaitAsync(context, request);
    }

    private static async ValueTask<SysResult> WaitAsync(SyscallContext context, WaitRequest request)
    {
        Process process = context.Process;
        Waiter waiter = context.Thread.Waiter;
        bool isInterrupted = false;
        while (true)
        {
            waiter.Enlist(process.ChildEvents);
            bool hasCandidate = false;
            for (int i = 0; i < process.Children.Count; i++)
            {
                Process child = process.Children[i];
                if (!request.Concerns(child, context.Thread))
                {
                    continue;
                }

                hasCandidate = true;
                if (TryTakeEvent(process, child, request.Options, out SigInfo info, out int status, out Rusage usage))
                {
                    waiter.Cancel();
                    return Report(context, request, info, status, usage);
                }
            }

            if (!hasCandidate)
            {
                waiter.Cancel();
                return Errno.ECHILD;
            }

            if ((request.Options & WaitOptions.WNOHANG) != 0)
            {
                waiter.Cancel();
                return request.IsAgain ? Errno.EAGAIN : ReportNothing(context, request);
            }

            if (isInterrupted)
            {
                waiter.Cancel();
                return RestartErrno.ERESTARTSYS;
            }

            // The signal is most often SIGCHLD, and then there is something to tell: that comes first.
            isInterrupted = await waiter.WaitAsync() == WaitResult.Interrupted;
        }
    }

    /// <summary>
    /// Finds what there is to tell of a child, and takes note that it was told, unless WNOWAIT leaves it to be told again.
    /// </summary>
    private static bool TryTakeEvent(
        Process parent, Process child, WaitOptions options, out SigInfo info, out int status, out Rusage usage)
    {
        bool isKept = (options & WaitOptions.WNOWAIT) != 0;
        uint userId = child.Credentials.RealUserId;
        TaskUsage used = child.Usage;
        used.Add(child.ChildrenUsage);
        usage = ResourceSyscalls.GetUsage(child.CpuTimeNs + child.ChildrenCpuTimeNs, used);
        if (child.IsZombie)
        {
            if ((options & WaitOptions.WEXITED) != 0)
            {
                info = child.DescribeEnd();
                status = child.ExitStatus.WaitStatus;
                if (!isKept)
                {
                    parent.Reap(child);
                }

                return true;
            }
        }
        else if (child.UnreportedStop is not Signal.None and Signal signal && (options & WaitOptions.WUNTRACED) != 0)
        {
            info = SignalInfo.FromChild(SignalCode.CLD_STOPPED, child.Pid, userId, (int)signal);
            status = ((int)signal << 8) | StoppedMark;
            if (!isKept)
            {
                child.MarkStopReported();
            }

            return true;
        }
        else if (child.HasUnreportedContinue && (options & WaitOptions.WCONTINUED) != 0)
        {
            info = SignalInfo.FromChild(SignalCode.CLD_CONTINUED, child.Pid, userId, (int)Signal.SIGCONT);
            status = ContinuedStatus;
            if (!isKept)
            {
                child.MarkContinueReported();
            }

            return true;
        }

        info = default;
        status = 0;
        return false;
    }

    private static SysResult Report(SyscallContext context, in WaitRequest request, in SigInfo info, int status, in Rusage usage)
    {
        UserMemory memory = context.Memory;
        bool isWritten = (request.Status.IsNull || memory.TryWrite(request.Status, status))
            && (request.Usage.IsNull || memory.TryWriteFrom(request.Usage, in usage))
            && (request.Info.IsNull || memory.TryWriteFrom(request.Info, in info));
        if (!isWritten)
        {
            return Errno.EFAULT;
        }

        return request.IsWaitId ? SysResult.Success : info.si_pid;
    }

    private static SysResult ReportNothing(SyscallContext context, in WaitRequest request) =>
        request.Info.IsNull || context.Memory.TryWrite(request.Info, default(SigInfo)) ? SysResult.Success : Errno.EFAULT;

    /// <summary>What a wait is about, and where its answer goes.</summary>
    private readonly record struct WaitRequest(
        ChildFilter Filter, WaitOptions Options, bool IsWaitId, UserPtr<int> Status, UserPtr<SigInfo> Info, UserPtr<Rusage> Usage)
    {
        /// <summary>Whether nothing to tell is EAGAIN.</summary>
        public bool IsAgain { get; init; }

        /// <summary>Whether the wait is about a child at all, whatever it has to tell (wait4(2), "Linux notes").</summary>
        public bool Concerns(Process child, GuestThread caller)
        {
            bool isClone = child.ExitSignal != Signal.SIGCHLD;
            bool isOfKind = (Options & WaitOptions.__WALL) != 0 || isClone == ((Options & WaitOptions.__WCLONE) != 0);
            return isOfKind && Filter.Matches(child) && ((Options & WaitOptions.__WNOTHREAD) == 0 || child.Maker == caller);
        }
    }

    /// <summary>Which children a wait is about.</summary>
    private readonly record struct ChildFilter(WaitIdType Type, int Id)
    {
        public bool Matches(Process child) => Type switch
        {
            WaitIdType.P_PID or WaitIdType.P_PIDFD => child.Pid == Id,
            WaitIdType.P_PGID => child.ProcessGroupId == Id,
            _ => true,
        };
    }
}
