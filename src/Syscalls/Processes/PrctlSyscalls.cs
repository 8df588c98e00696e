using Semitone.Abi;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>
/// prctl(2): what a thread or process may set about itself. Arguments that an option does not use are checked where Linux checks them.
/// </summary>
public static class PrctlSyscalls
{
    private const string Missing =
        "seccomp, PR_SET_MM, PR_SET_VMA, PR_SET_PTRACER, PR_SET_MDWE, PR_TSC_SIGSEGV, speculation and core scheduling";

    /// <summary>PR_MCE_KILL_SET and the largest of the policies that it takes.</summary>
    private const ulong MachineCheckSet = 1;

    [Syscall(157, "prctl", Returns = Returns.Value, Missing = Missing)]
    public static SysResult Prctl(
        SyscallContext context,
        PrctlOption option,
        [Trace(TraceFormat.Hex)] ulong a,
        [Trace(TraceFormat.Hex)] ulong b,
        [Trace(TraceFormat.Hex)] ulong c,
        [Trace(TraceFormat.Hex)] ulong d)
    {
        Process process = context.Process;
        switch (option)
        {
            case PrctlOption.PR_SET_NAME:
                return SetName(context, a);
            case PrctlOption.PR_GET_NAME:
                return context.Memory.CopyOut(a, context.Thread.Name.Padded) == TaskName.Capacity ? SysResult.Success : Errno.EFAULT;
            case PrctlOption.PR_GET_DUMPABLE:
                return process.Dumpable;
            case PrctlOption.PR_SET_DUMPABLE:
                if (a > 1)
                {
                    return Errno.EINVAL;
                }

                process.Dumpable = (int)a;
                return SysResult.Success;
            case PrctlOption.PR_SET_NO_NEW_PRIVS:
                if (a != 1 || (b | c | d) != 0)
                {
                    return Errno.EINVAL;
                }

                context.Thread.HasNoNewPrivileges = true;
                return SysResult.Success;
            case PrctlOption.PR_GET_NO_NEW_PRIVS:
                return (a | b | c | d) != 0 ? Errno.EINVAL : Of(context.Thread.HasNoNewPrivileges);
            case PrctlOption.PR_SET_PDEATHSIG:
                if (a > (ulong)Signal.SIGRTMAX)
                {
                    return Errno.EINVAL;
                }

                context.Thread.ParentDeathSignal = (Signal)a;
                return SysResult.Success;
            case PrctlOption.PR_GET_PDEATHSIG:
                return Write(context, a, (int)context.Thread.ParentDeathSignal);
            case PrctlOption.PR_SET_CHILD_SUBREAPER:
                process.IsSubreaper = a != 0;
                return SysResult.Success;
            case PrctlOption.PR_GET_CHILD_SUBREAPER:
                return Write(context, a, process.IsSubreaper ? 1 : 0);
            case PrctlOption.PR_SET_TIMERSLACK:
                // Timers here go off when they are due; the slack is kept for whoever asks.
                context.Thread.TimerSlackNs = a == 0 ? GuestThread.DefaultTimerSlackNs : (long)Math.Min(a, long.MaxValue);
                return SysResult.Success;
            case PrctlOption.PR_GET_TIMERSLACK:
                return context.Thread.TimerSlackNs;
            case PrctlOption.PR_CAPBSET_READ:
                return CapabilitySyscalls.ReadBounding(context, a);
            case PrctlOption.PR_CAPBSET_DROP:
                return CapabilitySyscalls.DropBounding(context, a);
            case PrctlOption.PR_CAP_AMBIENT:
                return CapabilitySyscalls.ControlAmbient(context, (AmbientOperation)a, b, c, d);
            case PrctlOption.PR_GET_KEEPCAPS:
                return Of((context.Thread.Credentials.SecureBits & SecureBits.SECBIT_KEEP_CAPS) != 0);
            case PrctlOption.PR_SET_KEEPCAPS:
                return CapabilitySyscalls.SetKeepCapabilities(context, a);
            case PrctlOption.PR_GET_SECUREBITS:
                return (long)context.Thread.Credentials.SecureBits;
            case PrctlOption.PR_SET_SECUREBITS:
                return CapabilitySyscalls.SetSecureBits(context, a);
            case PrctlOption.PR_GET_TIMING:
                // PR_TIMING_STATISTICAL, the one way that Linux knows as well.
                return 0;
            case PrctlOption.PR_SET_TIMING:
                return a == 0 ? SysResult.Success : Errno.EINVAL;
            case PrctlOption.PR_GET_TSC:
                const int Enabled = 1;
                return Write(context, a, Enabled);
            case PrctlOption.PR_SET_TSC:
                return a == Enabled ? SysResult.Success : Errno.EINVAL;
            case PrctlOption.PR_GET_SECCOMP:
                return 0;
            case PrctlOption.PR_GET_THP_DISABLE:
                return (a | b | c | d) != 0 ? Errno.EINVAL : Of(process.HasHugePagesDisabled);
            case PrctlOption.PR_SET_THP_DISABLE:
                if ((b | c | d) != 0)
                {
                    return Errno.EINVAL;
                }

                process.HasHugePagesDisabled = a != 0;
                return SysResult.Success;
            case PrctlOption.PR_MCE_KILL:
                return SetMachineCheckPolicy(process, a, b, c | d);
            case PrctlOption.PR_MCE_KILL_GET:
                return (a | b | c | d) != 0 ? Errno.EINVAL : process.MachineCheckPolicy;
            case PrctlOption.PR_GET_TID_ADDRESS:
                return context.Memory.TryWrite(new UserPtr<ulong>(a), context.Thread.ClearChildTid) ? SysResult.Success : Errno.EFAULT;
            default:
                return Errno.EINVAL;
        }
    }

    private static SysResult Of(bool value) => value ? 1 : 0;

    private static SysResult Write(SyscallContext context, ulong address, int value) =>
        context.Memory.TryWrite(new UserPtr<int>(address), value) ? SysResult.Success : Errno.EFAULT;

    private static SysResult SetMachineCheckPolicy(Process process, ulong operation, ulong policy, ulong unused)
    {
        bool isSet = operation == MachineCheckSet;
        bool isValid = isSet ? policy <= Process.DefaultMachineCheckPolicy : operation == 0 && policy == 0;
        if (!isValid || unused != 0)
        {
            return Errno.EINVAL;
        }

        process.MachineCheckPolicy = isSet ? (int)policy : Process.DefaultMachineCheckPolicy;
        return SysResult.Success;
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
}
