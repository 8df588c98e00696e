using CsCheck;
using Semitone.Core;

namespace Semitone.Unit.Core;

public class TimerQueueTests
{
    [Fact]
    public void Expire_RunsWhatIsDueInOrder()
    {
        TimerQueue queue = new();
        List<int> order = [];
        foreach (int deadline in (int[])[30, 10, 20, 40])
        {
            queue.Arm(new RecordingTimer(queue, () => order.Add(deadline)), deadline);
        }

        Assert.Equal(10, queue.NextDeadlineNs);
        Assert.Equal(3, queue.Expire(30));
        Assert.Equal([10, 20, 30], order);
        Assert.Equal(40, queue.NextDeadlineNs);
    }

    [Fact]
    public void ShiftRealtime_MovesTimersOfTheTimeOfDayOnly()
    {
        Gen.Select(Gen.Long[0, 1000], Gen.Bool).Array[0, 40]
            .SelectMany(timers => Gen.Long[-500, 500], (timers, forward) => (timers, forward))
            .Sample((timers, forward) =>
            {
                TimerQueue queue = new();
                List<long> order = [];
                foreach ((long deadline, bool followsRealtime) in timers)
                {
                    long moved = followsRealtime ? deadline - forward : deadline;
                    queue.Arm(new RecordingTimer(queue, () => order.Add(moved)), deadline, followsRealtime);
                }

                queue.ShiftRealtime(forward);
                queue.Expire(2000);
                Assert.Equal(timers.Select(timer => timer.Item2 ? timer.Item1 - forward : timer.Item1).Order(), order);
            });
    }

    [Theory]
    [InlineData(long.MaxValue, long.MinValue, long.MaxValue)]
    [InlineData(long.MaxValue - 1, -5, long.MaxValue - 1)]
    [InlineData(5, long.MaxValue, -long.MaxValue + 5)]
    public void ShiftRealtime_FarAway_DoesNotOverflow(long deadlineNs, long forwardNs, long expected)
    {
        TimerQueue queue = new();
        RecordingTimer timer = new(queue, () => { });
        queue.Arm(timer, deadlineNs, followsRealtime: true);
        queue.ShiftRealtime(forwardNs);
        Assert.Equal(expected, timer.DeadlineNs);
    }

    [Fact]
    public void Expire_CallbackArmsAgain_RunsUntilNothingIsDue()
    {
        TimerQueue queue = new();
        int count = 0;
        RecordingTimer? timer = null;
        timer = new RecordingTimer(queue, () =>
        {
            count++;
            queue.Arm(timer!, timer!.DeadlineNs + 10);
        });
        queue.Arm(timer, 10);
        queue.Expire(35);
        Assert.Equal(3, count);
        Assert.Equal(40, queue.NextDeadlineNs);
    }

    [Fact]
    public void ArmAndCancel_AnyOrder_BehavesAsASortedList()
    {
        Gen.Select(Gen.Int[0, 7], Gen.Int[-3, 50]).List[0, 200].Sample(operations =>
        {
            TimerQueue queue = new();
            RecordingTimer[] timers = [.. Enumerable.Range(0, 8).Select(_ => new RecordingTimer(queue, () => { }))];
            Dictionary<int, long> model = [];
            foreach ((int index, int deadline) in operations)
            {
                if (deadline < 0)
                {
                    Assert.Equal(model.Remove(index), queue.Cancel(timers[index]));
                }
                else
                {
                    queue.Arm(timers[index], deadline);
                    model[index] = deadline;
                }

                Assert.Equal(model.Count, queue.Count);
                Assert.Equal(model.Count == 0 ? long.MaxValue : model.Values.Min(), queue.NextDeadlineNs);
            }

            Assert.Equal(model.Count(entry => entry.Value <= 25), queue.Expire(25));
        });
    }

    [Fact]
    public void Reserve_MoreTimersThanThereIsRoomFor_AllCanBeArmedWithoutAllocating()
    {
        const int Count = 100;
        TimerQueue queue = new();
        int expired = 0;
        RecordingTimer[] timers = [.. Enumerable.Range(0, Count).Select(_ => new RecordingTimer(queue, () => expired++))];
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < Count; i++)
        {
            queue.Arm(timers[i], Count - i);
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.Equal(Count, queue.Expire(Count));
        Assert.Equal(Count, expired);
    }

    [Fact]
    public void Arm_TimerWithoutAPlace_IsRefusedAndLeavesTheQueueUsable()
    {
        TimerQueue queue = new();
        RecordingTimer timer = new(queue, () => { });
        timer.Release();
        Assert.ThrowsAny<Exception>(() => queue.Arm(timer, 1));
        Assert.True(timer.TryReserve(queue));
        queue.Arm(timer, 1);
        Assert.Equal(1, queue.Expire(1));
    }

    [Fact]
    public void Release_ArmedTimer_NeverExpires()
    {
        TimerQueue queue = new();
        RecordingTimer timer = new(queue, () => Assert.Fail("The timer was released."));
        queue.Arm(timer, 1);
        timer.Release();
        Assert.Equal(0, queue.Expire(10));
    }

    private sealed class RecordingTimer : KernelTimer
    {
        private readonly Action _action;

        public RecordingTimer(TimerQueue queue, Action action)
        {
            _action = action;
            Assert.True(TryReserve(queue));
        }

        protected override void OnExpired() => _action();
    }
}
