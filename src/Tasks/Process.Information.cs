using Semitone.Abi;
using Semitone.Files;
using Semitone.Memory;

namespace Semitone.Tasks;

/// <summary>What /proc tells of a process.</summary>
public sealed partial class Process : IProcessInformation
{
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

    ReadOnlySpan<byte> IProcessInformation.AuxiliaryVector => Program.AuxiliaryVector;

    char IProcessInformation.State => HasEnded ? 'Z' : _threads.Count != 0 ? GetState(_threads[0]) : 'S';

    int IProcessInformation.ThreadCount => _threads.Count;

    (uint Real, uint Effective, uint Saved, uint FileSystem) IProcessInformation.UserIds =>
        (Credentials.RealUserId, Credentials.EffectiveUserId, Credentials.SavedUserId, Credentials.FileSystemUserId);

    (uint Real, uint Effective, uint Saved, uint FileSystem) IProcessInformation.GroupIds =>
        (Credentials.RealGroupId, Credentials.EffectiveGroupId, Credentials.SavedGroupId, Credentials.FileSystemGroupId);

    ReadOnlySpan<uint> IProcessInformation.Groups => Credentials.Groups;

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

        thread = new ThreadInformation
        {
            Name = found.Name.Bytes,
            State = HasEnded ? 'Z' : GetState(found),
            CpuTimeNs = found.CpuTimeNs,
            VoluntarySwitches = found.VoluntarySwitchCount,
            InvoluntarySwitches = found.InvoluntarySwitchCount,
            Pending = found.Pending.Set,
            Blocked = found.SignalMask,
        };
        return true;
    }

    private char GetState(GuestThread thread) => IsStopped ? 'T' : thread.IsParked ? 'S' : 'R';
}
