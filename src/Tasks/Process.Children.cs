using Semitone.Abi;
using Semitone.Core;

namespace Semitone.Tasks;

/// <summary>The part of a process that has to do with parents and children.</summary>
public sealed partial class Process
{
    private bool _isReaped;
    private Signal _unreportedStop;
    private bool _hasUnreportedContinue;

    /// <summary>True when its parent may still ask how it ended.</summary>
    public bool IsZombie => HasEnded && !_isReaped;

    /// <summary>True when its parent knows how it ended, or does not want to.</summary>
    public bool IsReaped => _isReaped;

    /// <summary>The thread that made it, as long as that is its parent; else null.</summary>
    public GuestThread? Maker { get; private set; }

    /// <summary>The signal that has stopped it, when its parent has not been told by wait4(2) or waitid(2); else None.</summary>
    public Signal UnreportedStop => _unreportedStop;

    /// <summary>Whether it went on after a stop, and its parent has not been told.</summary>
    public bool HasUnreportedContinue => _hasUnreportedContinue;

    /// <summary>Forgets a child that ended, and counts what it used.</summary>
    public void Reap(Process child)
    {
        _children.Remove(child);
        child.MarkReaped();
        ChildrenCpuTimeNs += child.CpuTimeNs + child.ChildrenCpuTimeNs;
        _io.Add(child.Io);
        _childrenUsage.Add(child.Usage);
        _childrenUsage.Add(in child._childrenUsage);
    }

    /// <summary>Its number is free from now on.</summary>
    private void MarkReaped()
    {
        _isReaped = true;
        System.Threads.Remove(Pid);
    }

    /// <summary>Takes note that the parent knows of the last stop.</summary>
    public void MarkStopReported() => _unreportedStop = Signal.None;

    /// <summary>Takes note that the parent knows that it went on.</summary>
    public void MarkContinueReported() => _hasUnreportedContinue = false;

    /// <summary>
    /// Gives the children of a process that ends to the nearest ancestor that asked for them (PR_SET_CHILD_SUBREAPER), or to the first
    /// process.
    /// </summary>
    private void AbandonChildren()
    {
        Process? heir = System.Init == this ? null : System.Init;
        for (Process? ancestor = Parent; ancestor is not null; ancestor = ancestor.Parent)
        {
            if (ancestor.IsSubreaper && !ancestor.IsExiting)
            {
                heir = ancestor;
                break;
            }
        }

        if (heir is not null && !KernelHeap.TryReserve(heir._children, IntPtr.Size, _children.Count))
        {
            heir = null;
        }

        foreach (Process child in _children)
        {
            child.Parent = heir;
            child.Maker = null;
            child.ExitSignal = Signal.SIGCHLD;
            heir?._children.Add(child);
            child.SendParentDeathSignals(this);
        }

        WakeOrphanedGroups(Parent, _children);

        // Who waits for them now must find them all before the first is reaped.
        foreach (Process child in _children)
        {
            if (!child.IsZombie)
            {
                continue;
            }

            if (heir is not null)
            {
                heir.OnChildEnded(child);
            }
            else
            {
                child.MarkReaped();
            }
        }

        _children.Clear();
    }

    /// <summary>Gives the children of a thread that has ended to another one of the process, which lives (wait4(2), __WNOTHREAD).</summary>
    private void HandOverChildren(GuestThread thread)
    {
        foreach (Process child in _children)
        {
            if (child.Maker == thread)
            {
                child.Maker = _threads[0];
                child.SendParentDeathSignals(this);
            }
        }
    }

    /// <summary>
    /// Sends what its threads asked for: that is about the thread which made it, and not about that one's process (prctl(2),
    /// PR_SET_PDEATHSIG).
    /// </summary>
    private void SendParentDeathSignals(Process parent)
    {
        foreach (GuestThread thread in _threads)
        {
            if (thread.ParentDeathSignal != Signal.None)
            {
                Send(SignalInfo.FromUser(thread.ParentDeathSignal, SignalCode.SI_USER, parent.Pid, parent.Credentials.RealUserId));
            }
        }
    }

