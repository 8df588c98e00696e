using Semitone.Abi;
using Semitone.Core;

namespace Semitone.Files;

/// <summary>Takes the signals of files to their owners; implemented where processes are.</summary>
public interface IFileSignalTarget
{
    /// <summary>Tells whether there is such a thread, process or group.</summary>
    bool Exists(OwnerType type, int id);

    /// <summary>Sends a signal to the owner, or to each of a group.</summary>
    /// <param name="sender">Whose rights to send signals count.</param>
    void Send(OwnerType type, int id, in SigInfo info, FileCredentials sender);
}

/// <summary>
/// The signal that an open file sends when it can be read or written again (signal-driven I/O: F_SETOWN and O_ASYNC in fcntl(2)).
/// </summary>
public sealed class FileSignals(OpenFile file, IFileSignalTarget target) : WaitListener
{
    private const int PollIn = 1;
    private const int PollOut = 2;
    private const int PollHangUp = 6;

    private FileCredentials? _sender;
    private Fd _fd;

    public OwnerType OwnerType { get; private set; } = OwnerType.F_OWNER_PID;

    /// <summary>0 for nobody.</summary>
    public int OwnerId { get; private set; }

    /// <summary>What is sent in place of SIGIO, with siginfo_t filled in (F_SETSIG); none for SIGIO itself.</summary>
    public Signal Signal { get; set; }

    public void SetOwner(OwnerType type, int id, FileCredentials sender)
    {
        OwnerType = type;
        OwnerId = id;
        _sender = sender;
    }

    /// <summary>Begins to send signals, or ceases.</summary>
    /// <param name="fd">The descriptor that si_fd tells.</param>
    internal void Enable(bool isOn, Fd fd)
    {
        LeaveQueues();
        _fd = fd;
        if (isOn)
        {
            file.Enlist(this, PollEvents.POLLIN | PollEvents.POLLOUT);
        }
    }

    /// <inheritdoc/>
    protected override void OnWake()
    {
        if (OwnerId == 0 || _sender is null)
        {
            return;
        }

        SigInfo info = new() { si_signo = Signal.SIGIO, si_code = SignalCode.SI_KERNEL };
        if (Signal != Signal.None)
        {
            PollEvents events = file.Poll();
            info.si_signo = Signal;
            info.si_code = (events & PollEvents.POLLIN) != 0 ? PollIn : (events & PollEvents.POLLHUP) != 0 ? PollHangUp : PollOut;
            info.si_band = (long)events;
            info.si_fd = _fd.Number;
        }

        target.Send(OwnerType, OwnerId, in info, _sender);
    }
}
