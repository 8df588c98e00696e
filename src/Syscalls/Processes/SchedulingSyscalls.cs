using System.Diagnostics.CodeAnalysis;
using Semitone.Abi;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>The family of sched_*: one CPU, and threads that take turns by their niceness.</summary>
public static class SchedulingSyscalls
{
    private const int LowestPriority = 1;
    private const int HighestPriority = 99;
    private const int NeutralNice = 20;
    private const int LeastNice = -20;
    private const int MostNice = 19;

    [Syscall(24, "sched_yield")]
    public static SysResult Yield(SyscallContext context)
    {
        context.Thread.Yield();
        return SysResult.Success;
    }

    [Syscall(204, "sched_getaffinity", Returns = Returns.Value)]
    public static SysResult GetAffinity(
        SyscallContext context, [Trace(TraceFormat.Pid)] int tid, nuint size, [Out, Trace(TraceFormat.Address)] UserPtr<ulong> mask)
    {
        const int WordSize = sizeof(ulong);
        if (!Exists(context, tid))
        {
            return Errno.ESRCH;
        }

        if (size < WordSize || size % WordSize != 0)
        {
            return Errno.EINVAL;
        }

        return context.Memory.TryWrite(mask, 1UL) ? WordSize : Errno.EFAULT;
    }

    [Syscall(203, "sched_setaffinity")]
    public static SysResult SetAffinity(
        SyscallContext context, [Trace(TraceFormat.Pid)] int tid, nuint size, [Trace(TraceFormat.Address)] UserPtr<byte> mask)
    {
        if (!Exists(context, tid))
        {
            return Errno.ESRCH;
        }

        if (size == 0)
        {
            return Errno.EINVAL;
        }

        if (!context.Memory.TryRead(mask, out byte first))
        {
            return Errno.EFAULT;
        }

        if (TryGetThread(context, tid, out GuestThread? thread) && !context.Thread.MaySchedule(thread))
        {
            return Errno.EPERM;
        }

        // The first CPU is all there is.
        return (first & 1) != 0 ? SysResult.Success : Errno.EINVAL;
    }

    [Syscall(309, "getcpu")]
    public static SysResult GetCpu(
        SyscallContext context, [Out] UserPtr<uint> cpu, [Out] UserPtr<uint> node, [Trace(TraceFormat.Address)] ulong unused)
    {
        bool isWritten = (cpu.IsNull || context.Memory.TryWrite(cpu, 0U)) && (node.IsNull || context.Memory.TryWrite(node, 0U));
        return isWritten ? SysResult.Success : Errno.EFAULT;
    }

    [Syscall(145, "sched_getscheduler", Returns = Returns.Value)]
    public static SysResult GetScheduler(SyscallContext context, [Trace(TraceFormat.Pid)] int tid)
    {
        if (tid < 0)
        {
            return Errno.EINVAL;
        }

        return TryGetThread(context, tid, out GuestThread? thread) ? (int)thread.Policy : Errno.ESRCH;
    }

    [Syscall(144, "sched_setscheduler", Missing = "real-time policies, SCHED_RESET_ON_FORK")]
    public static SysResult SetScheduler(
        SyscallContext context, [Trace(TraceFormat.Pid)] int tid, SchedulingPolicy policy, UserPtr<SchedParam> parameters) =>
        SetPolicy(context, tid, policy, parameters);

    [Syscall(143, "sched_getparam")]
    public static SysResult GetParameters(SyscallContext context, [Trace(TraceFormat.Pid)] int tid, [Out] UserPtr<SchedParam> parameters)
    {
        if (tid < 0 || parameters.IsNull)
        {
            return Errno.EINVAL;
        }

        if (!Exists(context, tid))
        {
            return Errno.ESRCH;
        }

        return context.Memory.TryWrite(parameters, default(SchedParam)) ? SysResult.Success : Errno.EFAULT;
    }

    [Syscall(142, "sched_setparam")]
    public static SysResult SetParameters(SyscallContext context, [Trace(TraceFormat.Pid)] int tid, UserPtr<SchedParam> parameters) =>
        SetPolicy(context, tid, null, parameters);

    [Syscall(146, "sched_get_priority_max", Returns = Returns.Value)]
    public static SysResult GetHighestPriority(SyscallContext context, SchedulingPolicy policy) => GetPriority(policy, HighestPriority);

    [Syscall(147, "sched_get_priority_min", Returns = Returns.Value)]
    public static SysResult GetLowestPriority(SyscallContext context, SchedulingPolicy policy) => GetPriority(policy, LowestPriority);

    [Syscall(148, "sched_rr_get_interval")]
    public static SysResult GetInterval(SyscallContext context, [Trace(TraceFormat.Pid)] int tid, [Out] UserPtr<Timespec> interval)
    {
        if (tid < 0)
        {
            return Errno.EINVAL;
        }

        if (!Exists(context, tid))
        {
            return Errno.ESRCH;
        }

        return context.Memory.TryWrite(interval, Timespec.FromNs(Core.Executor.TickNs)) ? SysResult.Success : Errno.EFAULT;
    }

