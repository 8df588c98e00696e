using System.Runtime.CompilerServices;
using Semitone.Core;
using Semitone.Fakes;
using Semitone.Unit.Support;

namespace Semitone.Unit.Core;

/// <summary>Waiters, wait queues, deadlines and interruptions in every order, beside a model that says what must come of it.</summary>
public class WaitInterleavingTests
{
    [Fact]
    public void TwoThreads_EveryOrder_EachWaitEndsOnceAndNoWakeIsLost() =>
        Exploration.Exhaust(200_000, choices => new World(choices, threadCount: 2, steps: 6).Run());

    [Fact]
    public void ManyThreads_RandomOrders_EachWaitEndsOnceAndNoWakeIsLost() =>
        Exploration.Sample(3_000, choices => new World(choices, threadCount: 5, steps: 120).Run());

    /// <summary>Some threads and two queues.</summary>
    private sealed class World
    {
        private readonly Choices _choices;
        private readonly int _steps;
        private readonly FakeClock _clock = new();
        private readonly Executor _executor;
        private readonly WaitQueue[] _queues = [new(), new()];

        /// <summary>The model of each queue: who stands in it and was not woken, in order.</summary>
        private readonly List<Sleeper>[] _standing = [[], []];

        /// <summary>The model of the run queue: whose waits have ended, in order.</summary>
        private readonly List<Sleeper> _posted = [];
        private readonly Sleeper[] _sleepers;
        private int _turn;

        public World(Choices choices, int threadCount, int steps)
        {
            _choices = choices;
            _steps = steps;
            _executor = new Executor(new FakeCpu(_clock), _clock);
            _sleepers = [.. Enumerable.Range(0, threadCount).Select(number => new Sleeper(number, Waiters.Create(_executor)))];
        }

        private enum Phase
        {
            Idle,
            Enlisted,
            Waiting,
        }

        public void Run()
        {
            for (int i = 0; i < _steps; i++)
            {
                List<(string Name, Action Action)> possible = FindPossible();
                (string name, Action action) = possible[_choices.Choose(possible.Count)];
                _choices.Log.Add(name);
                action();
                Check();
            }

            // Whoever still waits is woken, and everything runs to its end.
            Wake(0, int.MaxValue);
            Wake(1, int.MaxValue);
            while (_executor.HasRunnable)
            {
                RunOne();
            }

            Check();
            Assert.All(_sleepers, sleeper => Assert.NotEqual(Phase.Waiting, sleeper.Phase));
            Assert.Equal(0, _executor.Timers.Count);
        }

        private List<(string Name, Action Action)> FindPossible()
        {
            List<(string, Action)> possible = [];
            foreach (Sleeper sleeper in _sleepers)
            {
                switch (sleeper.Phase)
                {
                    case Phase.Idle:
                        possible.Add(($"{sleeper.Number} enlists", () => Enlist(sleeper, 0)));
                        break;
                    case Phase.Enlisted:
                        if (!sleeper.IsInBoth)
                        {
                            possible.Add(($"{sleeper.Number} enlists in the other queue", () => Enlist(sleeper, 1)));
                        }

                        possible.Add(($"{sleeper.Number} gives up", () => Cancel(sleeper)));
                        possible.Add(($"{sleeper.Number} waits", () => Wait(sleeper, long.MaxValue, isInterruptible: true)));
                        long deadlineNs = _clock.MonotonicNs + 10;
                        possible.Add(($"{sleeper.Number} waits with a deadline", () => Wait(sleeper, deadlineNs, isInterruptible: false)));
                        break;
                }

                if (!sleeper.IsInterruptPending && sleeper.Phase != Phase.Idle)
                {
                    possible.Add(($"{sleeper.Number} is interrupted", () => Interrupt(sleeper)));
                }
            }

            possible.Add(("wake 1", () => Wake(0, 1)));
            possible.Add(("wake all of the other queue", () => Wake(1, int.MaxValue)));
            if (_executor.Timers.Count > 0)
            {
                possible.Add(("time passes", PassTime));
            }

            if (_executor.HasRunnable)
            {
                possible.Add(("the executor runs one", RunOne));
            }

            return possible;
        }

        private void Enlist(Sleeper sleeper, int queue)
        {
            sleeper.Waiter.Enlist(_queues[queue]);
            if (sleeper.Phase == Phase.Idle)
            {
                sleeper.Expected = null;
            }

            sleeper.IsInBoth |= queue == 1;
            sleeper.Phase = Phase.Enlisted;

            // One that was woken already stands in the queue as well, until it leaves; a wake there is not for it.
            _standing[queue].Add(sleeper);
        }

        private void Cancel(Sleeper sleeper)
        {
            sleeper.Waiter.Cancel();
            Leave(sleeper);
            sleeper.Phase = Phase.Idle;
            sleeper.IsInBoth = false;
        }

