using Semitone.Abi;
using Semitone.Tasks;

namespace Semitone.Unit.Tasks;

public class PendingSignalsTests
{
    private static readonly SignalSet s_all = new(ulong.MaxValue);

    [Fact]
    public void AddFromKernel_NeedsNoMemory()
    {
        PendingSignals pending = new();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (Signal signal = Signal.SIGHUP; signal < Signal.SIGRTMIN; signal++)
        {
            pending.AddFromKernel(signal);
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        int count = 0;
        while (pending.TryTake(s_all, out SigInfo info))
        {
            Assert.Equal(SignalCode.SI_KERNEL, info.si_code);
            count++;
        }

        Assert.Equal(31, count);
        Assert.True(pending.Set.IsEmpty);
    }

    [Fact]
    public void Add_StandardSignalTwice_IsThereOnceWithWhatCameFirst()
    {
        PendingSignals pending = new();
        Assert.True(pending.TryAdd(SignalInfo.FromUser(Signal.SIGUSR1, SignalCode.SI_USER, 7, 0), 10));
        Assert.True(pending.TryAdd(SignalInfo.FromUser(Signal.SIGUSR1, SignalCode.SI_USER, 8, 0), 10));
        pending.AddFromKernel(Signal.SIGUSR1);
        Assert.True(pending.TryTake(s_all, out SigInfo info));
        Assert.Equal(7, info.si_pid);
        Assert.False(pending.TryTake(s_all, out _));
    }

    [Fact]
    public void Add_RealTimeSignals_QueueUpToTheLimit()
    {
        PendingSignals pending = new();
        for (int i = 0; i < 20; i++)
        {
            Assert.True(pending.TryAdd(SignalInfo.FromUser(Signal.SIGRTMIN, SignalCode.SI_USER, i, 0), 20));
        }

        Assert.False(pending.TryAdd(SignalInfo.FromUser(Signal.SIGRTMIN, SignalCode.SI_USER, 20, 0), 20));
        pending.AddFromKernel(Signal.SIGALRM);
        Assert.True(pending.TryTake(s_all, out SigInfo first));
        Assert.Equal(Signal.SIGALRM, first.si_signo);
        for (int i = 0; i < 20; i++)
        {
            Assert.True(pending.TryTake(s_all, out SigInfo info));
            Assert.Equal(i, info.si_pid);
        }

        Assert.True(pending.Set.IsEmpty);
    }

    [Fact]
    public void Discard_ForgetsWhatIsInTheQueueAndWhatIsNot()
    {
        PendingSignals pending = new();
        pending.AddFromKernel(Signal.SIGINT);
        Assert.True(pending.TryAdd(SignalInfo.FromUser(Signal.SIGRTMIN, SignalCode.SI_USER, 1, 0), 10));
        pending.Discard(SignalSet.Of(Signal.SIGINT) | SignalSet.Of(Signal.SIGRTMIN));
        Assert.True(pending.Set.IsEmpty);
        Assert.False(pending.TryTake(s_all, out _));
    }
}
