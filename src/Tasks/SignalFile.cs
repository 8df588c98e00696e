using System.Runtime.InteropServices;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;
using Semitone.Memory;

namespace Semitone.Tasks;

/// <summary>A descriptor by which signals are read (signalfd(2)).</summary>
/// <remarks>
/// It holds a set and no signals: whoever reads takes those that are pending for himself, whichever process made the file. So it is
/// ready or not depending on who asks, and who waits does so in a queue of his own process.
/// </remarks>
public sealed class SignalFile : OpenFile
{
    private readonly SystemState _system;
    private SignalSet _wanted;

    public SignalFile(AnonymousFileSystem fileSystem, SystemState system, SignalSet wanted, OpenFlags flags)
        : base(fileSystem.CreateInode("anon_inode:[signalfd]"), flags | OpenFlags.O_RDWR)
    {
        _system = system;
        SetSignals(wanted);
    }

    /// <summary>Changes which signals are read. SIGKILL and SIGSTOP cannot be.</summary>
    public void SetSignals(SignalSet wanted)
    {
        _wanted = wanted & ~SignalSets.Unblockable;
        _system.CallingThread?.Process.Handlers.Arrivals?.WakeAll();
    }

    /// <inheritdoc/>
    public override IoResult Read(ref IoCursor destination)
    {
        if (destination.Remaining < SignalfdSiginfo.Length)
        {
            return Errno.EINVAL;
        }

        long moved = 0;
        GuestThread? reader = _system.CallingThread;
        while (destination.Remaining >= SignalfdSiginfo.Length && reader?.TryTakeSignal(_wanted, out SigInfo info) == true)
        {
            SignalfdSiginfo told = Describe(in info);
            if (destination.Write(MemoryMarshal.AsBytes(new ReadOnlySpan<SignalfdSiginfo>(in told))) != SignalfdSiginfo.Length)
            {
                // The signal is lost, as it is on Linux.
                return moved == 0 ? Errno.EFAULT : moved;
            }

            moved += SignalfdSiginfo.Length;
        }

        return moved == 0 ? Errno.EAGAIN : moved;
    }

    /// <inheritdoc/>
    public override PollEvents Poll() =>
        _system.CallingThread is { } asking && !(asking.AllPending & _wanted).IsEmpty ? PollEvents.POLLIN : PollEvents.None;

    /// <inheritdoc/>
    public override void Enlist(IQueueMember waiter, PollEvents events)
    {
        if (_system.CallingThread is { } asking)
        {
            waiter.Enlist(asking.Process.Handlers.GetArrivals());
        }
    }

    /// <inheritdoc/>
    /// <remarks>The offset stays where it is, and that is no error.</remarks>
    public override Errno Seek(long offset, SeekWhence origin, out long position)
    {
        position = 0;
        return Errno.None;
    }

    /// <inheritdoc/>
    public override void Describe(TextBuilder text) => text.Append("sigmask:\t"u8).AppendHex(_wanted.Bits, 16).Append('\n');

    /// <summary>Says what is known of a signal. Which fields it has depends on where it comes from (sigaction(2), "si_code").</summary>
    private static SignalfdSiginfo Describe(in SigInfo info)
    {
        SignalfdSiginfo told = new() { ssi_signo = info.si_signo, ssi_errno = info.si_errno, ssi_code = info.si_code };
        switch (SignalInfo.GetLayout(info.si_signo, info.si_code))
        {
            case SignalLayout.Timer:
                told.ssi_tid = info.si_timerid;
                told.ssi_overrun = info.si_overrun;
                told.ssi_ptr = info.si_value;
                told.ssi_int = (int)info.si_value;
                break;
            case SignalLayout.Queued:
                told.ssi_pid = info.si_pid;
                told.ssi_uid = info.si_uid;
                told.ssi_ptr = info.si_value;
                told.ssi_int = (int)info.si_value;
                break;
            case SignalLayout.Child:
                told.ssi_pid = info.si_pid;
                told.ssi_uid = info.si_uid;
                told.ssi_status = info.si_status;
                told.ssi_utime = info.si_utime;
                told.ssi_stime = info.si_stime;
                break;
            case SignalLayout.File:
                told.ssi_band = (uint)info.si_band;
                told.ssi_fd = info.si_fd;
                break;
            case SignalLayout.Fault:
                told.ssi_addr = info.si_addr;
                told.ssi_addr_lsb = info.si_addr_lsb;
                break;
            case SignalLayout.Syscall:
                told.ssi_call_addr = info.si_call_addr;
                told.ssi_syscall = info.si_syscall;
                told.ssi_arch = info.si_arch;
                break;
            default:
                told.ssi_pid = info.si_pid;
                told.ssi_uid = info.si_uid;
                break;
        }

        return told;
    }
}
