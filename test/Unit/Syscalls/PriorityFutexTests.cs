using Semitone.Abi;
using Semitone.Tasks;
using Semitone.Unit.Tasks;
using static Semitone.Abi.SyscallNumber;

namespace Semitone.Unit.Syscalls;

/// <summary>Locks with priority inheritance, and waiting at several words (futex(2), futex_waitv(2)).</summary>
public sealed class PriorityFutexTests
{
    private const ulong Word = Guest.Data + 0x800;
    private const ulong Other = Guest.Data + 0x804;
    private const ulong Words = Guest.Data + 0x900;
    private const ulong LockOperation = (ulong)(FutexOperation.FUTEX_LOCK_PI | FutexOperation.FUTEX_PRIVATE_FLAG);
    private const ulong UnlockOperation = (ulong)(FutexOperation.FUTEX_UNLOCK_PI | FutexOperation.FUTEX_PRIVATE_FLAG);
    private const ulong TryOperation = (ulong)(FutexOperation.FUTEX_TRYLOCK_PI | FutexOperation.FUTEX_PRIVATE_FLAG);

    private readonly Guest _guest = new();

    [Fact]
    public void Lock_Free_TakesIt()
    {
        _guest.Main.Call(futex, Word, LockOperation).Do(() => Assert.Equal(1u, Read(Word)))
            .Call(futex, Word, LockOperation).Call(futex, Word, TryOperation)
            .Call(futex, Word, UnlockOperation).Do(() => Assert.Equal(0u, Read(Word)))
            .Call(futex, Word, UnlockOperation)
            .Do(() => _guest.Write(Word, 4000u)).Call(futex, Word, LockOperation)
            .Call(futex, Word + 1, LockOperation).Call(futex, 8, LockOperation)
            .Do(() => _guest.Write(Word, FutexWord.FUTEX_OWNER_DIED)).Call(futex, Word, LockOperation)
            .Do(() => Assert.Equal(FutexWord.FUTEX_OWNER_DIED | 1, Read(Word)));
        _guest.Run();
        Errno[] expected =
        [
            Errno.None, Errno.EDEADLK, Errno.EDEADLK, Errno.None, Errno.EPERM, Errno.ESRCH, Errno.EINVAL, Errno.EFAULT, Errno.None,
        ];
        Assert.Equal(expected.Select(error => -(long)error), _guest.Main.Results);
    }

    [Fact]
    public void Unlock_SeveralWait_HandsItToTheFirst()
    {
        ThreadScript? first = null;
        ThreadScript? second = null;
        int firstId = 0;
        _guest.Main.Call(futex, Word, LockOperation);
        _guest.MakeThread(
            child => first = child.Call(futex, Word, LockOperation).Call(sched_yield).Call(futex, Word, UnlockOperation),
            started: thread => firstId = thread.Tid);
        Step();
        _guest.MakeThread(child => second = child.Call(futex, Word, LockOperation));
        Step();
        _guest.Main.Do(() => Assert.Equal(FutexWord.FUTEX_WAITERS | 1, Read(Word)))
            .Call(futex, Word, TryOperation)
            .Call(futex, Word, UnlockOperation)
            .Do(() => Assert.Equal(FutexWord.FUTEX_WAITERS | (uint)firstId, Read(Word)));
        for (int i = 0; i < 6; i++)
        {
            Step();
        }

        _guest.Run();
        Assert.Equal([0, 0, 0], first!.Results);
        Assert.Equal([0], second!.Results);
        Assert.Equal(0, _guest.System.PriorityFutexes.Count);
    }

    [Fact]
    public void Lock_Circle_IsADeadlock()
    {
        ThreadScript? other = null;
        _guest.Main.Call(futex, Word, LockOperation);
        _guest.MakeThread(child => other = child.Call(futex, Other, LockOperation).Call(futex, Word, LockOperation));
        Step();
        Step();
        _guest.Main.Call(futex, Other, LockOperation).Call(futex, Word, UnlockOperation);
        Step();
        _guest.Run();
        Assert.Equal([0, 0], other!.Results);
        Assert.Contains(-(long)Errno.EDEADLK, _guest.Main.Results);
    }

    [Fact]
    public void Exit_OwnerDies_NextOneIsTold()
    {
        ThreadScript? next = null;
        uint word = 0;
        _guest.MakeThread(child => child.Call(futex, Word, LockOperation).Call(sched_yield).Call(sched_yield).Call(exit, 0));
        Step();
        _guest.MakeThread(child => next = child.Call(futex, Word, LockOperation).Do(() => word = Read(Word)));
        for (int i = 0; i < 8; i++)
        {
            Step();
        }

        _guest.Run();
        Assert.Equal([0], next!.Results);
        Assert.Equal(FutexWord.FUTEX_OWNER_DIED | FutexWord.FUTEX_WAITERS, word & ~FutexWord.FUTEX_TID_MASK);
    }

    [Fact]
    public void Lock_Deadline_GivesUp()
    {
        ThreadScript? waiter = null;
        _guest.Main.Do(() => _guest.Write(Words, Timespec.FromNs(2_000_000_000))).Call(futex, Word, LockOperation);
        ulong operation = (ulong)(FutexOperation.FUTEX_LOCK_PI2 | FutexOperation.FUTEX_PRIVATE_FLAG);
        _guest.MakeThread(child => waiter = child.Call(futex, Word, operation, 0, Words));
        _guest.Main.Do(() => _guest.Write(Words + 0x20, Timespec.FromNs(3_000_000_000))).Call(nanosleep, Words + 0x20);
        _guest.Run();
        Assert.Equal([-(long)Errno.ETIMEDOUT], waiter!.Results);
        Assert.Equal(0, _guest.System.PriorityFutexes.Count);
    }

    [Fact]
    public void WaitForAny_WakeAtOne_SaysWhich()
    {
        ThreadScript? waiter = null;
        _guest.Main.Do(() =>
        {
            _guest.Write(Word, 5u);
            _guest.Write(Other, 6u);
            const Futex2Flags Private = Futex2Flags.FUTEX2_SIZE_U32 | Futex2Flags.FUTEX2_PRIVATE;
            _guest.Write(Words, new FutexWaitv { uaddr = Word, val = 5, flags = Private });
            _guest.Write(Words + 24, new FutexWaitv { uaddr = Other, val = 6, flags = Private });
        });
        _guest.MakeThread(child => waiter = child.Call(futex_waitv, Words, 2, 0, 0, 0));
        Step();
        _guest.Main.Call(futex, Other, (ulong)(FutexOperation.FUTEX_WAKE | FutexOperation.FUTEX_PRIVATE_FLAG), 5);
        Step();
        _guest.Main.Do(() => _guest.Write(Other, 7u)).Call(futex_waitv, Words, 2, 0, 0, 0)
            .Call(futex_waitv, Words, 129, 0, 0, 0).Call(futex_waitv, Words, 2, 1, 0, 0);
        _guest.Run();
        Assert.Equal([1], waiter!.Results);
        Assert.Equal([-(long)Errno.EAGAIN, -(long)Errno.EINVAL, -(long)Errno.EINVAL], _guest.Main.Results.TakeLast(3));
        Assert.Equal(0, _guest.System.Futexes.WaiterCount);
    }

    private uint Read(ulong address) => _guest.Read<uint>(address);

    private void Step() => _guest.Main.Call(sched_yield);
}
