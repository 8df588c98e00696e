using Semitone.Abi;
using Semitone.Machine;
using Semitone.Memory;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>What the system is and has, and what a thread may set about itself.</summary>
public static class SystemSyscalls
{
    [Syscall(63, "uname")]
    public static SysResult Uname(SyscallContext context, [Out] UserPtr<UtsName> name)
    {
        UtsName value = default;
        SystemIdentity.SystemName.CopyTo(value.sysname);
        context.System.HostName.CopyTo((Span<byte>)value.nodename);
        SystemIdentity.Release.CopyTo(value.release);
        SystemIdentity.Version.CopyTo(value.version);
        SystemIdentity.Hardware.CopyTo(value.machine);
        context.System.DomainName.CopyTo((Span<byte>)value.domainname);
        return context.Memory.TryWriteFrom(name, in value) ? SysResult.Success : Errno.EFAULT;
    }

    [Syscall(170, "sethostname")]
    public static SysResult SetHostName(SyscallContext context, UserPtr<byte> name, nuint length)
    {
        Errno error = ReadName(context, name, length, out byte[] value);
        if (error == Errno.None)
        {
            context.System.HostName = value;
        }

        return error;
    }

    [Syscall(171, "setdomainname")]
    public static SysResult SetDomainName(SyscallContext context, UserPtr<byte> name, nuint length)
    {
        Errno error = ReadName(context, name, length, out byte[] value);
        if (error == Errno.None)
        {
            context.System.DomainName = value;
        }

        return error;
    }

    [Syscall(99, "sysinfo")]
    public static SysResult Sysinfo(SyscallContext context, [Out] UserPtr<SysInfo> info)
    {
        FramePool frames = context.System.Frames;
        SysInfo value = new()
        {
            uptime = context.System.Clock.MonotonicNs / TimeUnits.NsPerSecond,
            totalram = (ulong)frames.TotalCount * Paging.PageSize,
            freeram = (ulong)frames.FreeCount * Paging.PageSize,
            procs = (ushort)Math.Min(ushort.MaxValue, context.System.Threads.Count),
            mem_unit = 1,
        };
        return context.Memory.TryWriteFrom(info, in value) ? SysResult.Success : Errno.EFAULT;
    }

    [Syscall(158, "arch_prctl")]
    public static SysResult ArchPrctl(SyscallContext context, ArchPrctlCode code, [Trace(TraceFormat.Address)] ulong address)
    {
        ref GuestRegisters registers = ref context.Thread.Registers;
        switch (code)
        {
            case ArchPrctlCode.ARCH_SET_FS:
                if (address >= Paging.UserEnd)
                {
                    return Errno.EPERM;
                }

                registers.FsBase = address;
                return SysResult.Success;
            case ArchPrctlCode.ARCH_SET_GS:
                if (address >= Paging.UserEnd)
                {
                    return Errno.EPERM;
                }

                context.Thread.Context.GsBase = address;
                return SysResult.Success;
            case ArchPrctlCode.ARCH_GET_FS:
                return context.Memory.TryWrite(new UserPtr<ulong>(address), registers.FsBase) ? SysResult.Success : Errno.EFAULT;
            case ArchPrctlCode.ARCH_GET_GS:
                return context.Memory.TryWrite(new UserPtr<ulong>(address), context.Thread.Context.GsBase) ? SysResult.Success : Errno.EFAULT;
            case ArchPrctlCode.ARCH_GET_CPUID:
                return 1;
            default:
                return Errno.EINVAL;
        }
    }

