using Semitone.Abi;

namespace Semitone.Tasks;

/// <summary>The part of a process that has to do with parents and children.</summary>
public sealed partial class Process
{
    /// <summary>True when its parent may still ask how it ended.</summary>
    public bool IsZombie => HasEnded && !_isReaped;

    private bool _isReaped;

    /// <summary>Forgets a child that ended, and counts what it used.</summary>
    public void Reap(Process child)
    {
        _children.Remove(child);
        child._isReaped = true;
        ChildrenCpuTimeNs += child.CpuTimeNs + child.ChildrenCpuTimeNs;
        _io.Add(child.Io);
        System.Threads.Remove(child.Pid);
    }

    internal void AddChild(Process child) => _children.Add(child);

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

        foreach (Process child in _children)
        {
            child.Parent = heir;
            heir?._children.Add(child);
            if (child.ParentDeathSignal != Signal.None)
            {
                child.Send(SignalInfo.FromKernel(child.ParentDeathSignal));
            }

            if (child.IsZombie)
            {
                heir?.OnChildEnded(child);
            }
        }

        _children.Clear();
    }

    /// <summary>
    /// Tells the parent that a child has ended (SIGCHLD), or forgets the child when the parent said that it does not care.
    /// </summary>
    private void OnChildEnded(Process child)
    {
        ref Sigaction action = ref Handlers[Signal.SIGCHLD];
        bool isIndifferent = action.sa_handler == SignalHandler.SIG_IGN || (action.sa_flags & SigactionFlags.SA_NOCLDWAIT) != 0;
        int code = child.ExitStatus.Signal == Signal.None ? SignalCode.CLD_EXITED : SignalCode.CLD_KILLED;
        int status = child.ExitStatus.Signal == Signal.None ? child.ExitStatus.Code : (int)child.ExitStatus.Signal;
        Send(SignalInfo.FromChild(code, child.Pid, child.Credentials.RealUserId, status));
        if (isIndifferent)
        {
            Reap(child);
        }

        ChildEvents.WakeAll();
    }
}