    /// <summary>
    /// Wakes stopped groups that the end of this process has left to themselves: nobody in their session could continue them (POSIX.1,
    /// _exit, "Consequences of Process Termination").
    /// </summary>
    /// <param name="parent">Its parent.</param>
    /// <param name="children">Who were its children; they have other parents now.</param>
    private void WakeOrphanedGroups(Process? parent, List<Process> children)
    {
        if (parent is not null && parent.ProcessGroupId != ProcessGroupId && parent.SessionId == SessionId)
        {
            WakeGroupIfOrphaned(ProcessGroupId);
        }

        foreach (Process child in children)
        {
            if (child.ProcessGroupId != ProcessGroupId && child.SessionId == SessionId)
            {
                WakeGroupIfOrphaned(child.ProcessGroupId);
            }
        }
    }

    private void WakeGroupIfOrphaned(int group)
    {
        bool hasStopped = false;
        for (int id = 1; System.Threads.TryGetNext(id, out id, out GuestThread? thread); id++)
        {
            Process member = thread.Process;
            if (member.Pid == id && member.ProcessGroupId == group && !member.HasEnded)
            {
                if (!member.IsInOrphanedGroup)
                {
                    return;
                }

                hasStopped |= member.IsStopped;
            }
        }

        for (int id = 1; hasStopped && System.Threads.TryGetNext(id, out id, out GuestThread? thread); id++)
        {
            Process member = thread.Process;
            if (member.Pid == id && member.ProcessGroupId == group)
            {
                member.SendFromKernel(Signal.SIGHUP);
                member.SendFromKernel(Signal.SIGCONT);
            }
        }
    }

    /// <summary>Tells the parent that a child has ended, or forgets the child when the parent said that it does not care.</summary>
    private void OnChildEnded(Process child)
    {
        bool isForgotten = false;
        Signal signal = child.ExitSignal;
        if (signal == Signal.SIGCHLD)
        {
            ref Sigaction action = ref Handlers[Signal.SIGCHLD];
            bool isIgnored = action.sa_handler == SignalHandler.SIG_IGN;
            isForgotten = isIgnored || (action.sa_flags & SigactionFlags.SA_NOCLDWAIT) != 0;
            signal = isIgnored ? Signal.None : signal;
        }

        if (signal == Signal.SIGCHLD)
        {
            SendFromChild(child.DescribeEnd());
        }
        else if (SignalHandlers.IsValid(signal))
        {
            // A number that is no signal's is taken by clone(2), and sends nothing.
            SigInfo info = child.DescribeEnd();
            info.si_signo = signal;
            Send(info);
        }

        if (isForgotten)
        {
            Reap(child);
        }

        ChildEvents.WakeAll();
    }

    /// <summary>How it ended, as its parent is told.</summary>
    public SigInfo DescribeEnd()
    {
        ExitStatus status = ExitStatus;
        return status.Signal == Signal.None
            ? SignalInfo.FromChild(SignalCode.CLD_EXITED, Pid, Credentials.RealUserId, status.Code)
            : SignalInfo.FromChild(
                status.DumpedCore ? SignalCode.CLD_DUMPED : SignalCode.CLD_KILLED, Pid, Credentials.RealUserId, (int)status.Signal);
    }

    /// <summary>Tells the parent that this process has stopped or goes on, unless it said that it does not care (SA_NOCLDSTOP).</summary>
    private void TellParent(int code, Signal signal)
    {
        bool hasStopped = code == SignalCode.CLD_STOPPED;
        _unreportedStop = hasStopped ? signal : Signal.None;
        _hasUnreportedContinue = !hasStopped;
        if (Parent is not { } parent)
        {
            return;
        }

        if ((parent.Handlers[Signal.SIGCHLD].sa_flags & SigactionFlags.SA_NOCLDSTOP) == 0)
        {
            parent.SendFromChild(SignalInfo.FromChild(code, Pid, Credentials.RealUserId, (int)signal));
        }

        parent.ChildEvents.WakeAll();
    }
}
