using Semitone.Abi;
using Semitone.Core;

namespace Semitone.Tasks;

/// <summary>Signals that were sent and not yet delivered, of a thread or of a whole process.</summary>
/// <remarks>
/// A standard signal is there once, however often it was sent; real-time signals queue in order (signal(7)). What is sent in
/// interrupt context needs no memory: a standard signal of the kernel says nothing but its number and is a bit, and a POSIX timer
/// has reserved its place in the queue. For others the queue grows. A standard signal is delivered even where there is no memory
/// for what comes with it, which is lost then, as on Linux.
/// </remarks>
public sealed class PendingSignals
{
    private const int InitialLength = 4;

    /// <summary>Bytes of an <see cref="Entry"/>.</summary>
    private const int EntrySize = 136;

    private Entry[] _queue = [];
    private int _count;

    /// <summary>Entries of timers, and places reserved for them, used or not.</summary>
    private int _timerCount;
    private int _reservedCount;

    /// <summary>Standard signals that are not in the queue: the kernel sent them, or what came with them is lost.</summary>
    private SignalSet _fromKernel;
    private SignalSet _uninformed;

    /// <summary>What a child's SIGCHLD says, while it is there: children stop, go on and end where nothing may be allocated.</summary>
    private SigInfo _fromChild;
    private bool _hasFromChild;

    /// <summary>Which signals are there.</summary>
    public SignalSet Set { get; private set; }

    /// <summary>Adds a signal.</summary>
    /// <param name="limit">RLIMIT_SIGPENDING, for real-time signals.</param>
    /// <returns>False when it was to queue, and the limit is reached or the kernel's heap full (EAGAIN).</returns>
    public bool TryAdd(in SigInfo info, ulong limit)
    {
        Signal signal = info.si_signo;
        if (signal < Signal.SIGRTMIN)
        {
            if (Set.Contains(signal))
            {
                return true;
            }

            if (info.si_code == SignalCode.SI_KERNEL)
            {
                AddFromKernel(signal);
            }
            else if (TryMakeRoom())
            {
                Append(in info, null);
            }
            else
            {
                _uninformed |= SignalSet.Of(signal);
                Set |= SignalSet.Of(signal);
            }

            return true;
        }

        if ((ulong)_count >= limit || !TryMakeRoom())
        {
            return false;
        }

        Append(in info, null);
        return true;
    }

    /// <summary>
    /// Adds a signal without making the queue longer. A standard signal always has room, but may lose what comes with it.
    /// </summary>
    /// <param name="limit">RLIMIT_SIGPENDING, for real-time signals.</param>
    /// <returns>False when it is a real-time signal, and there is no room.</returns>
    internal bool TryAddInPlace(in SigInfo info, ulong limit)
    {
        Signal signal = info.si_signo;
        bool isStandard = signal < Signal.SIGRTMIN;
        if (isStandard && Set.Contains(signal))
        {
            return true;
        }

        if (PlacesNeeded <= _queue.Length && (isStandard || (ulong)_count < limit))
        {
            Append(in info, null);
            return true;
        }

        if (isStandard)
        {
            _uninformed |= SignalSet.Of(signal);
            Set |= SignalSet.Of(signal);
        }

        return isStandard;
    }

    /// <summary>Makes the queue longer for signals that are sent where it must not grow; nothing where the heap has no room.</summary>
    /// <param name="places">For how many.</param>
    internal void MakeRoom(int places)
    {
        if (_queue.Length < places)
        {
            KernelHeap.TryResize(ref _queue, places, EntrySize);
        }
    }

    /// <summary>Adds a standard signal that the kernel sends.</summary>
    public void AddFromKernel(Signal signal)
    {
        if (!Set.Contains(signal))
        {
            _fromKernel |= SignalSet.Of(signal);
            Set |= SignalSet.Of(signal);
        }
    }

    /// <summary>Adds the SIGCHLD of a child.</summary>
    public void AddFromChild(in SigInfo info)
    {
        if (!Set.Contains(Signal.SIGCHLD))
        {
            _fromChild = info;
            _hasFromChild = true;
            Set |= SignalSet.Of(Signal.SIGCHLD);
        }
    }

    /// <summary>Reserves the place of a timer's signal.</summary>
    /// <returns>False when the kernel's heap has no room for it.</returns>
    internal bool TryReserve()
    {
        if (!TryMakeRoom())
        {
            return false;
        }

        _reservedCount++;
        return true;
    }

