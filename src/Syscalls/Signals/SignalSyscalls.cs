using Semitone.Abi;
using Semitone.Core;
using Semitone.Memory;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>The family of signals.</summary>
public static class SignalSyscalls
{
    private const SigactionFlags KnownFlags =
        SigactionFlags.SA_NOCLDSTOP | SigactionFlags.SA_NOCLDWAIT | SigactionFlags.SA_SIGINFO | SigactionFlags.SA_RESTORER
        | SigactionFlags.SA_ONSTACK | SigactionFlags.SA_RESTART | SigactionFlags.SA_NODEFER | SigactionFlags.SA_RESETHAND
        | SigactionFlags.SA_EXPOSE_TAGBITS;

    [Syscall(13, "rt_sigaction")]
    public static SysResult Sigaction(
        SyscallContext context, Signal signal, UserPtr<Sigaction> action, [Out] UserPtr<Sigaction> old, nuint setSize)
    {
        if (setSize != SignalSet.Size || !SignalHandlers.IsValid(signal))
        {
            return Errno.EINVAL;
        }

        Sigaction wanted = default;
        if (!action.IsNull && !context.Memory.TryRead(action, out wanted))
        {
            return Errno.EFAULT;
        }

        if (!action.IsNull && signal is Signal.SIGKILL or Signal.SIGSTOP)
        {
            return action.IsNull ? SysResult.Success : Errno.EINVAL;
        }

        ref Sigaction current = ref context.Process.Handlers[signal];
        Sigaction previous = current;
        if (!action.IsNull)
        {
            // Unknown flags are cleared, so that a program can find out what there is (sigaction(2), "Dynamically probing").
            wanted.sa_flags &= KnownFlags;
            wanted.sa_mask &= ~(SignalSet.Of(Signal.SIGKILL) | SignalSet.Of(Signal.SIGSTOP));
            current = wanted;
            if (context.Process.Handlers.IsIgnored(signal))
            {
                context.Process.DiscardEverywhere(SignalSet.Of(signal));
            }
        }

        return old.IsNull || context.Memory.TryWriteFrom(old, in previous) ? SysResult.Success : Errno.EFAULT;
    }

    [Syscall(14, "rt_sigprocmask")]
    public static SysResult Sigprocmask(
        SyscallContext context, SigprocmaskHow how, UserPtr<SignalSet> set, [Out] UserPtr<SignalSet> old, nuint setSize)
    {
        if (setSize != SignalSet.Size)
        {
            return Errno.EINVAL;
        }

        SignalSet previous = context.Thread.SignalMask;
        if (!set.IsNull)
        {
            if (!context.Memory.TryRead(set, out SignalSet wanted))
            {
                return Errno.EFAULT;
            }

            switch (how)
            {
                case SigprocmaskHow.SIG_BLOCK:
                    context.Thread.SetSignalMask(previous | wanted);
                    break;
                case SigprocmaskHow.SIG_UNBLOCK:
                    context.Thread.SetSignalMask(previous & ~wanted);
                    break;
                case SigprocmaskHow.SIG_SETMASK:
                    context.Thread.SetSignalMask(wanted);
                    break;
                default:
                    return Errno.EINVAL;
            }
        }

        return old.IsNull || context.Memory.TryWrite(old, previous) ? SysResult.Success : Errno.EFAULT;
    }

    [Syscall(127, "rt_sigpending")]
    public static SysResult Sigpending(SyscallContext context, [Out] UserPtr<SignalSet> set, nuint setSize)
    {
        if (setSize > SignalSet.Size)
        {
            return Errno.EINVAL;
        }

        SignalSet pending = context.Thread.AllPending & context.Thread.SignalMask;
        Span<byte> bytes = stackalloc byte[SignalSet.Size];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(bytes, pending.Bits);
        return context.Memory.CopyOut(set.Address, bytes[..(int)setSize]) == (int)setSize ? SysResult.Success : Errno.EFAULT;
    }

    [Syscall(130, "rt_sigsuspend")]
    public static ValueTask<SysResult> Sigsuspend(SyscallContext context, UserPtr<SignalSet> mask, nuint setSize)
    {
        if (setSize != SignalSet.Size)
        {
            return new ValueTask<SysResult>(Errno.EINVAL);
        }

        if (!context.Memory.TryRead(mask, out SignalSet wanted))
        {
            return new ValueTask<SysResult>(Errno.EFAULT);
        }

        context.Thread.SetTemporarySignalMask(wanted);
        return WaitForHandlerAsync(context);
    }

    [Syscall(34, "pause")]
    public static ValueTask<SysResult> Pause(SyscallContext context) => WaitForHandlerAsync(context);

