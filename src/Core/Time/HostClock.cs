using Semitone.Machine;

namespace Semitone.Core;

/// <summary>The way by which the host can be asked for the time.</summary>
public interface IHostLine
{
    /// <summary>Sends the question.</summary>
    /// <param name="sequence">Which one; the answer repeats it.</param>
    void AskTime(byte sequence);

    /// <summary>Takes what has come, an answer too, as far as there is room.</summary>
    void TakeInput();
}

/// <summary>An answer that a program that wants to know the time of day had better wait for.</summary>
internal interface IAwaitedTime
{
    /// <summary>Waits for it, for a bounded time.</summary>
    void WaitBriefly();
}

/// <summary>Who hears the host's answers.</summary>
public interface IHostTimeListener
{
    /// <remarks>Called in interrupt context.</remarks>
    /// <param name="sequence">Of the question.</param>
    /// <param name="realtimeNs">The host's time of day when it saw the question, in nanoseconds since 1970.</param>
    /// <param name="monotonicUs">The host's monotonic clock at that moment, in microseconds modulo 2^40.</param>
    [NonAllocating]
    void OnHostTime(byte sequence, long realtimeNs, ulong monotonicUs);
}

/// <summary>The host's clocks, by question and answer.</summary>
/// <remarks>
/// The host looks at its clocks after the question and before the answer, whatever else holds either side up: so an answer that took long
/// is no wrong one, only one that says little. One question at a time; an answer to another one is dropped.
/// </remarks>
public sealed class HostClock
{
    /// <summary>The host's monotonic clock as a timer: microseconds, modulo 2^40.</summary>
    public const ulong MonotonicHertz = 1_000_000;

    public const ulong MonotonicModulus = 1UL << 40;

    /// <summary>A question is given up after so long.</summary>
    internal const long PatienceNs = 200_000_000;

    private readonly IClock _clock;
    private readonly IHostLine _line;
    private byte _sequence;
    private bool _isAsked;
    private long _askedNs;
    private ulong _askedTicks;

    public HostClock(IClock clock, IHostLine line)
    {
        _clock = clock;
        _line = line;
    }

    /// <summary>Asks, unless a question is on its way.</summary>
    public void Ask()
    {
        long nowNs = _clock.MonotonicNs;
        if (_isAsked && nowNs - _askedNs < PatienceNs)
        {
            return;
        }

        _isAsked = true;
        _sequence++;
        _askedNs = nowNs;
        _askedTicks = _clock.Ticks;
        _line.AskTime(_sequence);
    }

    /// <summary>Waits for the answer to the last question, as long as somebody who wants to know the time surely can.</summary>
    /// <param name="untilNs">On the monotonic clock: no longer than to here.</param>
    public void WaitForAnswer(long untilNs)
    {
        untilNs = Math.Min(untilNs, _askedNs + PatienceNs);
        while (_isAsked && _clock.MonotonicNs < untilNs)
        {
            _line.TakeInput();
        }
    }

    /// <summary>Takes an answer.</summary>
    /// <returns>False when it belongs to no question, or is no time that can be worked with.</returns>
    public bool TryAccept(byte sequence, long realtimeNs, ulong monotonicUs, out WallReading wall, out TimerReading timer)
    {
        timer = new TimerReading(monotonicUs, _askedTicks, _clock.Ticks);
        wall = new WallReading(realtimeNs, realtimeNs, _askedNs, _clock.MonotonicNs);
        if (!_isAsked || sequence != _sequence)
        {
            return false;
        }

        _isAsked = false;
        return wall.IsSane && monotonicUs < MonotonicModulus;
    }
}
