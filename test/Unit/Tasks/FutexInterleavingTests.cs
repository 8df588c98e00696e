using System.Runtime.CompilerServices;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Memory;
using Semitone.Tasks;
using Semitone.Unit.Support;

namespace Semitone.Unit.Tasks;

/// <summary>Waits at futexes, wakes, moves, deadlines and signals in every order, beside a model that says what must come of it.</summary>
public class FutexInterleavingTests
{
    [Fact]
    public void TwoThreads_EveryOrder_EachWaitEndsOnceAndNoWakeIsLost()
    {
        Threads threads = new(2);
        Exploration.Exhaust(200_000, choices => new World(choices, threads, steps: 5).Run());
    }

    [Fact]
    public void ManyThreads_RandomOrders_EachWaitEndsOnceAndNoWakeIsLost()
    {
        Threads threads = new(6);
        Exploration.Sample(2_000, choices => new World(choices, threads, steps: 100).Run());
    }

    /// <summary>Threads of a program that never runs: making them takes longer than a run does.</summary>
    private sealed class Threads
    {
        public Threads(int count)
        {
            Guest = new Guest();
            for (int i = 0; i < count; i++)
            {
                Assert.Equal(
                    Errno.None, Guest.Process.TryCreateThread(Guest.MainThread, CloneFlags.CLONE_FILES, 0, out GuestThread? thread));
                All.Add(thread!);
            }
        }

        public Guest Guest { get; }

        public List<GuestThread> All { get; } = [];
    }

    private sealed class World
    {
        private const int KeyCount = 3;

        private readonly Choices _choices;
        private readonly int _steps;
        private readonly Guest _guest;
        private readonly FutexTable _table;
        private readonly Executor _executor;
        private readonly FutexKey[] _keys;

        /// <summary>The model of the table: who stands where, in order. One whose wait has ended stands there until it runs.</summary>
        private readonly List<Sleeper>[] _standing;
        private readonly Sleeper[] _sleepers;

        public World(Choices choices, Threads threads, int steps)
        {
            _choices = choices;
            _steps = steps;
            _guest = threads.Guest;
            _table = _guest.System.Futexes;
            _executor = _guest.System.Executor;
            _keys = [.. Enumerable.Range(0, KeyCount).Select(i => new FutexKey(_guest.Process.AddressSpace, Guest.Data + (4 * (ulong)i)))];
            _standing = [.. _keys.Select(_ => new List<Sleeper>())];
            _sleepers = [.. threads.All.Select((thread, number) => new Sleeper(number, thread))];
        }

        private enum Phase
        {
            Idle,
            Entered,
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

            for (int key = 0; key < KeyCount; key++)
            {
                Wake(key, int.MaxValue, uint.MaxValue);
            }

            while (_executor.HasRunnable)
            {
                Assert.True(_executor.RunOne());
            }

            foreach (Sleeper sleeper in _sleepers)
            {
                Assert.NotEqual(Phase.Waiting, sleeper.Phase);
                if (sleeper.Phase == Phase.Entered)
                {
                    GiveUp(sleeper);
                }
            }

            Check();
            Assert.Equal(0, _table.WaiterCount);
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
                        possible.Add(($"{sleeper.Number} enters", () => Enter(sleeper, 0)));
                        possible.Add(($"{sleeper.Number} enters elsewhere", () => Enter(sleeper, 1)));
                        break;
                    case Phase.Entered:
                        possible.Add(($"{sleeper.Number} sees another value", () => GiveUp(sleeper)));
                        possible.Add(($"{sleeper.Number} waits", () => Wait(sleeper, long.MaxValue)));
                        long deadlineNs = _guest.Machine.Clock.MonotonicNs + 10;
                        possible.Add(($"{sleeper.Number} waits with a deadline", () => Wait(sleeper, deadlineNs)));
                        break;
                    case Phase.Waiting when !sleeper.Thread.Waiter.IsInterruptPending:
                        possible.Add(($"{sleeper.Number} is interrupted", () => Interrupt(sleeper)));
                        break;
                }
            }

            possible.Add(("wake 1", () => Wake(0, 1, uint.MaxValue)));
            possible.Add(("wake all of a bit elsewhere", () => Wake(1, int.MaxValue, 1)));
            possible.Add(("move", () => Requeue(0, 1, 1, 1)));
            possible.Add(("move all back", () => Requeue(1, 0, 0, int.MaxValue)));
            if (_executor.Timers.Count > 0)
            {
                possible.Add(("time passes", PassTime));
            }

            if (_executor.HasRunnable)
            {
                possible.Add(("the executor runs one", () => Assert.True(_executor.RunOne())));
            }

