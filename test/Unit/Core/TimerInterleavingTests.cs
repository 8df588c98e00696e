using Semitone.Core;
using Semitone.Unit.Support;

namespace Semitone.Unit.Core;

/// <summary>Timers that are armed, moved, cancelled and released, by their own callbacks and each other's too, in every order.</summary>
public class TimerInterleavingTests
{
    [Fact]
    public void ThreeTimers_EveryOrder_EachFiresOnceAndInOrder() =>
        Exploration.Exhaust(400_000, choices => new World(choices, timerCount: 3, steps: 3).Run());

    [Fact]
    public void ManyTimers_RandomOrders_EachFiresOnceAndInOrder() =>
        Exploration.Sample(2_000, choices => new World(choices, timerCount: 20, steps: 200).Run());

    private sealed class World
    {
        private readonly Choices _choices;
        private readonly int _steps;
        private readonly TimerQueue _queue = new();
        private readonly Timer[] _timers;

        /// <summary>The model: when each armed timer is due.</summary>
        private readonly Dictionary<Timer, long> _armed = [];
        private long _nowNs;
        private bool _isExpiring;

        public World(Choices choices, int timerCount, int steps)
        {
            _choices = choices;
            _steps = steps;
            _timers = [.. Enumerable.Range(0, timerCount).Select(number => new Timer(this, number))];
            Assert.All(_timers, timer => Assert.True(timer.TryReserve(_queue)));
        }

        public void Run()
        {
            for (int i = 0; i < _steps; i++)
            {
                int choice = _choices.Choose((2 * _timers.Length) + 1);
                if (choice == 2 * _timers.Length)
                {
                    Expire(_nowNs + 5);
                }
                else
                {
                    Change(_timers[choice / 2], isArming: (choice & 1) == 0);
                }

                Check();
            }

            Expire(_nowNs + 1_000);
            foreach (Timer timer in _timers)
            {
                timer.Release();
                _armed.Remove(timer);
            }

            Check();
            Assert.Equal(0, _queue.ReservedCount);
        }

        private void Change(Timer timer, bool isArming)
        {
            if (isArming)
            {
                long deadlineNs = _nowNs + (5 * _choices.Choose(3));
                _choices.Log.Add($"arm {timer.Number} for {deadlineNs}");
                _queue.Arm(timer, deadlineNs);
                _armed[timer] = deadlineNs;
            }
            else
            {
                _choices.Log.Add($"cancel {timer.Number}");
                Assert.Equal(_armed.Remove(timer), _queue.Cancel(timer));
            }
        }

        private void Expire(long nowNs)
        {
            _nowNs = nowNs;
            _choices.Log.Add($"time is {nowNs}");
            _isExpiring = true;
            _queue.Expire(nowNs);
            _isExpiring = false;
            Assert.All(_armed.Values, deadlineNs => Assert.True(deadlineNs > nowNs, "A timer that is due did not fire."));
        }

        private void OnExpired(Timer timer)
        {
            Assert.True(_isExpiring);
            Assert.True(_armed.Remove(timer, out long deadlineNs), $"Timer {timer.Number} fired and was not armed.");
            Assert.InRange(deadlineNs, 0, _nowNs);
            Assert.False(timer.IsArmed);
            Assert.All(_armed.Values, other => Assert.True(other >= deadlineNs, "A timer fired before one that was due earlier."));
            _choices.Log.Add($"{timer.Number} fires");
            switch (_choices.Choose(4))
            {
                case 1:
                    // An interval: never at once, or time would stand still.
                    _queue.Arm(timer, _nowNs + 5);
                    _armed[timer] = _nowNs + 5;
                    break;
                case 2:
                    Timer other = _timers[(timer.Number + 1) % _timers.Length];
                    Assert.Equal(_armed.Remove(other), _queue.Cancel(other));
                    break;
                case 3:
                    Timer next = _timers[(timer.Number + 1) % _timers.Length];
                    _queue.Arm(next, _nowNs + 1);
                    _armed[next] = _nowNs + 1;
                    break;
            }
        }

        private void Check()
        {
            Assert.Equal(_armed.Count, _queue.Count);
            Assert.Equal(_armed.Count == 0 ? long.MaxValue : _armed.Values.Min(), _queue.NextDeadlineNs);
            Assert.All(_timers, timer => Assert.Equal(_armed.ContainsKey(timer), timer.IsArmed));
            Assert.False(KernelLock.IsAnyHeld);
        }

        private sealed class Timer(World world, int number) : KernelTimer
        {
            public int Number { get; } = number;

            protected override void OnExpired() => world.OnExpired(this);
        }
    }
}
