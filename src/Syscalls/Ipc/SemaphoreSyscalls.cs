using Semitone.Abi;
using Semitone.Core;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>Semaphores of System V IPC (sysvipc(7)).</summary>
public static class SemaphoreSyscalls
{
    private const int FewOperations = 16;

    [Syscall(64, "semget", Returns = Returns.Value)]
    public static SysResult Get(SyscallContext context, int key, int count, IpcFlags flags) =>
        context.System.Ipc.GetArray(context.Thread, key, count, flags);

    [Syscall(65, "semop")]
    public static ValueTask<SysResult> Operate(
        SyscallContext context, int id, [Buffer(nameof(count))] UserPtr<Sembuf> operations, nuint count) =>
        Operate(context, id, operations, count, long.MaxValue);

    [Syscall(220, "semtimedop")]
    public static ValueTask<SysResult> OperateInTime(
        SyscallContext context, int id, [Buffer(nameof(count))] UserPtr<Sembuf> operations, nuint count, UserPtr<Timespec> timeout)
    {
        long deadlineNs = long.MaxValue;
        if (!timeout.IsNull)
        {
            if (!context.Memory.TryRead(timeout, out Timespec time))
            {
                return new(Errno.EFAULT);
            }

            if (!time.IsValid)
            {
                return new(Errno.EINVAL);
            }

            deadlineNs = Deadline.FromNow(context.System.Clock, time.ToNsSaturating());
        }

        return Operate(context, id, operations, count, deadlineNs);
    }

    [Syscall(66, "semctl", Returns = Returns.Value)]
    public static SysResult Control(
        SyscallContext context, int id, int index, SemaphoreCommand command, [Trace(TraceFormat.Address)] ulong argument)
    {
        if (id < 0)
        {
            return Errno.EINVAL;
        }

        switch (command)
        {
            case SemaphoreCommand.IPC_INFO or SemaphoreCommand.SEM_INFO:
                return TellLimits(context, command, new UserPtr<Seminfo>(argument));
            case SemaphoreCommand.IPC_STAT or SemaphoreCommand.SEM_STAT or SemaphoreCommand.SEM_STAT_ANY:
                return Tell(context, id, command, new UserPtr<SemidDs>(argument));
            case SemaphoreCommand.IPC_SET or SemaphoreCommand.IPC_RMID:
                return Change(context, id, command, new UserPtr<SemidDs>(argument));
            case SemaphoreCommand.GETALL or SemaphoreCommand.SETALL:
                return ControlAll(context, id, command == SemaphoreCommand.SETALL, new UserPtr<ushort>(argument));
            case SemaphoreCommand.GETVAL or SemaphoreCommand.GETPID or SemaphoreCommand.GETNCNT or SemaphoreCommand.GETZCNT
                or SemaphoreCommand.SETVAL:
                return ControlOne(context, id, index, command, unchecked((int)argument));
            default:
                return Errno.EINVAL;
        }
    }

    private static ValueTask<SysResult> Operate(
        SyscallContext context, int id, UserPtr<Sembuf> pointer, nuint count, long deadlineNs)
    {
        if (count < 1 || id < 0)
        {
            return new(Errno.EINVAL);
        }

        if (count > IpcSystem.MaxOperations)
        {
            return new(Errno.E2BIG);
        }

        Sembuf[]? many = null;
        if (count > FewOperations && !KernelHeap.TryAllocate((int)count, 8, out many))
        {
            return new(Errno.ENOMEM);
        }

        Span<Sembuf> operations = many ?? (stackalloc Sembuf[FewOperations])[..(int)count];
        if (!context.Memory.TryRead(pointer, operations))
        {
            return new(Errno.EFAULT);
        }

        if (!context.System.Ipc.Arrays.TryGet(id, out SemaphoreArray? array))
        {
            return new(Errno.EINVAL);
        }

        bool changes = false;
        bool undoes = false;
        foreach (Sembuf operation in operations)
        {
            if (operation.sem_num >= array.Count)
            {
                return new(Errno.EFBIG);
            }

            changes |= operation.sem_op != 0;
            undoes |= (operation.sem_flg & SemaphoreFlags.SEM_UNDO) != 0;
        }

        Errno error = array.Check(context.Thread.Credentials, changes);
        if (error != Errno.None)
        {
            return new(error);
        }

        SemaphoreUndo? undo = null;
        if (undoes && !context.Process.SemaphoreUndos.TryGet(array, out undo))
        {
            return new(Errno.ENOMEM);
        }

        error = array.Operate(operations, undo, context.Process, out int blocking);
        if (blocking < 0)
        {
            return new(error);
        }

        if (!KernelHeap.HasRoom())
        {
            return new(Errno.ENOMEM);
        }

        SemaphoreWait wait = new(array, context.Thread, many ?? operations.ToArray(), undo) { Blocking = blocking };
        return wait.WaitAsync(deadlineNs);
    }

