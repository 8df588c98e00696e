using Semitone.Abi;

namespace Semitone.Tasks;

/// <summary>Signals that were sent and not yet delivered, of a thread or of a whole process.</summary>
/// <remarks>A standard signal is there once, however often it was sent; real-time signals queue in order (signal(7)).</remarks>
public sealed class PendingSignals
{
    private SigInfo[] _queue = [];
    private int _count;

    /// <summary>Which signals are there.</summary>
    public SignalSet Set { get; private set; }

    public int Count => _count;

    /// <summary>Adds a signal.</summary>
    /// <param name="limit">RLIMIT_SIGPENDING, for real-time signals.</param>
    /// <returns>False when it was to queue and the limit is reached (EAGAIN).</returns>
    public bool TryAdd(in SigInfo info, ulong limit)
    {
        Signal signal = info.si_signo;
        if (signal < Signal.SIGRTMIN && Set.Contains(signal))
        {
            return true;
        }

        if (signal >= Signal.SIGRTMIN && (ulong)_count >= limit)
        {
            return false;
        }

        if (_count == _queue.Length)
        {
            Array.Resize(ref _queue, Math.Max(4, _count * 2));
        }

        _queue[_count++] = info;
        Set |= SignalSet.Of(signal);
        return true;
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
        int index = 0;
        while (_queue[index].si_signo != signal)
        {
            index++;
        }

        info = _queue[index];
        RemoveAt(index);
        return true;
    }

    /// <summary>Says whether the signal of a POSIX timer is there.</summary>
    public bool ContainsTimer(int timerId)
    {
        for (int i = 0; i < _count; i++)
        {
            if (_queue[i].si_code == SignalCode.SI_TIMER && _queue[i].si_timerid == timerId)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Forgets all signals of a set.</summary>
    public void Discard(SignalSet signals)
    {
        for (int i = _count - 1; i >= 0; i--)
        {
            if (signals.Contains(_queue[i].si_signo))
            {
                RemoveAt(i);
            }
        }
    }

    private void RemoveAt(int index)
    {
        Signal signal = _queue[index].si_signo;
        _count--;
        Array.Copy(_queue, index + 1, _queue, index, _count - index);
        for (int i = 0; i < _count; i++)
        {
            if (_queue[i].si_signo == signal)
            {
                return;
            }
        }

        Set &= ~SignalSet.Of(signal);
    }
}
