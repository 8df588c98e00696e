using Semitone.Abi;

namespace Semitone.Tasks;

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
}
