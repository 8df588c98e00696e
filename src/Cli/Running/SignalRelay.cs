using System.Runtime.InteropServices;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Running;

/// <summary>Takes the signals that the command gets to the program, and ends the machine when that does not help.</summary>
/// <remarks>
/// The program hears of SIGINT, SIGQUIT, SIGTERM, SIGHUP and SIGTSTP as its own. SIGTERM and SIGHUP ask for an end, so a time runs from the
/// first of them; SIGINT and SIGQUIT a program may live through, so the third within a second counts. While there is no program yet each
/// ends the machine.
/// </remarks>
internal sealed class SignalRelay : IDisposable
{
    private readonly Func<int, bool> _trySend;
    private readonly Action<int> _end;
    private readonly TimeSpan _stopTimeout;
    private readonly RepeatedKey _interrupts = new();
    private readonly List<PosixSignalRegistration> _registrations = [];
    private readonly Lock _lock = new();
    private Timer? _timer;

    /// <param name="trySend">Sends a signal to the program; false when there is none yet.</param>
    /// <param name="end">Ends the machine because of a signal.</param>
    /// <param name="stopTimeout">How long a program may take to end after SIGTERM or SIGHUP.</param>
    /// <param name="continued">Called when the command goes on after it was stopped.</param>
    public SignalRelay(Func<int, bool> trySend, Action<int> end, TimeSpan stopTimeout, Action continued)
    {
        _trySend = trySend;
        _end = end;
        _stopTimeout = stopTimeout;
        Register(PosixSignal.SIGINT, () => Interrupt(LibC.SIGINT));
        Register(PosixSignal.SIGQUIT, () => Interrupt(LibC.SIGQUIT));
        Register(PosixSignal.SIGTERM, () => Stop(LibC.SIGTERM));
        Register(PosixSignal.SIGHUP, () => Stop(LibC.SIGHUP));
        Register(PosixSignal.SIGTSTP, () => _trySend(LibC.SIGTSTP));
        Register(PosixSignal.SIGCONT, continued);
    }

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
        {
            registration.Dispose();
        }

        lock (_lock)
        {
            _timer?.Dispose();
        }
    }

    /// <summary>Takes note of a Ctrl-C that was typed and goes to the program's terminal.</summary>
    /// <param name="isForProgram">There is a program.</param>
    public void CountInterrupt(bool isForProgram)
    {
        if (_interrupts.Add(Environment.TickCount64) || !isForProgram)
        {
            _end(LibC.SIGINT);
        }
    }

    private void Register(PosixSignal signal, Action action) => _registrations.Add(PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        action();
    }));

    private void Interrupt(int signal)
    {
        if (_interrupts.Add(Environment.TickCount64) || !_trySend(signal))
        {
            _end(signal);
        }
    }

    private void Stop(int signal)
    {
        lock (_lock)
        {
            // From the first one on, however often it is said.
            _timer ??= new Timer(_ => _end(signal), null, _stopTimeout, Timeout.InfiniteTimeSpan);
        }

        if (!_trySend(signal))
        {
            _end(signal);
        }
    }
}