    /// <summary>Forgets a timer's signal and gives its place back.</summary>
    internal void GiveBack(PosixTimer timer)
    {
        if (timer.IsSignalPending)
        {
            RemoveAt(Find(timer));
        }

        _reservedCount--;
    }

    /// <summary>Adds the signal of a timer, which has reserved its place.</summary>
    internal void AddFromTimer(in SigInfo info, PosixTimer timer)
    {
        _timerCount++;
        timer.IsSignalPending = true;
        Append(in info, timer);
    }

    /// <summary>Takes the next signal of <paramref name="wanted"/>: those of the CPU first, then by number.</summary>
    public bool TryTake(SignalSet wanted, out SigInfo info)
    {
        SignalSet candidates = Set & wanted;
        if (candidates.IsEmpty)
        {
            info = default;
            return false;
        }

        SignalSet synchronous = candidates & SignalSets.Synchronous;
        Signal signal = (synchronous.IsEmpty ? candidates : synchronous).First();
        if (_fromKernel.Contains(signal))
        {
            info = SignalInfo.FromKernel(signal);
            _fromKernel &= ~SignalSet.Of(signal);
            UpdateSet(signal);
            return true;
        }

        if (_hasFromChild && signal == Signal.SIGCHLD)
        {
            info = _fromChild;
            _hasFromChild = false;
            UpdateSet(signal);
            return true;
        }

        if (_uninformed.Contains(signal))
        {
            info = SignalInfo.FromUser(signal, SignalCode.SI_USER, 0, 0);
            _uninformed &= ~SignalSet.Of(signal);
            UpdateSet(signal);
            return true;
        }

        int index = 0;
        while (_queue[index].Info.si_signo != signal)
        {
            index++;
        }

        info = _queue[index].Info;
        PosixTimer? timer = _queue[index].Timer;
        RemoveAt(index);
        if (timer is not null)
        {
            info.si_overrun = timer.TakeOverrun();
        }

        return true;
    }

    /// <summary>Forgets all signals of a set.</summary>
    public void Discard(SignalSet signals)
    {
        for (int i = _count - 1; i >= 0; i--)
        {
            if (signals.Contains(_queue[i].Info.si_signo))
            {
                PosixTimer? timer = _queue[i].Timer;
                RemoveAt(i);
                timer?.ForgetSignal();
            }
        }

        _fromKernel &= ~signals;
        _uninformed &= ~signals;
        _hasFromChild &= !signals.Contains(Signal.SIGCHLD);
        Set &= ~signals;
    }

    /// <summary>Places that there must be for one more entry beside those that timers may add.</summary>
    private int PlacesNeeded => _count - _timerCount + _reservedCount + 1;

    /// <summary>Makes room for an entry beside those that timers may add.</summary>
    private bool TryMakeRoom() =>
        PlacesNeeded <= _queue.Length || KernelHeap.TryResize(ref _queue, Math.Max(InitialLength, _queue.Length * 2), EntrySize);

    private void Append(in SigInfo info, PosixTimer? timer)
    {
        _queue[_count++] = new Entry(in info, timer);
        Set |= SignalSet.Of(info.si_signo);
    }

    private int Find(PosixTimer timer)
    {
        int index = 0;
        while (_queue[index].Timer != timer)
        {
            index++;
        }

        return index;
    }

    private void RemoveAt(int index)
    {
        Signal signal = _queue[index].Info.si_signo;
        if (_queue[index].Timer is { } timer)
        {
            _timerCount--;
            timer.IsSignalPending = false;
        }

        _count--;
        Array.Copy(_queue, index + 1, _queue, index, _count - index);
        _queue[_count] = default;
        UpdateSet(signal);
    }

    /// <summary>Takes a signal out of the set when there is no more of it.</summary>
    private void UpdateSet(Signal signal)
    {
        bool isThere = _fromKernel.Contains(signal) || _uninformed.Contains(signal);
        for (int i = 0; i < _count && !isThere; i++)
        {
            isThere = _queue[i].Info.si_signo == signal;
        }

        if (!isThere)
        {
            Set &= ~SignalSet.Of(signal);
        }
    }

    /// <summary>A signal in the queue, with the timer that sent it.</summary>
    private readonly struct Entry(in SigInfo info, PosixTimer? timer)
    {
        public readonly SigInfo Info = info;
        public readonly PosixTimer? Timer = timer;
    }
}