    [Syscall(140, "getpriority", Returns = Returns.Value)]
    public static SysResult GetPriority(SyscallContext context, PriorityWho which, int who)
    {
        if (which is < PriorityWho.PRIO_PROCESS or > PriorityWho.PRIO_USER)
        {
            return Errno.EINVAL;
        }

        // As the system call has it, 20 - nice; of several threads, the greatest.
        int greatest = 0;
        for (int id = 1; context.System.Threads.TryGetNext(id, out id, out GuestThread? thread); id++)
        {
            if (IsMeant(context, thread, which, who))
            {
                greatest = Math.Max(greatest, NeutralNice - thread.Nice);
            }
        }

        return greatest == 0 ? Errno.ESRCH : greatest;
    }

    [Syscall(141, "setpriority")]
    public static SysResult SetPriority(SyscallContext context, PriorityWho which, int who, int nice)
    {
        if (which is < PriorityWho.PRIO_PROCESS or > PriorityWho.PRIO_USER)
        {
            return Errno.EINVAL;
        }

        nice = Math.Clamp(nice, LeastNice, MostNice);
        SysResult result = Errno.ESRCH;
        for (int id = 1; context.System.Threads.TryGetNext(id, out id, out GuestThread? thread); id++)
        {
            if (!IsMeant(context, thread, which, who))
            {
                continue;
            }

            if (!context.Thread.MaySchedule(thread))
            {
                result = Errno.EPERM;
                continue;
            }

            ulong limit = thread.Process.Limits[RlimitResource.RLIMIT_NICE].rlim_cur;
            bool mayBeLessNice = (ulong)(NeutralNice - nice) <= limit
                || context.Thread.Credentials.Has(Capability.CAP_SYS_NICE);
            if (nice < thread.Nice && !mayBeLessNice)
            {
                result = Errno.EACCES;
                continue;
            }

            thread.Nice = nice;
            if (result == Errno.ESRCH)
            {
                result = SysResult.Success;
            }
        }

        return result;
    }

    /// <summary>Tells whether a pair of getpriority(2)'s arguments means a thread; 0 is whoever asks.</summary>
    private static bool IsMeant(SyscallContext context, GuestThread thread, PriorityWho which, int who) => which switch
    {
        PriorityWho.PRIO_PROCESS => thread.Tid == (who == 0 ? context.Thread.Tid : who),
        PriorityWho.PRIO_PGRP => thread.Process.ProcessGroupId == (who == 0 ? context.Process.ProcessGroupId : who),
        _ => thread.Credentials.RealUserId == (who == 0 ? context.Thread.Credentials.RealUserId : (uint)who),
    };

    private static SysResult GetPriority(SchedulingPolicy policy, int realTime) => policy switch
    {
        SchedulingPolicy.SCHED_FIFO or SchedulingPolicy.SCHED_RR => realTime,
        SchedulingPolicy.SCHED_OTHER or SchedulingPolicy.SCHED_BATCH or SchedulingPolicy.SCHED_IDLE or SchedulingPolicy.SCHED_DEADLINE => 0,
        _ => Errno.EINVAL,
    };

    /// <param name="policy">Null to keep the one that the thread has.</param>
    private static SysResult SetPolicy(SyscallContext context, int tid, SchedulingPolicy? policy, UserPtr<SchedParam> parameters)
    {
        if (tid < 0 || parameters.IsNull)
        {
            return Errno.EINVAL;
        }

        if (!context.Memory.TryRead(parameters, out SchedParam wanted))
        {
            return Errno.EFAULT;
        }

        if (!TryGetThread(context, tid, out GuestThread? thread))
        {
            return Errno.ESRCH;
        }

        if (!context.Thread.MaySchedule(thread))
        {
            return Errno.EPERM;
        }

        SchedulingPolicy chosen = policy ?? thread.Policy;
        switch (chosen)
        {
            case SchedulingPolicy.SCHED_OTHER or SchedulingPolicy.SCHED_BATCH or SchedulingPolicy.SCHED_IDLE:
                if (wanted.sched_priority != 0)
                {
                    return Errno.EINVAL;
                }

                thread.Policy = chosen;
                return SysResult.Success;
            case SchedulingPolicy.SCHED_FIFO or SchedulingPolicy.SCHED_RR:
                return wanted.sched_priority is >= LowestPriority and <= HighestPriority ? Errno.EPERM : Errno.EINVAL;
            default:
                return Errno.EINVAL;
        }
    }

    private static bool Exists(SyscallContext context, int tid) => TryGetThread(context, tid, out _);

    private static bool TryGetThread(SyscallContext context, int tid, [NotNullWhen(true)] out GuestThread? thread)
    {
        thread = context.Thread;
        return tid == 0 || context.System.Threads.TryGet(tid, out thread);
    }
}