            return possible;
        }

        private void Enter(Sleeper sleeper, int key)
        {
            sleeper.BitSet = sleeper.Number % 2 == 0 ? uint.MaxValue : 2u;
            sleeper.Expected = null;
            sleeper.Phase = Phase.Entered;
            _table.Enter(sleeper.Thread, _keys[key], sleeper.BitSet);
            _standing[key].Add(sleeper);
        }

        private void GiveUp(Sleeper sleeper)
        {
            // A wake that came meanwhile has taken it out: the call then answers success.
            Assert.Equal(sleeper.Expected is null, _table.Leave(sleeper.Thread));
            sleeper.Thread.Waiter.Cancel();
            Remove(sleeper);
            sleeper.Phase = Phase.Idle;
        }

        private void Wait(Sleeper sleeper, long deadlineNs)
        {
            sleeper.DeadlineNs = deadlineNs;
            sleeper.Phase = Phase.Waiting;
            RestartBlock restart = new(RestartKind.Futex, deadlineNs, 0);
            ValueTaskAwaiter<SysResult> awaiter = FutexTable.WaitAsync(sleeper.Thread, in restart).GetAwaiter();
            Assert.Equal(sleeper.Expected is not null, awaiter.IsCompleted);
            if (awaiter.IsCompleted)
            {
                End(sleeper, awaiter.GetResult());
            }
            else
            {
                awaiter.UnsafeOnCompleted(() => End(sleeper, awaiter.GetResult()));
            }
        }

        private void End(Sleeper sleeper, SysResult result)
        {
            Assert.Equal(Phase.Waiting, sleeper.Phase);
            Errno interrupted = sleeper.DeadlineNs == long.MaxValue ? RestartErrno.ERESTARTSYS : RestartErrno.ERESTART_RESTARTBLOCK;
            Errno expected = sleeper.Expected switch
            {
                WaitResult.Woken => Errno.None,
                WaitResult.TimedOut => Errno.ETIMEDOUT,
                WaitResult.Interrupted => interrupted,
                _ => Errno.EFAULT,
            };
            Assert.Equal(-(long)expected, result.Value);
            Remove(sleeper);
            sleeper.Phase = Phase.Idle;
            sleeper.Thread.Waiter.IsInterruptPending = false;
        }

        private void Wake(int key, int count, uint bitSet) =>
            Assert.Equal(WakeModel(key, count, bitSet), _table.Wake(_keys[key], count, bitSet));

        private int WakeModel(int key, int count, uint bitSet)
        {
            int woken = 0;
            foreach (Sleeper sleeper in _standing[key].ToArray())
            {
                if (woken == count)
                {
                    break;
                }

                if ((sleeper.BitSet & bitSet) != 0)
                {
                    _standing[key].Remove(sleeper);
                    if (sleeper.Expected is null)
                    {
                        sleeper.Expected = WaitResult.Woken;
                        woken++;
                    }
                }
            }

            return woken;
        }

        private void Requeue(int from, int to, int wakeCount, int moveCount)
        {
            int woken = WakeModel(from, wakeCount, uint.MaxValue);
            List<Sleeper> moving = [.. _standing[from].Take(moveCount)];
            _standing[from].RemoveRange(0, moving.Count);
            _standing[to].AddRange(moving);
            Assert.Equal((woken, moving.Count), _table.Requeue(_keys[from], _keys[to], wakeCount, moveCount));
        }

        private void Interrupt(Sleeper sleeper)
        {
            sleeper.Expected ??= WaitResult.Interrupted;
            sleeper.Thread.Waiter.IsInterruptPending = true;
        }

        private void PassTime()
        {
            long nowNs = _executor.Timers.NextDeadlineNs;
            _guest.Machine.Clock.MonotonicNs = nowNs;
            foreach (Sleeper sleeper in _sleepers.Where(other => other.HasTimer && other.DeadlineNs <= nowNs))
            {
                sleeper.Expected = WaitResult.TimedOut;
            }

            _executor.Timers.Expire(nowNs);
        }

        private void Remove(Sleeper sleeper)
        {
            foreach (List<Sleeper> standing in _standing)
            {
                standing.Remove(sleeper);
            }
        }

        private void Check()
        {
            Assert.Equal(_standing.Sum(standing => standing.Count), _table.WaiterCount);
            Assert.Equal(_sleepers.Count(sleeper => sleeper.HasTimer), _executor.Timers.Count);
            Assert.Equal(_sleepers.Any(sleeper => sleeper.Phase == Phase.Waiting && sleeper.Expected is not null), _executor.HasRunnable);
            Assert.False(KernelLock.IsAnyHeld);
        }

        private sealed class Sleeper(int number, GuestThread thread)
        {
            public int Number { get; } = number;

            public GuestThread Thread { get; } = thread;

            public Phase Phase { get; set; }

            public uint BitSet { get; set; }

            public long DeadlineNs { get; set; }

            /// <summary>How the wait ends, once that is certain.</summary>
            public WaitResult? Expected { get; set; }

            public bool HasTimer => Phase == Phase.Waiting && Expected is null && DeadlineNs != long.MaxValue;
        }
    }
}
