using CsCheck;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Fakes;
using Semitone.Memory;
using Semitone.Tasks;

namespace Semitone.Unit.Tasks;

public class FutexTests
{
    private const ulong Word = Guest.Data + 0x500;
    private const ulong Other = Guest.Data + 0x504;
    private const ulong Private = (ulong)FutexOperation.FUTEX_PRIVATE_FLAG;

    [Fact]
    public void Wait_WordHasAnotherValue_AnswersEagain()
    {
        Guest guest = new();
        guest.Main.Call(SyscallNumber.futex, Word, (ulong)FutexOperation.FUTEX_WAIT, 7);
        guest.Run();
        Assert.Equal([-(long)Errno.EAGAIN], guest.Main.Results);
    }

    [Theory]
    [InlineData(Word + 1, (ulong)FutexOperation.FUTEX_WAIT, Errno.EINVAL)]
    [InlineData(0UL, (ulong)FutexOperation.FUTEX_WAIT, Errno.EFAULT)]
    [InlineData(0xFFFF_8000_0000_0000UL, (ulong)FutexOperation.FUTEX_WAKE, Errno.EFAULT)]
    [InlineData(Word, (ulong)FutexOperation.FUTEX_CMP_REQUEUE_PI, Errno.ENOSYS)]
    [InlineData(Word, (ulong)FutexOperation.FUTEX_WAKE_BITSET, Errno.EINVAL)]
    public void Futex_BadArguments_AnswerWhatLinuxAnswers(ulong address, ulong operation, Errno error)
    {
        Guest guest = new();
        guest.Main.Call(SyscallNumber.futex, address, operation, 1);
        guest.Run();
        Assert.Equal([-(long)error], guest.Main.Results);
    }

    [Fact]
    public void Wait_TimeoutPasses_AnswersEtimedout()
    {
        Guest guest = new();
        guest.Do(() => guest.Write(Guest.Data, new Timespec { tv_sec = 2 }));
        guest.Main.Call(SyscallNumber.futex, Word, (ulong)FutexOperation.FUTEX_WAIT, 0, Guest.Data);
        guest.Main.Do(() => Assert.InRange(guest.Machine.Clock.MonotonicNs, 3_000_000_000, 3_010_000_000));
        guest.Run();
        Assert.Equal([-(long)Errno.ETIMEDOUT], guest.Main.Results);
    }

    [Fact]
    public void WaitBitset_DeadlineOnTheRealtimeClock_IsMetOnIt()
    {
        Guest guest = new();
        guest.Do(() => guest.Write(Guest.Data, Timespec.FromNs(guest.System.Clock.RealtimeNs + 2_000_000_000)));
        ulong operation = (ulong)(FutexOperation.FUTEX_WAIT_BITSET | FutexOperation.FUTEX_CLOCK_REALTIME);
        guest.Main.Call(SyscallNumber.futex, Word, operation, 0, Guest.Data, 0, uint.MaxValue);
        guest.Main.Do(() => Assert.InRange(guest.Machine.Clock.MonotonicNs, 3_000_000_000, 3_010_000_000));
        guest.Run();
        Assert.Equal([-(long)Errno.ETIMEDOUT], guest.Main.Results);
    }

    /// <summary>Linux takes the flag with FUTEX_WAIT_BITSET only, and with operations on priority inheritance.</summary>
    [Theory]
    [InlineData(FutexOperation.FUTEX_WAIT)]
    [InlineData(FutexOperation.FUTEX_WAKE)]
    [InlineData(FutexOperation.FUTEX_REQUEUE)]
    public void Futex_RealtimeClockWhereItMeansNothing_IsENOSYS(FutexOperation command)
    {
        Guest guest = new();
        guest.Main.Call(SyscallNumber.futex, Word, (ulong)(command | FutexOperation.FUTEX_CLOCK_REALTIME), 1);
        guest.Run();
        Assert.Equal([-(long)Errno.ENOSYS], guest.Main.Results);
    }

