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
        Rusage value;
        switch (who)
        {
            case RusageWho.RUSAGE_SELF:
                value = GetUsage(context.Process.CpuTimeNs);
                foreach (GuestThread thread in context.Process.Threads)
                {
                    AddSwitches(ref value, thread);
                }

                break;
            case RusageWho.RUSAGE_THREAD:
                value = GetUsage(context.Thread.CpuTimeNs);
                AddSwitches(ref value, context.Thread);
                break;
            case RusageWho.RUSAGE_CHILDREN:
                value = GetUsage(context.Process.ChildrenCpuTimeNs);
                break;
            default:
                return Errno.EINVAL;
        }

        if (who != RusageWho.RUSAGE_CHILDREN)
        {
            // In KiB. Pages given back are not remembered, so it is what is there now.
            value.ru_maxrss = context.Process.AddressSpace.ResidentPageCount * (Paging.PageSize / 1024);
        }

        return context.Memory.TryWriteFrom(usage, in value) ? SysResult.Success : Errno.EFAULT;
    }

    /// <summary>Describes time used. The kernel's share is not measured apart from the program's.</summary>
    internal static Rusage GetUsage(long cpuTimeNs) => new() { ru_utime = Timeval.FromNs(cpuTimeNs) };

    private static void AddSwitches(ref Rusage usage, GuestThread thread)
    {
        usage.ru_majflt += thread.MajorFaultCount;
        usage.ru_nvcsw += thread.VoluntarySwitchCount;
        usage.ru_nivcsw += thread.InvoluntarySwitchCount;
    }

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

        Process? process = context.Process;
        if (pid != 0 && !context.System.TryGetProcess(pid, out process))
        {
            return Errno.ESRCH;
        }

        if (!context.Process.MayLimit(process))
        {
            return Errno.EPERM;
        }

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

            if (wanted.rlim_max > previous.rlim_max && !context.Process.Credentials.Has(Capability.CAP_SYS_RESOURCE))
            {
                return Errno.EPERM;
            }

            process.SetLimit(resource, wanted);
        }

        return old.IsNull || context.Memory.TryWrite(old, previous) ? SysResult.Success : Errno.EFAULT;
    }
}
