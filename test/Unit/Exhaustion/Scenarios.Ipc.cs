using Semitone.Abi;
using Semitone.Unit.Tasks;
using static Semitone.Abi.SyscallNumber;
using static Semitone.Unit.Exhaustion.ScenarioProgram;

namespace Semitone.Unit.Exhaustion;

/// <summary>System V IPC.</summary>
internal static partial class Scenarios
{
    private const ulong MakeForOwner = (ulong)IpcFlags.IPC_CREAT | 0x180;

    private static IEnumerable<Call> SystemFive(ScenarioProgram p)
    {
        for (ulong i = 0; i < 5; i++)
        {
            yield return Do(shmget, 100 + i, 3 * Page, MakeForOwner);
            yield return Do(shmat, (ulong)p.Result, 0, 0);
            yield return Do(semget, 100 + i, 20, MakeForOwner);
            yield return Do(msgget, 100 + i, MakeForOwner);
        }

        yield return Do(shmget, 101, 0, 0);
        ulong segment = (ulong)p.Result;
        yield return Do(shmat, segment, 0, 0);
        yield return Do(shmdt, (ulong)p.Result);
        yield return Do(shmctl, segment, (ulong)SharedMemoryCommand.IPC_STAT, Data);
        yield return Do(shmctl, segment, (ulong)SharedMemoryCommand.IPC_RMID);
        yield return Do(semget, 101, 0, 0);
        ulong array = (ulong)p.Result;
        for (ushort i = 0; i < 20; i++)
        {
            p.Guest.Write(Data + (i * 6UL), new Sembuf { sem_num = i, sem_op = 1, sem_flg = SemaphoreFlags.SEM_UNDO });
        }

        yield return Do(semop, array, Data, 20);
        p.Guest.Write(Data + 0x200, Timespec.FromNs(1000));
        yield return Do(semtimedop, array, Data, 1, Data + 0x200);
        yield return Do(semctl, array, 0, (ulong)SemaphoreCommand.GETALL, Data + 0x400);
        yield return Do(semctl, array, 0, (ulong)SemaphoreCommand.IPC_RMID);
        yield return Do(msgget, 101, 0);
        ulong queue = (ulong)p.Result;
        p.Guest.Write(Data, 1L);
        for (int i = 0; i < 10; i++)
        {
            yield return Do(msgsnd, queue, Data, 100 + ((ulong)i * 100), 0);
        }

        yield return Do(msgrcv, queue, Data, 1000, 0, 0);
        yield return Do(msgctl, queue, (ulong)MessageQueueCommand.IPC_RMID);
    }

    private static IEnumerable<Call> PosixMessageQueues(ScenarioProgram p)
    {
        for (int i = 0; i < 5; i++)
        {
            yield return Do(mq_open, p.Text($"queue{i}"), (ulong)(OpenFlags.O_CREAT | OpenFlags.O_RDWR), 0x180);
        }

        ulong queue = (ulong)p.Result;
        p.Guest.Write(Data, new SigEvent { sigev_notify = SigEventNotify.SIGEV_NONE });
        yield return Do(mq_notify, queue, Data);
        for (ulong i = 0; i < 8; i++)
        {
            yield return Do(mq_timedsend, queue, Data, 100 + (i * 300), i % 3, 0);
        }

        yield return Do(mq_timedreceive, queue, Data, 8192, 0, 0);
        yield return Do(mq_getsetattr, queue, 0, Data);
        yield return Do(mq_unlink, p.Text("queue4"));
    }

    private static IEnumerable<Call> ProcessesAndWords(ScenarioProgram p)
    {
        p.Guest.Write(Data, new UserSpan(Data + 0x100, 8));
        p.Guest.Write(Data + 0x10, new UserSpan(Data + 0x200, 8));
        yield return Do(process_vm_readv, 1, Data, 1, Data + 0x10, 1, 0);
        yield return Do(process_vm_writev, 1, Data, 1, Data + 0x10, 1, 0);
        yield return Do(kcmp, 1, 1, (ulong)KcmpType.KCMP_VM);
        p.Guest.Write(Data, new FutexWaitv { uaddr = Data + 0x100, val = 0, flags = Futex2Flags.FUTEX2_SIZE_U32 });
        p.Guest.Write(Data + 0x100, 0UL);
        p.Prepare(Waker());
        yield return Do(clone, ThreadFlags, Guest.StackTop - 0x800);
        yield return Do(futex_waitv, Data, 1);
        yield return Do(futex, Data + 0x100, (ulong)FutexOperation.FUTEX_LOCK_PI);
        yield return Do(futex, Data + 0x100, (ulong)FutexOperation.FUTEX_UNLOCK_PI);
    }

    private static IEnumerable<Call> Waker()
    {
        yield return Do(futex, Data + 0x100, (ulong)FutexOperation.FUTEX_WAKE, 1);
    }

    /// <summary>Calls that wait: their places must go, whatever runs out.</summary>
    private static IEnumerable<Call> WaitingForOthers(ScenarioProgram p)
    {
        const ulong Word = Data + 0x100;
        p.Guest.Write(Word, 0UL);
        yield return Do(semget, 7, 1, MakeForOwner);
        ulong array = (ulong)p.Result;
        yield return Do(msgget, 7, MakeForOwner);
        ulong queue = (ulong)p.Result;
        yield return Do(mq_open, p.Text("waiting"), (ulong)(OpenFlags.O_CREAT | OpenFlags.O_RDWR), 0x180);
        ulong posix = (ulong)p.Result;
        p.Guest.Write(Data, new Sembuf { sem_op = -1 });
        p.Guest.Write(Data + 8, new Sembuf { sem_op = 1 });
        p.Guest.Write(Data + 0x20, 1L);
        p.Prepare(Giver(array, queue, posix));
        yield return Do(clone, ThreadFlags, Guest.StackTop - 0x800);
        yield return Do(semop, array, Data, 1);
        yield return Do(msgrcv, queue, Data + 0x200, 64, 0, 0);
        yield return Do(mq_timedreceive, posix, Data + 0x1000, 8192, 0, 0);
        p.Prepare(Holder(Word));
        yield return Do(clone, ThreadFlags, Guest.StackTop - 0x800);
        yield return Do(sched_yield);
        yield return Do(futex, Word, (ulong)FutexOperation.FUTEX_LOCK_PI);
        yield return Do(semctl, array, 0, (ulong)SemaphoreCommand.IPC_RMID);
        yield return Do(msgctl, queue, (ulong)MessageQueueCommand.IPC_RMID);
    }

    private static IEnumerable<Call> Giver(ulong array, ulong queue, ulong posix)
    {
        yield return Do(semop, array, Data + 8, 1);
        yield return Do(sched_yield);
        yield return Do(msgsnd, queue, Data + 0x20, 8, 0);
        yield return Do(sched_yield);
        yield return Do(mq_timedsend, posix, Data, 8, 0, 0);
    }

    private static IEnumerable<Call> Holder(ulong word)
    {
        yield return Do(futex, word, (ulong)FutexOperation.FUTEX_LOCK_PI);
        yield return Do(sched_yield);
        yield return Do(futex, word, (ulong)FutexOperation.FUTEX_UNLOCK_PI);
    }
}