    [Syscall(128, "rt_sigtimedwait", Returns = Returns.Value)]
    public static ValueTask<SysResult> Sigtimedwait(
        SyscallContext context, UserPtr<SignalSet> set, [Out] UserPtr<SigInfo> info, UserPtr<Timespec> timeout, nuint setSize)
    {
        if (setSize != SignalSet.Size)
        {
            return new ValueTask<SysResult>(Errno.EINVAL);
        }

        if (!context.Memory.TryRead(set, out SignalSet wanted))
        {
            return new ValueTask<SysResult>(Errno.EFAULT);
        }

        long deadlineNs = long.MaxValue;
        if (!timeout.IsNull)
        {
            if (!context.Memory.TryRead(timeout, out Timespec time))
            {
                return new ValueTask<SysResult>(Errno.EFAULT);
            }

            if (!time.IsValid)
            {
                return new ValueTask<SysResult>(Errno.EINVAL);
            }

            deadlineNs = Deadline.FromNow(context.System.Clock, time.ToNsSaturating());
        }

        wanted &= ~(SignalSet.Of(Signal.SIGKILL) | SignalSet.Of(Signal.SIGSTOP));
        if (context.Thread.TryTakeSignal(wanted, out SigInfo taken))
        {
            return new ValueTask<SysResult>(Report(context, info, in taken));
        }

        return deadlineNs <= context.System.Clock.MonotonicNs
            ? new ValueTask<SysResult>(Errno.EAGAIN)
            : SigtimedwaitAsync(context, wanted, info, deadlineNs);
    }

    [Syscall(62, "kill")]
    public static SysResult Kill(SyscallContext context, [Trace(TraceFormat.Pid)] int pid, Signal signal)
    {
        if (signal != Signal.None && !SignalHandlers.IsValid(signal))
        {
            return Errno.EINVAL;
        }

        if (pid == int.MinValue)
        {
            return Errno.ESRCH;
        }

        SigInfo info = MakeInfo(context, signal, SignalCode.SI_USER);
        if (pid > 0)
        {
            // The number of any of its threads stands for a process.
            return context.System.Threads.TryGet(pid, out GuestThread? thread) ? Send(context, thread, in info) : Errno.ESRCH;
        }

        return pid == -1 ? SendToAll(context, in info) : SendToGroup(context, pid == 0 ? context.Process.ProcessGroupId : -pid, in info);
    }

    [Syscall(200, "tkill")]
    public static SysResult Tkill(SyscallContext context, [Trace(TraceFormat.Pid)] int tid, Signal signal) =>
        tid <= 0 ? Errno.EINVAL : SendToThread(context, null, tid, MakeInfo(context, signal, SignalCode.SI_TKILL));

    [Syscall(234, "tgkill")]
    public static SysResult Tgkill(
        SyscallContext context, [Trace(TraceFormat.Pid)] int pid, [Trace(TraceFormat.Pid)] int tid, Signal signal) =>
        pid <= 0 || tid <= 0 ? Errno.EINVAL : SendToThread(context, pid, tid, MakeInfo(context, signal, SignalCode.SI_TKILL));

    [Syscall(129, "rt_sigqueueinfo")]
    public static SysResult Sigqueueinfo(SyscallContext context, [Trace(TraceFormat.Pid)] int pid, Signal signal, UserPtr<SigInfo> info)
    {
        if (!context.Memory.TryRead(info, out SigInfo description))
        {
            return Errno.EFAULT;
        }

        description.si_signo = signal;

        // Nobody may pretend to another one that the kernel or kill(2) sent it.
        if (description.si_code is >= 0 or SignalCode.SI_TKILL && pid != context.ThreadId)
        {
            return Errno.EPERM;
        }

        if (!context.System.Threads.TryGet(pid, out GuestThread? thread))
        {
            return Errno.ESRCH;
        }

        return signal != Signal.None && !SignalHandlers.IsValid(signal) ? Errno.EINVAL : Send(context, thread, in description);
    }

    [Syscall(297, "rt_tgsigqueueinfo")]
    public static SysResult ThreadSigqueueinfo(
        SyscallContext context, [Trace(TraceFormat.Pid)] int pid, [Trace(TraceFormat.Pid)] int tid, Signal signal, UserPtr<SigInfo> info)
    {
        if (!context.Memory.TryRead(info, out SigInfo description))
        {
            return Errno.EFAULT;
        }

        if (pid <= 0 || tid <= 0)
        {
            return Errno.EINVAL;
        }

        description.si_signo = signal;
        bool isForged = description.si_code is >= 0 or SignalCode.SI_TKILL && tid != context.ThreadId;
        return isForged ? Errno.EPERM : SendToThread(context, pid, tid, description);
    }

    [Syscall(131, "sigaltstack")]
    public static SysResult Sigaltstack(SyscallContext context, UserPtr<StackT> stack, [Out] UserPtr<StackT> old)
    {
        StackT wanted = default;
        if (!stack.IsNull && !context.Memory.TryRead(stack, out wanted))
        {
            return Errno.EFAULT;
        }

        ulong stackPointer = context.Thread.Registers.Rsp;
        StackT previous = context.Thread.AlternateStack;
        if ((previous.ss_flags & StackFlags.SS_DISABLE) == 0 && context.Thread.IsOnAlternateStack(stackPointer))
        {
            previous.ss_flags |= StackFlags.SS_ONSTACK;
        }

        if (!stack.IsNull)
        {
            Errno error = AlternateStacks.TrySet(context.Thread, in wanted, stackPointer);
            if (error != Errno.None)
            {
                return error;
            }
        }

        return old.IsNull || context.Memory.TryWriteFrom(old, in previous) ? SysResult.Success : Errno.EFAULT;
    }

