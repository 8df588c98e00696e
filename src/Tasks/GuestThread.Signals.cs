using Semitone.Abi;
using Semitone.Machine;

namespace Semitone.Tasks;

/// <summary>The part of a thread that has to do with signals.</summary>
public sealed partial class GuestThread
{
    private SignalSet _signalMask;
    private SignalSet _savedSignalMask;

    /// <summary>Signals sent to this thread alone.</summary>
    public PendingSignals Pending { get; } = new();

    /// <summary>The stack for handlers with SA_ONSTACK (sigaltstack(2)).</summary>
    public StackT AlternateStack { get; set; } = new() { ss_flags = StackFlags.SS_DISABLE };

    /// <summary>Signals that are blocked.</summary>
    public SignalSet SignalMask => _signalMask;

    /// <summary>Blocked signals that sigtimedwait(2) waits for at the moment.</summary>
    public SignalSet AwaitedSignals { get; private set; }

    /// <summary>Signals that were sent to the thread or its process and not delivered.</summary>
    public SignalSet AllPending => Pending.Set | Process.Pending.Set;

    /// <summary>True when a signal is there that is to interrupt what the thread does.</summary>
    public bool HasDeliverableSignal => !(AllPending & ~_signalMask).IsEmpty;

    /// <summary>Blocks exactly these signals from now on, but those that cannot be blocked.</summary>
    public void SetSignalMask(SignalSet mask)
    {
        _signalMask = mask & ~SignalSets.Unblockable;
        UpdateSignalWork();
        if (!Process.Pending.Set.IsEmpty)
        {
            // What this thread now blocks, another may take.
            Process.RetargetSignals();
        }
    }

    /// <summary>
    /// Blocks other signals for the time of one system call (sigsuspend, ppoll and their kin): the mask comes back when the call is over,
    /// after handlers that interrupted it.
    /// </summary>
    public void SetTemporarySignalMask(SignalSet mask)
    {
        _savedSignalMask = _signalMask;
        _work |= ThreadWork.RestoreSignalMask;
        SetSignalMask(mask);
    }

    /// <summary>Says whether an address lies in the alternate stack.</summary>
    public bool IsOnAlternateStack(ulong stackPointer) =>
        (AlternateStack.ss_flags & StackFlags.SS_AUTODISARM) == 0
        && stackPointer > AlternateStack.ss_sp
        && stackPointer - AlternateStack.ss_sp <= AlternateStack.ss_size;

    /// <summary>Waits for one of a set of blocked signals and takes it without calling a handler (rt_sigtimedwait(2)).</summary>
    /// <returns>The signal, or EAGAIN at the deadline, or EINTR.</returns>
    public async ValueTask<(Errno Error, SigInfo Info)> WaitForSignalAsync(SignalSet wanted, long deadlineNs)
    {
        AwaitedSignals = wanted;
        Core.WaitResult result = await Waiter.WaitAsync(deadlineNs);
        AwaitedSignals = default;
        if (TryTakeSignal(wanted, out SigInfo info))
        {
            return (Errno.None, info);
        }

        return (result == Core.WaitResult.TimedOut ? Errno.EAGAIN : Errno.EINTR, default);
    }

    /// <summary>Takes a pending signal of a set, blocked or not.</summary>
    public bool TryTakeSignal(SignalSet wanted, out SigInfo info)
    {
        bool isTaken = Pending.TryTake(wanted, out info) || Process.Pending.TryTake(wanted, out info);
        if (isTaken)
        {
            UpdateSignalWork();
        }

        return isTaken;
    }

    /// <summary>Sends a signal to this thread.</summary>
    /// <returns>None, or EAGAIN when too many real-time signals wait.</returns>
    public Errno Send(in SigInfo info)
    {
        Signal signal = info.si_signo;
        if (Process.IsExiting || !Process.BeginSend(signal, this))
        {
            return Errno.None;
        }

        if (!Pending.TryAdd(in info, Process.Limits[RlimitResource.RLIMIT_SIGPENDING].rlim_cur))
        {
            return Errno.EAGAIN;
        }

        Process.OnSent(signal, this);
        return Errno.None;
    }

    /// <summary>Sends the signal of a timer, which has its place in the queue.</summary>
    internal void SendFromTimer(in SigInfo info, PosixTimer timer)
    {
        Signal signal = info.si_signo;
        if (!Process.IsExiting && Process.BeginSend(signal, this))
        {
            Pending.AddFromTimer(in info, timer);
            Process.OnSent(signal, this);
        }
    }

    /// <summary>
    /// Sends a signal that an exception of this thread raised: it cannot be blocked or ignored (signal(7), "Synchronous").
    /// </summary>
    public void Force(in SigInfo info)
    {
        Signal signal = info.si_signo;
        ref Sigaction action = ref Process.Handlers[signal];
        bool isBlocked = _signalMask.Contains(signal);
        if (isBlocked || action.sa_handler == SignalHandler.SIG_IGN)
        {
            action.sa_handler = SignalHandler.SIG_DFL;
            _signalMask &= ~SignalSet.Of(signal);
        }

        Pending.Discard(SignalSet.Of(signal));
        Pending.TryAdd(in info, ulong.MaxValue);
        UpdateSignalWork();
    }