    [Fact]
    public void Wake_SomebodyWaits_EndsTheWait()
    {
        Guest guest = new();
        ThreadScript? waiter = null;
        guest.MakeThread(child => waiter = child.Call(SyscallNumber.futex, Word, Private, 0));
        guest.Main.Call(SyscallNumber.sched_yield)
            .Call(SyscallNumber.futex, Word, Private | 1, 1)
            .Call(SyscallNumber.futex, Word, Private | 1, 1);
        guest.Run();
        Assert.Equal([0, 1, 0], guest.Main.Results[1..]);
        Assert.Equal([0], waiter!.Results);
    }

    [Fact]
    public void WakeOperation_AddsComparesAndWakesBoth()
    {
        Guest guest = new();
        guest.Do(() => guest.Write(Other, 5));
        guest.MakeThread(child => child.Call(SyscallNumber.futex, Word, Private, 0));
        guest.MakeThread(child => child.Call(SyscallNumber.futex, Other, Private, 5));

        // Add 3 to the second word; wake there too when it was greater than 4.
        const uint Encoded = (1U << 28) | (4U << 24) | (3U << 12) | 4U;
        guest.Main.Call(SyscallNumber.sched_yield).Call(SyscallNumber.futex, Word, Private | 5, 1, 1, Other, Encoded);
        guest.Main.Do(() => Assert.Equal(8, guest.Read<int>(Other)));
        guest.Run();
        Assert.Equal(2, guest.Main.Results[^1]);
    }

    [Fact]
    public void Table_AnyOperations_BehavesAsListsOfWaiters()
    {
        // (operation, word, count): 0 waits, 1 wakes, 2 moves to the next word, 3 leaves.
        Gen.Select(Gen.Int[0, 3], Gen.Int[0, 3], Gen.Int[1, 3]).List[0, 60].Sample(operations =>
        {
            Guest guest = new();
            FutexTable table = new();
            object owner = new();
            FutexKey[] keys = [.. Enumerable.Range(0, 4).Select(index => new FutexKey(owner, (ulong)index * 256))];
            List<GuestThread>[] model = [[], [], [], []];
            foreach ((int operation, int word, int count) in operations)
            {
                int next = (word + 1) % 4;
                switch (operation)
                {
                    case 0:
                        Errno error = guest.Process.TryCreateThread(guest.MainThread, CloneFlags.CLONE_FILES, 0, out GuestThread? thread);
                        Assert.Equal(Errno.None, error);
                        table.Enter(thread!, keys[word], uint.MaxValue);
                        _ = thread!.Waiter.WaitAsync();
                        model[word].Add(thread);
                        break;
                    case 1:
                        int expected = Math.Min(count, model[word].Count);
                        Assert.Equal(expected, table.Wake(keys[word], count));
                        Assert.All(model[word].Take(expected), waiter => Assert.False(waiter.Waiter.IsWaiting));
                        model[word].RemoveRange(0, expected);
                        break;
                    case 2:
                        int woken = Math.Min(1, model[word].Count);
                        int moved = Math.Min(count, model[word].Count - woken);
                        Assert.Equal((woken, moved), table.Requeue(keys[word], keys[next], 1, count));
                        model[next].AddRange(model[word].Skip(woken).Take(moved));
                        model[word].RemoveRange(0, woken + moved);
                        break;
                    default:
                        if (model[word].Count > 0)
                        {
                            GuestThread leaver = model[word][^1];
                            Assert.True(table.Leave(leaver));
                            Assert.False(table.Leave(leaver));
                            model[word].RemoveAt(model[word].Count - 1);
                        }

                        break;
                }
            }

            for (int i = 0; i < 4; i++)
            {
                Assert.All(model[i], waiter => Assert.True(waiter.Waiter.IsWaiting));
                Assert.Equal(model[i].Count, table.Wake(keys[i], int.MaxValue));
            }
        }, iter: 100);
    }
}