    [Syscall(15, "rt_sigreturn", Returns = Returns.Value)]
    public static SysResult Sigreturn(SyscallContext context) => new(unchecked((long)context.Thread.ReturnFromSignal()));

    private static async ValueTask<SysResult> WaitForHandlerAsync(SyscallContext context)
    {
        while (await context.Thread.Waiter.WaitAsync() != WaitResult.Interrupted)
        {
        }

        return RestartErrno.ERESTARTNOHAND;
    }

    private static async ValueTask<SysResult> SigtimedwaitAsync(
        SyscallContext context, SignalSet wanted, UserPtr<SigInfo> info, long deadlineNs)
    {
        (Errno error, SigInfo taken) = await context.Thread.WaitForSignalAsync(wanted, deadlineNs);
        return error == Errno.None ? Report(context, info, in taken) : error;
    }

    private static SysResult Report(SyscallContext context, UserPtr<SigInfo> info, in SigInfo taken) =>
        info.IsNull || context.Memory.TryWriteFrom(info, in taken) ? (int)taken.si_signo : Errno.EFAULT;

    internal static SigInfo MakeInfo(SyscallContext context, Signal signal, int code) =>
        SignalInfo.FromUser(signal, code, context.Process.Pid, context.Thread.Credentials.RealUserId);

    /// <summary>Sends a signal to everybody but the first process and the caller (kill(2)).</summary>
    private static SysResult SendToAll(SyscallContext context, in SigInfo info)
    {
        SysResult result = Errno.ESRCH;
        for (int id = 1; context.System.Threads.TryGetNext(id, out id, out GuestThread? thread); id++)
        {
            Process target = thread.Process;
            if (target.Pid == id && target != context.System.Init && target != context.Process)
            {
                // That one may not be sent it is no error here.
                SysResult sent = Send(context, target, in info);
                result = sent.Error == Errno.EPERM ? (result.Error == Errno.ESRCH ? SysResult.Success : result) : sent;
            }
        }

        return result;
    }

    /// <summary>Sends a signal to every process of a group, and so perhaps to the caller.</summary>
    /// <returns>Success when one of them may be sent it; EPERM, or ESRCH when there is nobody.</returns>
    internal static SysResult SendToGroup(SyscallContext context, int group, in SigInfo info)
    {
        SysResult result = Errno.ESRCH;
        for (int id = 1; context.System.Threads.TryGetNext(id, out id, out GuestThread? thread); id++)
        {
            Process target = thread.Process;
            if (target.Pid == id && target.ProcessGroupId == group)
            {
                SysResult sent = Send(context, target, in info);
                result = sent.IsError && !result.IsError ? result : sent;
            }
        }

        return result;
    }

    internal static SysResult SendToThread(SyscallContext context, int? pid, int tid, in SigInfo info)
    {
        Signal signal = info.si_signo;
        if (signal != Signal.None && !SignalHandlers.IsValid(signal))
        {
            return Errno.EINVAL;
        }

        if (!context.System.Threads.TryGet(tid, out GuestThread? thread) || thread.HasEnded || (pid is int id && thread.Process.Pid != id))
        {
            return Errno.ESRCH;
        }

        if (!MaySignal(context.Thread, thread, signal))
        {
            return Errno.EPERM;
        }

        return signal == Signal.None ? SysResult.Success : thread.Send(in info);
    }

    internal static SysResult Send(SyscallContext context, Process process, in SigInfo info) => Send(context, process.FirstThread, in info);

    /// <summary>Sends a signal to the process of a thread.</summary>
    internal static SysResult Send(SyscallContext context, GuestThread thread, in SigInfo info)
    {
        if (!MaySignal(context.Thread, thread, info.si_signo))
        {
            return Errno.EPERM;
        }

        return info.si_signo == Signal.None ? SysResult.Success : thread.Process.Send(in info);
    }

    /// <summary>Checks the rule of kill(2), "Permission".</summary>
    private static bool MaySignal(GuestThread sender, GuestThread target, Signal signal)
    {
        Credentials from = sender.Credentials;
        Credentials to = target.Credentials;
        return sender.Process == target.Process
            || from.Has(Capability.CAP_KILL)
            || from.RealUserId == to.RealUserId || from.RealUserId == to.SavedUserId
            || from.EffectiveUserId == to.RealUserId || from.EffectiveUserId == to.SavedUserId
            || (signal == Signal.SIGCONT && sender.Process.SessionId == target.Process.SessionId);
    }
}