        private void Wait(Sleeper sleeper, long deadlineNs, bool isInterruptible)
        {
            sleeper.DeadlineNs = deadlineNs;
            sleeper.IsInterruptible = isInterruptible;
            if (sleeper.Expected is null && isInterruptible && sleeper.IsInterruptPending)
            {
                sleeper.Expected = WaitResult.Interrupted;
            }

            WaitMode mode = isInterruptible ? WaitMode.Interruptible : WaitMode.Uninterruptible;
            ValueTaskAwaiter<WaitResult> awaiter = sleeper.Waiter.WaitAsync(deadlineNs, mode).GetAwaiter();
            Assert.Equal(sleeper.Expected is not null, awaiter.IsCompleted);
            sleeper.Phase = Phase.Waiting;
            if (awaiter.IsCompleted)
            {
                Leave(sleeper);
                End(sleeper, awaiter.GetResult());
                return;
            }

            awaiter.UnsafeOnCompleted(() =>
            {
                // First come first served; those whose deadline is the same come in any order.
                Assert.Equal(_posted[0].Turn, sleeper.Turn);
                Assert.True(_posted.Remove(sleeper));
                End(sleeper, awaiter.GetResult());
            });
        }

        private void End(Sleeper sleeper, WaitResult result)
        {
            Assert.Equal(Phase.Waiting, sleeper.Phase);
            Assert.Equal(sleeper.Expected, result);
            sleeper.Phase = Phase.Idle;
            sleeper.IsInBoth = false;
            if (sleeper.IsInterruptPending)
            {
                sleeper.IsInterruptPending = false;
                sleeper.Waiter.IsInterruptPending = false;
            }
        }

        private void Wake(int queue, int count)
        {
            int expected = 0;
            while (expected < count && _standing[queue].Count > 0)
            {
                Sleeper sleeper = _standing[queue][0];
                _standing[queue].RemoveAt(0);
                if (Complete(sleeper, WaitResult.Woken))
                {
                    expected++;
                }
            }

            Assert.Equal(expected, _queues[queue].Wake(count));
        }

        private void Interrupt(Sleeper sleeper)
        {
            sleeper.IsInterruptPending = true;
            if (sleeper.Phase == Phase.Waiting && sleeper.IsInterruptible)
            {
                Complete(sleeper, WaitResult.Interrupted);
            }

            sleeper.Waiter.IsInterruptPending = true;
        }

        private void PassTime()
        {
            _clock.MonotonicNs = _executor.Timers.NextDeadlineNs;
            int turn = _turn + 1;
            foreach (Sleeper sleeper in _sleepers.Where(other => other.HasTimer && other.DeadlineNs <= _clock.MonotonicNs).ToArray())
            {
                Assert.Equal(_clock.MonotonicNs, sleeper.DeadlineNs);
                Complete(sleeper, WaitResult.TimedOut);
                sleeper.Turn = turn;
            }

            int before = _posted.Count;
            _executor.Timers.Expire(_clock.MonotonicNs);
            Assert.Equal(before, _posted.Count);
        }

        private void RunOne()
        {
            int before = _posted.Count;
            Assert.True(_executor.RunOne());
            Assert.Equal(before - 1, _posted.Count);
        }

        /// <summary>What must come of it when a wait ends.</summary>
        private bool Complete(Sleeper sleeper, WaitResult result)
        {
            if (sleeper.Expected is not null || sleeper.Phase == Phase.Idle)
            {
                return false;
            }

            sleeper.Expected = result;
            sleeper.Turn = ++_turn;
            Leave(sleeper);
            if (sleeper.Phase == Phase.Waiting)
            {
                _posted.Add(sleeper);
            }

            return true;
        }

        private void Leave(Sleeper sleeper)
        {
            _standing[0].Remove(sleeper);
            _standing[1].Remove(sleeper);
        }

        private void Check()
        {
            for (int i = 0; i < _queues.Length; i++)
            {
                Assert.Equal(_standing[i].Count > 0, _queues[i].HasWaiters);
            }

            Assert.Equal(_sleepers.Count(sleeper => sleeper.HasTimer), _executor.Timers.Count);
            Assert.Equal(_posted.Count > 0, _executor.HasRunnable);
            Assert.False(KernelLock.IsAnyHeld);
        }

        private sealed class Sleeper(int number, Waiter waiter)
        {
            public int Number { get; } = number;

            public Waiter Waiter { get; } = waiter;

            public Phase Phase { get; set; }

            public bool IsInBoth { get; set; }

            /// <summary>When its wait ended, in the order of all that did.</summary>
            public int Turn { get; set; }

            public bool IsInterruptible { get; set; }

            public bool IsInterruptPending { get; set; }

            public long DeadlineNs { get; set; }

            /// <summary>How the wait ends, once that is certain.</summary>
            public WaitResult? Expected { get; set; }

            public bool HasTimer => Phase == Phase.Waiting && Expected is null && DeadlineNs != long.MaxValue;
        }
    }
}