    /// <summary>Takes note that a signal is pending, for the thread or its process, that this thread is to handle.</summary>
    internal void Notify(Signal signal)
    {
        if (AwaitedSignals.Contains(signal))
        {
            Waiter.TryWake();
        }

        UpdateSignalWork();
    }

    /// <summary>Brings the flags that the run loop and the waits look at in line with what is pending and blocked.</summary>
    internal void UpdateSignalWork()
    {
        bool isPending = HasDeliverableSignal;
        if (isPending)
        {
            _work |= ThreadWork.Signal;
        }

        Waiter.IsInterruptPending = isPending || (_work & ThreadWork.Exit) != 0;
    }

    /// <summary>Stops until <see cref="Continue"/>.</summary>
    internal void RequestStop() => _work |= ThreadWork.Stop;

    internal void Continue()
    {
        if ((_work & ThreadWork.Stop) != 0)
        {
            _work &= ~ThreadWork.Stop;
            if ((_work & ThreadWork.Parked) == 0 && !_isRunning)
            {
                _executor.Post(this);
            }
        }
    }

    private static bool IsRestart(long result) =>
        result is <= -(long)RestartErrno.ERESTARTSYS and >= -(long)RestartErrno.ERESTART_RESTARTBLOCK;

    /// <summary>Acts on every signal that may be delivered, and resolves what an interrupted system call left.</summary>
    private void DeliverSignals()
    {
        _work &= ~(ThreadWork.Signal | ThreadWork.Restart);
        bool hasCalledHandler = false;
        while ((_work & ThreadWork.Exit) == 0 && TryTakeSignal(~_signalMask, out SigInfo info))
        {
            Signal signal = info.si_signo;
            ref Sigaction action = ref Process.Handlers[signal];
            if (action.sa_handler == SignalHandler.SIG_IGN)
            {
                continue;
            }

            if (action.sa_handler != SignalHandler.SIG_DFL)
            {
                CallHandler(ref action, in info);
                hasCalledHandler = true;
                continue;
            }

            switch (SignalHandlers.GetDefault(signal))
            {
                case DefaultAction.Ignore:
                case DefaultAction.Continue:
                    break;
                case DefaultAction.Stop:
                    // Nobody is there to continue an orphaned group: only SIGSTOP stops it (POSIX.1, 2.4.3).
                    if (signal == Signal.SIGSTOP || !Process.IsInOrphanedGroup)
                    {
                        Process.Stop(signal);
                    }

                    break;
                default:
                    Die(in info);
                    return;
            }

            if ((_work & ThreadWork.Stop) != 0)
            {
                break;
            }
        }

        if (!hasCalledHandler && (_work & (ThreadWork.Exit | ThreadWork.Stop)) == 0)
        {
            RestartSystemCall();
            RestoreSignalMask();
        }
        else if ((_work & ThreadWork.Stop) != 0)
        {
            // The call is resolved when the process goes on.
            _work |= ThreadWork.Restart;
        }

        UpdateSignalWorkAfterDelivery();
    }

    private void UpdateSignalWorkAfterDelivery()
    {
        _work &= ~ThreadWork.Signal;
        UpdateSignalWork();
    }

    private void RestoreSignalMask()
    {
        if ((_work & ThreadWork.RestoreSignalMask) != 0)
        {
            _work &= ~ThreadWork.RestoreSignalMask;
            SetSignalMask(_savedSignalMask);
        }
    }

    /// <summary>Runs an interrupted system call again, when no handler was called.</summary>
    private void RestartSystemCall()
    {
        ref GuestRegisters registers = ref _context.Registers;
        if (registers.OrigRax == ulong.MaxValue || !IsRestart((long)registers.Rax))
        {
            return;
        }

        bool isBlock = (Errno)(-(long)registers.Rax) == RestartErrno.ERESTART_RESTARTBLOCK;
        registers.Rax = isBlock ? (ulong)SyscallNumber.restart_syscall : registers.OrigRax;
        registers.Rip -= SyscallInstructionLength;
        registers.OrigRax = ulong.MaxValue;
    }

    /// <summary>Bytes of the SYSCALL instruction.</summary>
    private const int SyscallInstructionLength = 2;