    [Syscall(157, "prctl", Returns = Returns.Value, Missing = "all but names, dumpable, no_new_privs, timer slack, the bounding set and some queries")]
    public static SysResult Prctl(SyscallContext context, PrctlOption option, [Trace(TraceFormat.Hex)] ulong a, [Trace(TraceFormat.Hex)] ulong b, [Trace(TraceFormat.Hex)] ulong c, [Trace(TraceFormat.Hex)] ulong d)
    {
        switch (option)
        {
            case PrctlOption.PR_SET_NAME:
                return SetName(context, a);
            case PrctlOption.PR_GET_NAME:
                return context.Memory.CopyOut(a, context.Thread.Name.Padded) == TaskName.Capacity ? SysResult.Success : Errno.EFAULT;
            case PrctlOption.PR_GET_DUMPABLE:
                return context.Process.Dumpable;
            case PrctlOption.PR_SET_DUMPABLE:
                if (a > 1)
                {
                    return Errno.EINVAL;
                }

                context.Process.Dumpable = (int)a;
                return SysResult.Success;
            case PrctlOption.PR_SET_NO_NEW_PRIVS:
                if (a != 1 || (b | c | d) != 0)
                {
                    return Errno.EINVAL;
                }

                context.Process.HasNoNewPrivileges = true;
                return SysResult.Success;
            case PrctlOption.PR_GET_NO_NEW_PRIVS:
                return context.Process.HasNoNewPrivileges ? 1 : 0;
            case PrctlOption.PR_SET_PDEATHSIG:
                if (a > (ulong)Signal.SIGRTMAX)
                {
                    return Errno.EINVAL;
                }

                context.Process.ParentDeathSignal = (Signal)a;
                return SysResult.Success;
            case PrctlOption.PR_GET_PDEATHSIG:
                return context.Memory.TryWrite(new UserPtr<int>(a), (int)context.Process.ParentDeathSignal) ? SysResult.Success : Errno.EFAULT;
            case PrctlOption.PR_SET_TIMERSLACK:
                // Timers here go off when they are due; the slack is kept for whoever asks.
                context.Thread.TimerSlackNs = a == 0 ? GuestThread.DefaultTimerSlackNs : (long)Math.Min(a, long.MaxValue);
                return SysResult.Success;
            case PrctlOption.PR_GET_TIMERSLACK:
                return context.Thread.TimerSlackNs;
            case PrctlOption.PR_CAPBSET_READ:
                const ulong LastCapability = 40;
                return a <= LastCapability ? 1 : Errno.EINVAL;
            case PrctlOption.PR_GET_KEEPCAPS:
            case PrctlOption.PR_GET_SECUREBITS:
            case PrctlOption.PR_GET_TIMING:
            case PrctlOption.PR_GET_SECCOMP:
            case PrctlOption.PR_GET_THP_DISABLE:
                return 0;
            case PrctlOption.PR_GET_TID_ADDRESS:
                return context.Memory.TryWrite(new UserPtr<ulong>(a), context.Thread.ClearChildTid) ? SysResult.Success : Errno.EFAULT;
            default:
                return Errno.EINVAL;
        }
    }

    [Syscall(324, "membarrier", Returns = Returns.Value)]
    public static SysResult Membarrier(SyscallContext context, int command, uint flags, int cpu)
    {
        // With one CPU every barrier holds: a switch between threads goes through the kernel.
        const int Query = 0;
        const int Global = 1 << 0;
        const int Supported = Global | (1 << 1) | (1 << 2) | (1 << 3) | (1 << 4) | (1 << 5) | (1 << 6);
        if (flags != 0)
        {
            return Errno.EINVAL;
        }

        if (command == Query)
        {
            return Supported;
        }

        bool isKnown = (command & (command - 1)) == 0 && (command & Supported) != 0;
        return isKnown ? SysResult.Success : Errno.EINVAL;
    }

    private static SysResult SetName(SyscallContext context, ulong address)
    {
        Span<byte> name = stackalloc byte[TaskName.Capacity];
        Errno error = context.Memory.ReadCString(new UserCString(address), name, out int length);
        switch (error)
        {
            case Errno.None:
                break;
            case Errno.ENAMETOOLONG:
                // Silently cut off (prctl(2)).
                length = TaskName.Capacity - 1;
                break;
            default:
                return error;
        }

        context.Thread.Name.Set(name[..length]);
        return SysResult.Success;
    }

    private static Errno ReadName(SyscallContext context, UserPtr<byte> name, nuint length, out byte[] value)
    {
        value = [];
        if (!context.Process.Credentials.IsPrivileged)
        {
            return Errno.EPERM;
        }

        if (length >= UtsNameField.Length)
        {
            return Errno.EINVAL;
        }

        value = new byte[(int)length];
        return context.Memory.CopyIn(name.Address, value) == value.Length ? Errno.None : Errno.EFAULT;
    }
}
