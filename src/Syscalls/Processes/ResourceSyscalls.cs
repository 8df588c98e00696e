using Semitone.Abi;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>Limits and usage.</summary>
public static class ResourceSyscalls
{
    [Syscall(97, "getrlimit")]
    public static SysResult GetLimit(SyscallContext context, RlimitResource resource, [Out] UserPtr<Rlimit> limit) =>
        Change(context, 0, resource, default, limit);

    [Syscall(160, "setrlimit")]
    public static SysResult SetLimit(SyscallContext context, RlimitResource resource, UserPtr<Rlimit> limit) =>
        limit.IsNull ? Errno.EFAULT : Change(context, 0, resource, limit, default);

    [Syscall(302, "prlimit64")]
    public static SysResult ProcessLimit(
        SyscallContext context,
        [Trace(TraceFormat.Pid)] int pid,
        RlimitResource resource,
        UserPtr<Rlimit> limit,
        [Out] UserPtr<Rlimit> old) =>
        Change(context, pid, resource, limit, old);

    [Syscall(98, "getrusage")]
    public static SysResult GetUsage(SyscallContext context, RusageWho who, [Out] UserPtr<Rusage> usage)
    {
        Process process = context.Process;
        Rusage value;
        switch (who)
        {
            case RusageWho.RUSAGE_SELF:
                value = GetUsage(process.CpuTimeNs, process.Usage);
                break;
            case RusageWho.RUSAGE_THREAD:
                value = GetUsage(
                    context.Thread.CpuTimeNs, context.Thread.Usage with { ResidentPages = process.AddressSpace.ResidentPageCount });
                break;
            case RusageWho.RUSAGE_CHILDREN:
                value = GetUsage(process.ChildrenCpuTimeNs, process.ChildrenUsage);
                break;
            default:
                return Errno.EINVAL;
        }

        return context.Memory.TryWriteFrom(usage, in value) ? SysResult.Success : Errno.EFAULT;
    }

    /// <summary>Describes time used. The kernel's share is not measured apart from the program's.</summary>
    internal static Rusage GetUsage(long cpuTimeNs, TaskUsage usage) => new()
    {
        ru_utime = Timeval.FromNs(cpuTimeNs),

        // In KiB.
        ru_maxrss = usage.ResidentPages * (Paging.PageSize / 1024),
        ru_minflt = usage.MinorFaults,
        ru_majflt = usage.MajorFaults,
        ru_nvcsw = usage.VoluntarySwitches,
        ru_nivcsw = usage.InvoluntarySwitches,
    };

    private static SysResult Change(SyscallContext context, int pid, RlimitResource resource, UserPtr<Rlimit> limit, UserPtr<Rlimit> old)
    {
        if ((uint)resource >= ResourceLimits.Count)
        {
            return Errno.EINVAL;
        }

        Rlimit wanted = default;
        if (!limit.IsNull && !context.Memory.TryRead(limit, out wanted))
        {
            return Errno.EFAULT;
        }

        GuestThread? thread = context.Thread;
        if (pid != 0 && !context.System.Threads.TryGet(pid, out thread))
        {
            return Errno.ESRCH;
        }

        if (!context.Thread.MayLimit(thread))
        {
            return Errno.EPERM;
        }

        Process process = thread.Process;

        Rlimit previous = process.Limits[resource];
        if (!limit.IsNull)
        {
            if (wanted.rlim_cur > wanted.rlim_max)
            {
                return Errno.EINVAL;
            }

            if (resource == RlimitResource.RLIMIT_NOFILE && wanted.rlim_max > Files.FileTable.AbsoluteLimit)
            {
                return Errno.EPERM;
            }

            if (wanted.rlim_max > previous.rlim_max && !context.Thread.Credentials.Has(Capability.CAP_SYS_RESOURCE))
            {
                return Errno.EPERM;
            }

            process.SetLimit(resource, wanted);
        }

        return old.IsNull || context.Memory.TryWrite(old, previous) ? SysResult.Success : Errno.EFAULT;
    }
}