    private void CallHandler(ref Sigaction action, in SigInfo info)
    {
        Sigaction taken = action;
        if ((taken.sa_flags & SigactionFlags.SA_RESETHAND) != 0)
        {
            action.sa_handler = SignalHandler.SIG_DFL;
        }

        ref GuestRegisters registers = ref _context.Registers;
        if (registers.OrigRax != ulong.MaxValue && IsRestart((long)registers.Rax))
        {
            Errno error = (Errno)(-(long)registers.Rax);
            bool isRestarted = error == RestartErrno.ERESTARTNOINTR
                || (error == RestartErrno.ERESTARTSYS && (taken.sa_flags & SigactionFlags.SA_RESTART) != 0);
            if (isRestarted)
            {
                registers.Rax = registers.OrigRax;
                registers.Rip -= SyscallInstructionLength;
            }
            else
            {
                registers.Rax = unchecked((ulong)-(long)Errno.EINTR);
            }
        }

        registers.OrigRax = ulong.MaxValue;
        bool isMaskSaved = (_work & ThreadWork.RestoreSignalMask) != 0;
        SignalSet oldMask = isMaskSaved ? _savedSignalMask : _signalMask;
        _work &= ~ThreadWork.RestoreSignalMask;
        if (!SignalFrame.TryPush(this, in taken, in info, oldMask, in _fault))
        {
            // No room for the frame: as Linux, a SIGSEGV that a handler for it can only take on another stack.
            ForceSegmentationFault(isHandlerBroken: info.si_signo == Signal.SIGSEGV);
            return;
        }

        SignalSet blocked = _signalMask | taken.sa_mask;
        if ((taken.sa_flags & SigactionFlags.SA_NODEFER) == 0)
        {
            blocked |= SignalSet.Of(info.si_signo);
        }

        SetSignalMask(blocked);
    }

    /// <summary>Returns from a handler (rt_sigreturn(2)).</summary>
    /// <returns>What RAX is to hold: the value of before the signal.</returns>
    public ulong ReturnFromSignal()
    {
        SignalSet mask = _signalMask;
        bool isWhole = SignalFrame.TryPop(this, ref mask);
        SetSignalMask(mask);
        if (!isWhole)
        {
            ForceSegmentationFault(isHandlerBroken: false);
            return 0;
        }

        return _context.Registers.Rax;
    }

    private void ForceSegmentationFault(bool isHandlerBroken)
    {
        if (isHandlerBroken)
        {
            Process.Handlers[Signal.SIGSEGV].sa_handler = SignalHandler.SIG_DFL;
        }

        _fault = new FaultRecord(default, _context.Registers.Rip);
        Force(SignalInfo.FromKernel(Signal.SIGSEGV));
    }

    private void Die(in SigInfo info)
    {
        if (info.si_code > 0 && SignalSets.Synchronous.Contains(info.si_signo))
        {
            FaultReport.Write(this, in info, in _fault);
        }

        Process.Kill(info.si_signo);
    }

    private void RaiseFault(in Trap trap, Signal signal, int code, ulong address)
    {
        _fault = new FaultRecord(trap, _context.Registers.Rip);
        Force(SignalInfo.FromFault(signal, code, address));
    }

    /// <summary>Turns an exception of the CPU into the signal that Linux sends for it (Intel SDM Vol. 3A, 6.15).</summary>
    private void RaiseException(in Trap trap)
    {
        ulong rip = _context.Registers.Rip;
        switch (trap.Vector)
        {
            case CpuException.DivideError:
                RaiseFault(in trap, Signal.SIGFPE, SignalCode.FPE_INTDIV, rip);
                break;
            case CpuException.Debug:
                // A step of a program that has TF set, and goes on stepping when the handler returns; or INT1, which reports nothing.
                const uint SingleStep = 1 << 14;
                RaiseFault(in trap, Signal.SIGTRAP, (trap.DebugStatus & SingleStep) != 0
                    ? SignalCode.TRAP_TRACE
                    : SignalCode.TRAP_BRKPT, rip);
                break;
            case CpuException.Breakpoint:
                RaiseFromKernel(in trap, Signal.SIGTRAP);
                break;
            case CpuException.InvalidOpcode:
                RaiseFault(in trap, Signal.SIGILL, SignalCode.ILL_ILLOPN, rip);
                break;
            case CpuException.FloatingPoint:
                RaiseFault(in trap, Signal.SIGFPE, SignalFrame.GetX87Code(this), rip);
                break;
            case CpuException.SimdFloatingPoint:
                RaiseFault(in trap, Signal.SIGFPE, SignalFrame.GetSimdCode(this), rip);
                break;
            case CpuException.AlignmentCheck:
                RaiseFault(in trap, Signal.SIGBUS, SignalCode.BUS_ADRALN, 0);
                break;
            case CpuException.StackSegment:
                RaiseFromKernel(in trap, Signal.SIGBUS);
                break;
            default:
                // #GP, INT n of a vector that is not ring 3's, INTO, BOUND and what is newer.
                RaiseFromKernel(in trap, Signal.SIGSEGV);
                break;
        }
    }

    private void RaiseFromKernel(in Trap trap, Signal signal)
    {
        _fault = new FaultRecord(trap, _context.Registers.Rip);
        Force(SignalInfo.FromKernel(signal));
    }
}
