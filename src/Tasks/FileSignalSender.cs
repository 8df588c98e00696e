using Semitone.Abi;
using Semitone.Files;

namespace Semitone.Tasks;

/// <summary>Sends the signals of files whose programs asked for them (O_ASYNC in fcntl(2)).</summary>
/// <remarks>
/// A signal of F_SETSIG says more than its number and needs a place in a queue, which must not grow here, for a file becomes ready in
/// interrupt context, too. So queues are made longer when a signal is asked for (<see cref="MakeRoom"/>), and where there are more than
/// fit, SIGIO says that there were. A program has to be ready for that: Linux does so when the limit of pending signals is reached.
/// </remarks>
public sealed class FileSignalSender(SystemState system) : IFileSignalSender
{
    /// <summary>Places that a queue gets.</summary>
    private const int Room = 64;

    /// <inheritdoc/>
    public void Send(FileSignals signals, int code)
    {
        if (signals.OwnerType == OwnerType.F_OWNER_PGRP)
        {
            for (int id = 1; system.Threads.TryGetNext(id, out id, out GuestThread? member); id++)
            {
                Process process = member.Process;
                if (process.Pid == id && process.ProcessGroupId == signals.OwnerId && !process.HasEnded)
                {
                    Send(signals, code, process, null);
                }
            }
        }
        else if (TryGetThread(signals.OwnerId, out GuestThread? thread))
        {
            Send(signals, code, thread!.Process, signals.OwnerType == OwnerType.F_OWNER_TID ? thread : null);
        }
    }

    /// <summary>Makes queues longer for signals that say more than their number. Where that fails SIGIO does.</summary>
    public void MakeRoom(FileSignals signals)
    {
        if (signals.Signal == Signal.None || signals.OwnerId == 0)
        {
            return;
        }

        for (int id = 1; system.Threads.TryGetNext(id, out id, out GuestThread? thread); id++)
        {
            Process process = thread.Process;
            if (signals.OwnerType == OwnerType.F_OWNER_PGRP ? process.ProcessGroupId == signals.OwnerId : id == signals.OwnerId)
            {
                (signals.OwnerType == OwnerType.F_OWNER_TID ? thread.Pending : process.Pending).MakeRoom(Room);
            }
        }
    }

    private bool TryGetThread(int id, out GuestThread? thread) => system.Threads.TryGetNext(id, out int found, out thread) && found == id;

    private static void Send(FileSignals signals, int code, Process process, GuestThread? thread)
    {
        if (!MaySend(signals, (thread ?? process.FirstThread).Credentials))
        {
            return;
        }

        if (signals.Signal == Signal.None || !process.TrySendInPlace(MakeInfo(signals, code), thread))
        {
            process.SendFromKernel(Signal.SIGIO, thread);
        }
    }

    /// <summary>Tells whether whoever set the owner could have sent a signal by itself.</summary>
    private static bool MaySend(FileSignals signals, Credentials target) =>
        signals.EffectiveUserId == 0
        || signals.EffectiveUserId == target.SavedUserId || signals.EffectiveUserId == target.RealUserId
        || signals.RealUserId == target.SavedUserId || signals.RealUserId == target.RealUserId;

    private static SigInfo MakeInfo(FileSignals signals, int code)
    {
        const PollEvents Input = PollEvents.POLLIN | PollEvents.POLLRDNORM;
        const PollEvents Output = PollEvents.POLLOUT | PollEvents.POLLWRNORM | PollEvents.POLLWRBAND;

        // Signals that have codes of their own would be mistaken for what those say.
        bool hasOwnCodes = signals.Signal is Signal.SIGILL or Signal.SIGFPE or Signal.SIGSEGV or Signal.SIGBUS or Signal.SIGTRAP
            or Signal.SIGCHLD or Signal.SIGSYS;
        return new SigInfo
        {
            si_signo = signals.Signal,
            si_code = hasOwnCodes ? SignalCode.SI_SIGIO : code,
            si_band = (long)(code == SignalCode.POLL_IN ? Input : Output),
            si_fd = signals.Fd.Number,
        };
    }
}
