using Semitone.Abi;
using Semitone.Files;
using Semitone.Memory;

namespace Semitone.Tasks;

/// <summary>What /proc tells of a process.</summary>
public sealed partial class Process : IProcessInformation
{
    /// <summary>The adjustment with which a process is never chosen when memory runs out.</summary>
    internal const int LeastOomAdjustment = -1000;

    /// <summary>Anonymous memory, ELF headers and private huge pages (core(5)).</summary>
    private const uint DefaultCoreDumpFilter = 0x33;

    private int _lowestOomAdjustment;

    /// <summary>What threads that have ended, and children that were waited for, have read and written.</summary>
    private IoCounters _io;

    private TaskUsage _usage;
    private TaskUsage _childrenUsage;

    /// <summary>What its threads have used besides time, those that ended too.</summary>
    public TaskUsage Usage
    {
        get
        {
            TaskUsage sum = _usage;
            foreach (GuestThread thread in _threads)
            {
                sum.Add(thread.Usage);
            }

            // Pages given back are not remembered, so it is what is there now.
            sum.ResidentPages = HasEnded ? sum.ResidentPages : AddressSpace.ResidentPageCount;
            return sum;
        }
    }

    /// <summary>What children have used that were waited for, with theirs.</summary>
    public TaskUsage ChildrenUsage => _childrenUsage;

    /// <inheritdoc/>
    public int OomAdjustment { get; private set; }

    /// <summary>Pages that it holds, with its adjustment in thousandths of all memory.</summary>
    internal long OomPoints => AddressSpace.ResidentPageCount + (OomAdjustment * System.Frames.TotalCount / -LeastOomAdjustment);

    int IProcessInformation.Id => Pid;

    int IProcessInformation.ParentId => ParentPid;

    int IProcessInformation.GroupId => ProcessGroupId;

    AddressSpace? IProcessInformation.AddressSpace => HasEnded ? null : AddressSpace;

    Inode? IProcessInformation.Executable => (Program.Executable as ProgramFile)?.Inode;

    ProcessMemoryLayout IProcessInformation.Layout => new(
        Program.Program.Start,
        Program.Program.End,
        Program.StackPointer,
        Program.ArgumentStart,
        Program.ArgumentEnd,
        Program.EnvironmentStart,
        Program.EnvironmentEnd);

    bool IProcessInformation.IsDumpable => HasEnded || Dumpable == 1;

    ReadOnlySpan<byte> IProcessInformation.AuxiliaryVector => Program.AuxiliaryVector;

    char IProcessInformation.State => FirstThread.HasEnded ? 'Z' : GetState(FirstThread);

    int IProcessInformation.ThreadCount => _threads.Count;

    (long Own, long Children) IProcessInformation.CpuTimesNs => (CpuTimeNs, ChildrenCpuTimeNs);

    /// <summary>
    /// What its threads have read and written, those that ended too, and the children that were waited for (proc_pid_io(5)).
    /// </summary>
    public IoCounters Io
    {
        get
        {
            IoCounters sum = _io;
            foreach (GuestThread thread in _threads)
            {
                sum.Add(in thread.Io);
            }

            return sum;
        }
    }

    /// <summary>
    /// As Linux shows it: a process without memory and adjustment has 666, one that fills the machine 1333 (proc(5), oom_score).
    /// </summary>
    int IProcessInformation.OomScore => HasEnded || OomAdjustment == LeastOomAdjustment
        ? 0
        : (int)Math.Max(0, (1000 + (OomPoints * 1000 / System.Frames.TotalCount)) * 2 / 3);

    (SignalSet Pending, SignalSet Ignored, SignalSet Caught) IProcessInformation.Signals
    {
        get
        {
            SignalSet ignored = default;
            SignalSet caught = default;
            for (Signal signal = Signal.SIGHUP; signal <= Signal.SIGRTMAX; signal++)
            {
                ulong handler = Handlers[signal].sa_handler;
                if (handler == SignalHandler.SIG_IGN)
                {
                    ignored |= SignalSet.Of(signal);
                }
                else if (handler != SignalHandler.SIG_DFL)
                {
                    caught |= SignalSet.Of(signal);
                }
            }

            return (Pending.Set, ignored, caught);
        }
    }

