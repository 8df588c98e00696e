using Semitone.Abi;
using Semitone.Core;

namespace Semitone.Tasks;

/// <summary>The part of a process that has to do with signals.</summary>
public sealed partial class Process
{
    public SignalHandlers Handlers { get; private set; } = new();

    /// <summary>Signals sent to the process as a whole; any thread may take them.</summary>
    public PendingSignals Pending { get; } = new();

    /// <summary>True while a signal has stopped it.</summary>
    public bool IsStopped { get; private set; }

    /// <summary>Sends a signal to the process.</summary>
    /// <returns>None, or EAGAIN when too many real-time signals wait.</returns>
    public Errno Send(in SigInfo info)
    {
        Signal signal = info.si_signo;
        if (IsExiting || !BeginSend(signal, _threads[0]))
        {
            return Errno.None;
        }

        if (!Pending.TryAdd(in info, Limits[RlimitResource.RLIMIT_SIGPENDING].rlim_cur))
        {
            return Errno.EAGAIN;
        }

        OnSent(signal, null);
        return Errno.None;
    }

    /// <summary>Sends a standard signal of the kernel's own, which says nothing but its number.</summary>
    /// <param name="thread">The thread that is to get it; none for the process as a whole.</param>
    public void SendFromKernel(Signal signal, GuestThread? thread = null)
    {
        if (!IsExiting && BeginSend(signal, thread ?? _threads[0]))
        {
            (thread?.Pending ?? Pending).AddFromKernel(signal);
            OnSent(signal, thread);
        }
    }

    /// <summary>Sends the SIGCHLD of a child, which has a place of its own.</summary>
    private void SendFromChild(in SigInfo info)
    {
        if (!IsExiting && BeginSend(Signal.SIGCHLD, _threads[0]))
        {
            Pending.AddFromChild(in info);
            OnSent(Signal.SIGCHLD, null);
        }
    }

    /// <summary>Sends a signal with what there is to say about it, without making a queue longer.</summary>
    /// <param name="thread">The thread that is to get it; none for the process as a whole.</param>
    /// <returns>False when it is to queue, and there is no room.</returns>
    internal bool TrySendInPlace(in SigInfo info, GuestThread? thread)
    {
        Signal signal = info.si_signo;
        if (IsExiting || !BeginSend(signal, thread ?? _threads[0]))
        {
            return true;
        }

        if (!(thread?.Pending ?? Pending).TryAddInPlace(in info, Limits[RlimitResource.RLIMIT_SIGPENDING].rlim_cur))
        {
            return false;
        }

        OnSent(signal, thread);
        return true;
    }

    /// <summary>Sends the signal of a timer, which has its place in the queue.</summary>
    internal void SendFromTimer(in SigInfo info, PosixTimer timer)
    {
        Signal signal = info.si_signo;
        if (!IsExiting && BeginSend(signal, _threads[0]))
        {
            Pending.AddFromTimer(in info, timer);
            OnSent(signal, null);
        }
    }

    /// <summary>Tells those who wait for a signal that it is there.</summary>
    /// <param name="thread">The thread that is to get it; none for the process as a whole.</param>
    [NonAllocating]
    internal void OnSent(Signal signal, GuestThread? thread)
    {
        (thread ?? ChooseThread(signal))?.Notify(signal);
        Handlers.Arrivals?.WakeAll();
    }

    /// <summary>Does what sending a signal does at once, whoever handles it.</summary>
    /// <param name="thread">Who would handle it.</param>
    /// <returns>False when there is nothing to be queued.</returns>
    internal bool BeginSend(Signal signal, GuestThread thread)
    {
        if (signal == Signal.SIGKILL)
        {
            Kill(signal);
            return false;
        }

        if (signal == Signal.SIGCONT)
        {
            DiscardEverywhere(SignalSets.Stopping);
            Continue();
        }
        else if (SignalSets.Stopping.Contains(signal))
        {
            DiscardEverywhere(SignalSet.Of(Signal.SIGCONT));
        }

        // A blocked signal is kept even if it is ignored now: the handler may change before it is unblocked.
        bool isKept = thread.SignalMask.Contains(signal) || thread.AwaitedSignals.Contains(signal);
        return isKept || (!Handlers.IsIgnored(signal) && SignalHandlers.GetDefault(signal) != DefaultAction.Continue)
            || Handlers[signal].sa_handler > SignalHandler.SIG_IGN;
    }

    /// <summary>
    /// True when no process of the group has a parent in another group of the session: no shell controls it (setpgid(2), "orphaned").
    /// </summary>
    /// <remarks>The first process may have one on the host.</remarks>
    public bool IsInOrphanedGroup
    {
        get
        {
            if (System.HostJobControl is not null && System.Init?.ProcessGroupId == ProcessGroupId)
            {
                return false;
            }

            for (int id = 1; System.Threads.TryGetNext(id, out id, out GuestThread? thread); id++)
            {
                Process process = thread.Process;
                bool isMember = process.Pid == id && process.ProcessGroupId == ProcessGroupId && !process.HasEnded;
                if (isMember
                    && process.Parent is { } parent
                    && parent.ProcessGroupId != ProcessGroupId
                    && parent.SessionId == process.SessionId)
                {
                    return false;
                }
            }

            return true;
        }
    }

    /// <summary>Stops every thread before it would run again.</summary>
    internal void Stop(Signal signal)
    {
        IsStopped = true;
        if (System.Init == this)
        {
            System.HostJobControl?.OnStopped(signal);
        }

        foreach (GuestThread thread in _threads)
        {
            thread.RequestStop();
        }

        TellParent(SignalCode.CLD_STOPPED, signal);
    }

    /// <summary>Finds other threads for signals that one has just blocked.</summary>
    internal void RetargetSignals()
    {
        foreach (GuestThread thread in _threads)
        {
            thread.UpdateSignalWork();
        }
    }

    /// <summary>Forgets pending signals, for the process and for each thread (a handler was set to ignore).</summary>
    public void DiscardEverywhere(SignalSet signals)
    {
        Pending.Discard(signals);
        foreach (GuestThread thread in _threads)
        {
            thread.Pending.Discard(signals);
            thread.UpdateSignalWork();
        }
    }

    private void Continue()
    {
        bool wasStopped = IsStopped;
        IsStopped = false;
        foreach (GuestThread thread in _threads)
        {
            thread.Continue();
        }

        if (wasStopped)
        {
            TellParent(SignalCode.CLD_CONTINUED, Signal.SIGCONT);
        }
    }

    /// <summary>
    /// Chooses who is to handle a signal of the whole process: one that waits for it, else the first that does not block it.
    /// </summary>
    private GuestThread? ChooseThread(Signal signal)
    {
        GuestThread? chosen = null;
        foreach (GuestThread thread in _threads)
        {
            if (thread.AwaitedSignals.Contains(signal))
            {
                return thread;
            }

            if (chosen is null && !thread.SignalMask.Contains(signal))
            {
                chosen = thread;
            }
        }

        return chosen;
    }
}