    private static SysResult TellLimits(SyscallContext context, SemaphoreCommand command, UserPtr<Seminfo> buffer)
    {
        IpcSystem ipc = context.System.Ipc;
        bool tellsUse = command == SemaphoreCommand.SEM_INFO;
        Seminfo told = new()
        {
            semmap = IpcSystem.MaxSemaphores,
            semmni = IpcSystem.MaxArrays,
            semmns = IpcSystem.MaxSemaphores,
            semmnu = IpcSystem.MaxSemaphores,
            semmsl = IpcSystem.MaxSemaphoresPerArray,
            semopm = IpcSystem.MaxOperations,
            semume = IpcSystem.MaxOperations,
            semusz = tellsUse ? ipc.Arrays.Count : 20,
            semvmx = IpcSystem.MaxSemaphoreValue,
            semaem = tellsUse ? ipc.SemaphoreCount : IpcSystem.MaxSemaphoreValue,
        };
        return context.Memory.TryWriteFrom(buffer, in told) ? Math.Max(0, ipc.Arrays.HighestIndex) : Errno.EFAULT;
    }

    private static SysResult Tell(SyscallContext context, int id, SemaphoreCommand command, UserPtr<SemidDs> buffer)
    {
        IpcTable<SemaphoreArray> arrays = context.System.Ipc.Arrays;
        SemaphoreArray? array;
        if (command == SemaphoreCommand.IPC_STAT)
        {
            arrays.TryGet(id, out array);
        }
        else
        {
            array = arrays[id];
        }

        if (array is null)
        {
            return Errno.EINVAL;
        }

        Errno error = command == SemaphoreCommand.SEM_STAT_ANY ? Errno.None : array.Check(context.Thread.Credentials, writes: false);
        if (error != Errno.None)
        {
            return error;
        }

        SemidDs told = new()
        {
            sem_perm = array.GetPermissions(),
            sem_otime = array.OperatedSeconds,
            sem_ctime = array.ChangedSeconds,
            sem_nsems = (ulong)array.Count,
        };
        long result = command == SemaphoreCommand.IPC_STAT ? 0 : array.Id;
        return context.Memory.TryWriteFrom(buffer, in told) ? result : Errno.EFAULT;
    }

    private static SysResult Change(SyscallContext context, int id, SemaphoreCommand command, UserPtr<SemidDs> buffer)
    {
        SemidDs wanted = default;
        if (command == SemaphoreCommand.IPC_SET && !context.Memory.TryRead(buffer, out wanted))
        {
            return Errno.EFAULT;
        }

        IpcTable<SemaphoreArray> arrays = context.System.Ipc.Arrays;
        if (!arrays.TryGet(id, out SemaphoreArray? array))
        {
            return Errno.EINVAL;
        }

        Errno error = array.CheckOwner(context.Thread.Credentials);
        if (error != Errno.None)
        {
            return error;
        }

        if (command == SemaphoreCommand.IPC_SET)
        {
            return array.SetOwner(in wanted.sem_perm, context.System);
        }

        context.System.Ipc.Remove(array);
        return SysResult.Success;
    }

    private static SysResult ControlAll(SyscallContext context, int id, bool sets, UserPtr<ushort> values)
    {
        if (!context.System.Ipc.Arrays.TryGet(id, out SemaphoreArray? array))
        {
            return Errno.EINVAL;
        }

        Errno error = array.Check(context.Thread.Credentials, sets);
        if (error != Errno.None)
        {
            return error;
        }

        if (!KernelHeap.TryAllocate(array.Count, sizeof(ushort), out ushort[]? all))
        {
            return Errno.ENOMEM;
        }

        if (!sets)
        {
            for (int i = 0; i < all.Length; i++)
            {
                all[i] = (ushort)array.GetValue(i);
            }

            ReadOnlySpan<ushort> told = all;
            return context.Memory.TryWrite(values, told) ? SysResult.Success : Errno.EFAULT;
        }

        if (!context.Memory.TryRead(values, all.AsSpan()))
        {
            return Errno.EFAULT;
        }

        foreach (ushort value in all)
        {
            if (value > IpcSystem.MaxSemaphoreValue)
            {
                return Errno.ERANGE;
            }
        }

        array.SetAll(all, context.Process);
        return SysResult.Success;
    }

    private static SysResult ControlOne(SyscallContext context, int id, int index, SemaphoreCommand command, int value)
    {
        bool sets = command == SemaphoreCommand.SETVAL;
        if (sets && (value is < 0 or > IpcSystem.MaxSemaphoreValue))
        {
            return Errno.ERANGE;
        }

        if (!context.System.Ipc.Arrays.TryGet(id, out SemaphoreArray? array))
        {
            return Errno.EINVAL;
        }

        bool isIndexValid = index >= 0 && index < array.Count;
        if (sets && !isIndexValid)
        {
            return Errno.EINVAL;
        }

        Errno error = array.Check(context.Thread.Credentials, sets);
        if (error != Errno.None)
        {
            return error;
        }

        if (!isIndexValid)
        {
            return Errno.EINVAL;
        }

        switch (command)
        {
            case SemaphoreCommand.GETVAL:
                return array.GetValue(index);
            case SemaphoreCommand.GETPID:
                return array.GetPid(index);
            case SemaphoreCommand.SETVAL:
                array.SetValue(index, value, context.Process);
                return SysResult.Success;
            default:
                return array.CountWaiting(index, command == SemaphoreCommand.GETZCNT);
        }
    }
}
