using Semitone.Abi;

namespace Semitone.Tasks;

/// <summary>Which fields a signal's description has.</summary>
public enum SignalLayout
{
    /// <summary>Who sent it: kill(2), and the kernel, which is 0.</summary>
    Sender,

    /// <summary>Who sent it, and a value: sigqueue(3), and whatever has a negative code.</summary>
    Queued,

    Timer,
    Child,

    /// <summary>A file that is ready.</summary>
    File,

    /// <summary>An address: an exception of the CPU.</summary>
    Fault,
    Syscall,
}

/// <summary>Makes the descriptions of signals that the kernel sends (sigaction(2), "The siginfo_t argument").</summary>
public static class SignalInfo
{
    /// <summary>A signal that a process sent: kill(2), tkill(2).</summary>
    public static SigInfo FromUser(Signal signal, int code, int pid, uint uid) =>
        new() { si_signo = signal, si_code = code, si_pid = pid, si_uid = uid };

    /// <summary>A signal of the kernel itself.</summary>
    public static SigInfo FromKernel(Signal signal) => new() { si_signo = signal, si_code = SignalCode.SI_KERNEL };

    /// <summary>A CPU exception.</summary>
    public static SigInfo FromFault(Signal signal, int code, ulong address) =>
        new() { si_signo = signal, si_code = code, si_addr = address };

    /// <summary>A POSIX timer that expired.</summary>
    public static SigInfo FromTimer(Signal signal, int timerId, int overrun, ulong value) =>
        new() { si_signo = signal, si_code = SignalCode.SI_TIMER, si_timerid = timerId, si_overrun = overrun, si_value = value };

    /// <summary>A child that ended.</summary>
    public static SigInfo FromChild(int code, int pid, uint uid, int status) =>
        new() { si_signo = Signal.SIGCHLD, si_code = code, si_pid = pid, si_uid = uid, si_status = status };

    /// <summary>Tells which fields a description has (sigaction(2), "The siginfo_t argument").</summary>
    public static SignalLayout GetLayout(Signal signal, int code)
    {
        if (code is <= SignalCode.SI_USER or >= SignalCode.SI_KERNEL)
        {
            return code switch
            {
                SignalCode.SI_TIMER => SignalLayout.Timer,
                SignalCode.SI_SIGIO => SignalLayout.File,
                < 0 => SignalLayout.Queued,
                _ => SignalLayout.Sender,
            };
        }

        // Codes that say why, which each signal numbers by itself; those of SIGIO come with other signals, too (F_SETSIG in fcntl(2)).
        const int LastFileCode = 6;
        return signal switch
        {
            Signal.SIGILL or Signal.SIGFPE or Signal.SIGSEGV or Signal.SIGBUS or Signal.SIGTRAP => SignalLayout.Fault,
            Signal.SIGCHLD => SignalLayout.Child,
            Signal.SIGSYS => SignalLayout.Syscall,
            _ => code <= LastFileCode ? SignalLayout.File : SignalLayout.Sender,
        };
    }
}