    /// <inheritdoc/>
    public uint CoreDumpFilter { get; set; } = DefaultCoreDumpFilter;

    Rlimit IProcessInformation.GetLimit(RlimitResource resource) => Limits[resource];

    bool IProcessInformation.TryGetNextThread(int from, out int threadId)
    {
        threadId = int.MaxValue;
        foreach (GuestThread thread in _threads)
        {
            if (thread.Tid >= from && thread.Tid < threadId)
            {
                threadId = thread.Tid;
            }
        }

        return threadId != int.MaxValue;
    }

    bool IProcessInformation.TryGetThread(int threadId, out ThreadInformation thread)
    {
        if (!System.Threads.TryGet(threadId, out GuestThread? found) || found.Process != this)
        {
            thread = default;
            return false;
        }

        Credentials credentials = found.Credentials;
        thread = new ThreadInformation
        {
            Name = found.Name.Bytes,
            State = HasEnded || found.HasEnded ? 'Z' : GetState(found),
            CpuTimeNs = found.CpuTimeNs,
            Io = found.Io,
            Nice = found.Nice,
            Policy = found.Policy,
            VoluntarySwitches = found.VoluntarySwitchCount,
            InvoluntarySwitches = found.InvoluntarySwitchCount,
            Pending = found.Pending.Set,
            Blocked = found.SignalMask,
            UserIds = (credentials.RealUserId, credentials.EffectiveUserId, credentials.SavedUserId, credentials.FileSystemUserId),
            GroupIds = (credentials.RealGroupId, credentials.EffectiveGroupId, credentials.SavedGroupId, credentials.FileSystemGroupId),
            Groups = credentials.Groups,
            Capabilities = new(
                credentials.Inheritable, credentials.Permitted, credentials.Effective, credentials.Bounding, credentials.Ambient),
            HasNoNewPrivileges = found.HasNoNewPrivileges,
        };
        return true;
    }

    bool IProcessInformation.TryGetChild(int threadId, ref int index, out int childId)
    {
        for (; index < _children.Count; index++)
        {
            // Children whose maker is not known any more are the first thread's, as whoever took them over.
            if ((_children[index].Maker ?? FirstThread).Tid == threadId)
            {
                childId = _children[index].Pid;
                return true;
            }
        }

        childId = 0;
        return false;
    }

    Errno IProcessInformation.SetThreadName(int threadId, ReadOnlySpan<byte> name)
    {
        if (System.CurrentThread?.Process != this)
        {
            return Errno.EINVAL;
        }

        if (!System.Threads.TryGet(threadId, out GuestThread? thread) || thread.Process != this)
        {
            return Errno.ESRCH;
        }

        int end = name.IndexOf((byte)0);
        name = end < 0 ? name : name[..end];
        thread.Name.Set(name[..Math.Min(name.Length, TaskName.Capacity - 1)]);
        return Errno.None;
    }

    Errno IProcessInformation.SetOomAdjustment(int value)
    {
        if (value is < LeastOomAdjustment or > -LeastOomAdjustment)
        {
            return Errno.EINVAL;
        }

        bool isPrivileged = System.CurrentThread?.Credentials.Has(Capability.CAP_SYS_RESOURCE) ?? false;
        if (value < _lowestOomAdjustment && !isPrivileged)
        {
            return Errno.EACCES;
        }

        // Who may go lower says how low others may go.
        _lowestOomAdjustment = isPrivileged ? value : _lowestOomAdjustment;
        OomAdjustment = value;
        return Errno.None;
    }

    private char GetState(GuestThread thread) => IsStopped ? 'T' : thread.IsParked ? 'S' : 'R';
}
