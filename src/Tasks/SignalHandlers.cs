using Semitone.Abi;
using Semitone.Core;

namespace Semitone.Tasks;

/// <summary>What a process does when a signal has no handler (signal(7), "Standard signals").</summary>
public enum DefaultAction
{
    Terminate,
    CoreDump,
    Ignore,
    Stop,
    Continue,
}

/// <summary>The signal actions of a process; shared by tasks that were cloned with CLONE_SIGHAND.</summary>
public sealed class SignalHandlers
{
    private readonly Sigaction[] _actions = new Sigaction[(int)Signal.SIGRTMAX + 1];

    /// <summary>Where descriptors of signalfd(2) wait for signals of whoever has this table; null while none ever did.</summary>
    internal WaitQueue? Arrivals { get; private set; }

    /// <summary>How many processes use the table: the threads of each count once.</summary>
    public int UserCount { get; private set; } = 1;

    public ref Sigaction this[Signal signal] => ref _actions[(int)signal];

    public static bool IsValid(Signal signal) => signal is >= Signal.SIGHUP and <= Signal.SIGRTMAX;

    public static DefaultAction GetDefault(Signal signal) => signal switch
    {
        Signal.SIGCHLD or Signal.SIGURG or Signal.SIGWINCH => DefaultAction.Ignore,
        Signal.SIGCONT => DefaultAction.Continue,
        Signal.SIGSTOP or Signal.SIGTSTP or Signal.SIGTTIN or Signal.SIGTTOU => DefaultAction.Stop,
        Signal.SIGQUIT or Signal.SIGILL or Signal.SIGTRAP or Signal.SIGABRT or Signal.SIGBUS or Signal.SIGFPE
            or Signal.SIGSEGV or Signal.SIGXCPU or Signal.SIGXFSZ or Signal.SIGSYS => DefaultAction.CoreDump,
        _ => DefaultAction.Terminate,
    };

    /// <summary>Says whether the process would not notice the signal.</summary>
    public bool IsIgnored(Signal signal)
    {
        ulong handler = _actions[(int)signal].sa_handler;
        return handler == SignalHandler.SIG_IGN
            || (handler == SignalHandler.SIG_DFL && GetDefault(signal) is DefaultAction.Ignore);
    }

    /// <summary>Gets the queue that is woken at each signal that is sent.</summary>
    internal WaitQueue GetArrivals() => Arrivals ??= new WaitQueue();

    /// <summary>Lets one more process use it.</summary>
    public void Share() => UserCount++;

    /// <summary>Ends a process's use.</summary>
    public void Leave() => UserCount--;

    /// <summary>Takes another table over, as fork(2) does.</summary>
    public void CopyFrom(SignalHandlers other) => other._actions.CopyTo(_actions, 0);

    /// <summary>Puts every handler back to the default, as execve(2) does; what is ignored stays ignored.</summary>
    public void ResetForExec()
    {
        for (int i = 1; i < _actions.Length; i++)
        {
            ulong handler = _actions[i].sa_handler == SignalHandler.SIG_IGN ? SignalHandler.SIG_IGN : SignalHandler.SIG_DFL;
            _actions[i] = new Sigaction { sa_handler = handler };
        }
    }
}
