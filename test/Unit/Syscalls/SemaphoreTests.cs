using Semitone.Abi;
using Semitone.Unit.Tasks;
using static Semitone.Abi.SyscallNumber;

namespace Semitone.Unit.Syscalls;

/// <summary>Semaphores of System V IPC: all or nothing, who is served first, what is undone.</summary>
public sealed class SemaphoreTests
{
    private const ulong Make = (ulong)IpcFlags.IPC_CREAT | 0x180;
    private const ulong Operations = Guest.Data + 0x800;
    private const int Minus1 = 0;
    private const int Minus3 = 1;
    private const int Plus1 = 2;
    private const int Plus3 = 3;
    private const int Zero = 4;
    private const int Plus2Undone = 5;
    private const int Minus1AtOnce = 6;

    private readonly Guest _guest = new();

    public SemaphoreTests()
    {
        _guest.Main.Do(() =>
        {
            Sembuf[] all =
            [
                new() { sem_op = -1 }, new() { sem_op = -3 }, new() { sem_op = 1 }, new() { sem_op = 3 }, new(),
                new() { sem_op = 2, sem_flg = SemaphoreFlags.SEM_UNDO }, new() { sem_op = -1, sem_flg = SemaphoreFlags.IPC_NOWAIT },
            ];
            for (int i = 0; i < all.Length; i++)
            {
                _guest.Write(At(i), all[i]);
            }
        }).Call(semget, 0, 2, Make);
    }

    [Fact]
    public void Operate_SeveralWait_FirstComesFirstEvenIfHeWantsMore()
    {
        ThreadScript? three = null;
        ThreadScript? one = null;
        _guest.MakeThread(child => three = child.Call(semop, 0, At(Minus3), 1));
        Step();
        _guest.MakeThread(child => one = child.Call(semop, 0, At(Minus1), 1));
        Step();
        Counts(waiting: 2, forZero: 0);
        Do(Plus3);
        Step();
        _guest.Main.Do(() => Assert.Equal((1, 0), (three!.Results.Count, one!.Results.Count)));
        Counts(waiting: 1, forZero: 0);
        Do(Plus1);
        Step();
        _guest.Run();
        Assert.Equal([0], three!.Results);
        Assert.Equal([0], one!.Results);
    }

    [Fact]
    public void Operate_WaitsForZero_IsServedWhenItIs()
    {
        ThreadScript? waiting = null;
        Do(Plus1);
        _guest.MakeThread(child => waiting = child.Call(semop, 0, At(Zero), 1));
        Step();
        Counts(waiting: 0, forZero: 1);
        Do(Minus1);
        Step();
        _guest.Run();
        Assert.Equal([0], waiting!.Results);
    }

    [Fact]
    public void Operate_OneCannotBeDone_NoneIs()
    {
        _guest.Main.Do(() =>
        {
            _guest.Write(Operations + 0x100, new Sembuf { sem_num = 0, sem_op = 5 });
            _guest.Write(Operations + 0x106, new Sembuf { sem_num = 1, sem_op = -1, sem_flg = SemaphoreFlags.IPC_NOWAIT });
        }).Call(semop, 0, Operations + 0x100, 2).Do(() => Assert.Equal(0, _guest.System.Ipc.Arrays[0]!.GetValue(0)));
        _guest.Run();
        Assert.Equal(-(long)Errno.EAGAIN, _guest.Main.Results[^1]);
    }

    [Fact]
    public void Exit_Child_UndoesWhatItDid()
    {
        _guest.Children.Enqueue((_, script) => script.Call(semop, 0, At(Plus2Undone), 1).Call(semop, 0, At(Minus1), 1));
        _guest.Main.Call(fork).Call(wait4, ulong.MaxValue, 0, 0, 0)
            .Do(() => Assert.Equal(0, _guest.System.Ipc.Arrays[0]!.GetValue(0)));
        _guest.Run();
    }

    [Fact]
    public void Exit_WhoHeldIt_LetsTheNextOneIn()
    {
        ThreadScript? next = null;
        _guest.Children.Enqueue((_, script) => script.Do(() => _guest.Write(
                Operations + 0x100, new Sembuf { sem_op = -1, sem_flg = SemaphoreFlags.SEM_UNDO }))
            .Call(semop, 0, Operations + 0x100, 1));
        Do(Plus1);
        _guest.Main.Call(vfork).Call(wait4, ulong.MaxValue, 0, 0, 0);
        _guest.MakeThread(child => next = child.Call(semop, 0, At(Minus1), 1));
        Step();
        _guest.Run();
        Assert.Equal([0], next!.Results);
    }

    [Fact]
    public void Remove_WhoWaits_IsTold()
    {
        ThreadScript? waiting = null;
        _guest.MakeThread(child => waiting = child.Call(semop, 0, At(Minus1), 1));
        Step();
        _guest.Main.Call(semctl, 0, 0, (ulong)SemaphoreCommand.IPC_RMID);
        Step();
        _guest.Run();
        Assert.Equal([-(long)Errno.EIDRM], waiting!.Results);
        Assert.Equal(0, _guest.System.Ipc.SemaphoreCount);
    }

    [Fact]
    public void Operate_InTime_GivesUp()
    {
        _guest.Main.Do(() => _guest.Write(Operations + 0x100, Timespec.FromNs(1_000_000)))
            .Call(semtimedop, 0, At(Minus1), 1, Operations + 0x100).Call(semop, 0, At(Minus1AtOnce), 1);
        Counts(waiting: 0, forZero: 0);
        _guest.Run();
        Assert.Equal([-(long)Errno.EAGAIN, -(long)Errno.EAGAIN], _guest.Main.Results.Skip(1).Take(2));
    }

    private static ulong At(int operation) => Operations + ((ulong)operation * 6);

    private void Do(int operation) => _guest.Main.Call(semop, 0, At(operation), 1);

    private void Step() => _guest.Main.Call(sched_yield);

    private void Counts(long waiting, long forZero) => _guest.Main
        .Call(semctl, 0, 0, (ulong)SemaphoreCommand.GETNCNT)
        .Call(semctl, 0, 0, (ulong)SemaphoreCommand.GETZCNT)
        .Do(() => Assert.Equal([waiting, forZero], _guest.Main.Results.TakeLast(2)));
}
