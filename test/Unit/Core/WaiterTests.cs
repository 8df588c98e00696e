using Semitone.Core;
using Semitone.Fakes;

namespace Semitone.Unit.Core;

public class WaiterTests
{
    private readonly FakeClock _clock = new();
    private readonly Executor _executor;

    public WaiterTests()
    {
        _executor = new Executor(new FakeCpu(_clock), _clock);
    }

    [Fact]
    public void Wake_SomebodyWaits_ContinuesOnTheExecutorOnly()
    {
        WaitQueue queue = new();
        ValueTask<WaitResult> wait = Waiters.Create(_executor).WaitAsync(queue);
        List<WaitResult> results = [];
        _ = Record(wait, results);
        Assert.Equal(1, queue.WakeAll());
        Assert.Empty(results);
        Assert.True(_executor.RunOne());
        Assert.Equal([WaitResult.Woken], results);
        Assert.False(queue.HasWaiters);
    }

    [Fact]
    public void Wake_BetweenEnlistAndWait_IsNotLost()
    {
        WaitQueue queue = new();
        Waiter waiter = Waiters.Create(_executor);
        waiter.Enlist(queue);
        queue.WakeAll();
        ValueTask<WaitResult> wait = waiter.WaitAsync();
        Assert.True(wait.IsCompleted);
        Assert.Equal(WaitResult.Woken, Take(wait));
    }

    [Fact]
    public void Wake_OneOfThree_WakesTheFirstThatCame()
    {
        WaitQueue queue = new();
        List<int> order = [];
        for (int i = 0; i < 3; i++)
        {
            _ = Wait(i);
        }

        Assert.Equal(1, queue.Wake(1));
        RunAll();
        Assert.Equal([0], order);
        Assert.Equal(2, queue.Wake(5));
        RunAll();
        Assert.Equal([0, 1, 2], order);

        async ValueTask Wait(int number)
        {
            await Waiters.Create(_executor).WaitAsync(queue);
            order.Add(number);
        }
    }

    [Fact]
    public void Wake_WaiterOfTwoQueues_LeavesTheOtherQueue()
    {
        WaitQueue first = new();
        WaitQueue second = new();
        Waiter waiter = Waiters.Create(_executor);
        waiter.Enlist(first);
        waiter.Enlist(second);
        _ = waiter.WaitAsync();
        Assert.Equal(1, first.Wake(1));
        Assert.Equal(0, second.Wake(1));
    }

    [Fact]
    public void Wait_DeadlinePasses_TimesOut()
    {
        WaitQueue queue = new();
        List<WaitResult> results = [];
        _ = Record(Waiters.Create(_executor).WaitAsync(queue, 500), results);
        _executor.Timers.Expire(499);
        Assert.False(_executor.HasRunnable);
        _executor.Timers.Expire(500);
        RunAll();
        Assert.Equal([WaitResult.TimedOut], results);
        Assert.Equal(0, queue.WakeAll());
    }

    [Fact]
    public void Wait_InterruptIsPending_DoesNotBegin()
    {
        Waiter waiter = Waiters.Create(_executor);
        waiter.IsInterruptPending = true;
        ValueTask<WaitResult> wait = waiter.WaitAsync(new WaitQueue());
        Assert.Equal(WaitResult.Interrupted, Take(wait));
    }

    [Fact]
    public void Interrupt_UninterruptibleWait_GoesOn()
    {
        WaitQueue queue = new();
        Waiter waiter = Waiters.Create(_executor);
        List<WaitResult> results = [];
        _ = Record(waiter.WaitAsync(queue, mode: WaitMode.Uninterruptible), results);
        waiter.IsInterruptPending = true;
        Assert.True(queue.HasWaiters);
        queue.WakeAll();
        RunAll();
        Assert.Equal([WaitResult.Woken], results);
    }

    [Fact]
    public void Wait_AgainAndAgain_AllocatesNothing()
    {
        WaitQueue queue = new();
        Waiter waiter = Waiters.Create(_executor);
        int count = 0;
        Action<object?> continuation = _ => count++;
        long before = 0;
        for (int i = 0; i < 200; i++)
        {
            if (i == 100)
            {
                before = GC.GetAllocatedBytesForCurrentThread();
            }

            ValueTask<WaitResult> wait = waiter.WaitAsync(queue, 1_000_000);
            Complete(waiter, continuation);
            queue.WakeAll();
            _executor.RunOne();
            Take(wait);
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.Equal(200, count);
    }

    private short _token;

    private static WaitResult Take(ValueTask<WaitResult> wait) => wait.GetAwaiter().GetResult();

    private void Complete(Waiter waiter, Action<object?> continuation) =>
        ((System.Threading.Tasks.Sources.IValueTaskSource<WaitResult>)waiter).OnCompleted(
            continuation, null, _token++, System.Threading.Tasks.Sources.ValueTaskSourceOnCompletedFlags.None);

    private static async ValueTask Record(ValueTask<WaitResult> wait, List<WaitResult> results) => results.Add(await wait);

    private void RunAll()
    {
        while (_executor.RunOne())
        {
        }
    }
}
