using Semitone.Abi;
using Semitone.Core;

namespace Semitone.Tasks;

/// <summary>An array of semaphores (semget(2)).</summary>
/// <remarks>
/// Who waits stands in one queue, and those that come first are looked at first. Whoever changes a semaphore does for them what can be
/// done now: a call that is woken has been served already, and nobody can be faster than it.
/// </remarks>
public sealed class SemaphoreArray : IpcObject
{
    private const int SemaphoreSize = 8;

    private readonly SystemState _system;
    private readonly Semaphore[] _semaphores;
    private readonly List<SemaphoreUndo> _undos = [];
    private SemaphoreWait? _first;
    private SemaphoreWait? _last;

    private SemaphoreArray(int key, uint mode, GuestThread maker, Semaphore[] semaphores)
        : base(key, mode, maker)
    {
        _system = maker.Process.System;
        _semaphores = semaphores;
    }

    public int Count => _semaphores.Length;

    /// <summary>When operations were done last, in seconds since 1970.</summary>
    public long OperatedSeconds { get; private set; }

    /// <summary>Makes an array of semaphores that are 0.</summary>
    internal static Errno Create(int key, int count, uint mode, GuestThread maker, out SemaphoreArray? array)
    {
        array = KernelHeap.TryAllocate(count, SemaphoreSize, out Semaphore[]? semaphores)
            ? new SemaphoreArray(key, mode, maker, semaphores)
            : null;
        return array is null ? Errno.ENOMEM : Errno.None;
    }

    public int GetValue(int index) => _semaphores[index].Value;

    /// <summary>Who changed a semaphore last.</summary>
    public int GetPid(int index) => _semaphores[index].Pid;

    /// <summary>Sets a semaphore (SETVAL); nobody undoes what was done before.</summary>
    /// <param name="value">0 to <see cref="IpcSystem.MaxSemaphoreValue"/>.</param>
    public void SetValue(int index, int value, Process caller)
    {
        Assign(index, value, caller);
        FinishSetting();
    }

    /// <summary>Sets all semaphores (SETALL).</summary>
    public void SetAll(ReadOnlySpan<ushort> values, Process caller)
    {
        for (int i = 0; i < values.Length; i++)
        {
            Assign(i, values[i], caller);
        }

        FinishSetting();
    }

    /// <summary>Counts those that wait for a semaphore to become greater (GETNCNT), or 0 (GETZCNT).</summary>
    public int CountWaiting(int index, bool forZero)
    {
        int count = 0;
        for (SemaphoreWait? wait = _first; wait is not null; wait = wait.Next)
        {
            Sembuf blocking = wait.Operations[wait.Blocking];
            count += blocking.sem_num == index && (blocking.sem_op == 0) == forZero ? 1 : 0;
        }

        return count;
    }

    /// <summary>Does all of some operations, or none, and what others waited for.</summary>
    /// <param name="undo">Where they are noted that are to be undone.</param>
    /// <param name="blocking">The operation that must wait; -1 when none has to.</param>
    /// <returns>None; EAGAIN when one cannot be done now; ERANGE when a value would get too great.</returns>
    public Errno Operate(ReadOnlySpan<Sembuf> operations, SemaphoreUndo? undo, Process process, out int blocking)
    {
        Errno error = TryPerform(operations, undo, process, out blocking, out bool isChanged);
        if (error == Errno.None)
        {
            OperatedSeconds = GetSeconds(_system);
            if (isChanged)
            {
                ServeWaiting();
            }
        }

        return error;
    }

    public void Enqueue(SemaphoreWait wait)
    {
        wait.IsQueued = true;
        wait.Previous = _last;
        if (_last is null)
        {
            _first = wait;
        }
        else
        {
            _last.Next = wait;
        }

        _last = wait;
    }

    public void Dequeue(SemaphoreWait wait)
    {
        if (!wait.IsQueued)
        {
            return;
        }

        wait.IsQueued = false;
        if (wait.Previous is null)
        {
            _first = wait.Next;
        }
        else
        {
            wait.Previous.Next = wait.Next;
        }

        if (wait.Next is null)
        {
            _last = wait.Previous;
        }
        else
        {
            wait.Next.Previous = wait.Previous;
        }

        wait.Previous = null;
        wait.Next = null;
    }

    internal bool TryReserveUndo() => KernelHeap.TryReserve(_undos, IntPtr.Size);

    internal void AddUndo(SemaphoreUndo undo) => _undos.Add(undo);

    /// <summary>Undoes what a process did that ends, as far as a semaphore can hold it.</summary>
    internal void Undo(SemaphoreUndo undo, Process process)
    {
        if (!_undos.Remove(undo))
        {
            // The array has been removed.
            return;
        }

        for (int i = 0; i < undo.Adjustments.Length; i++)
        {
            if (undo.Adjustments[i] != 0)
            {
                ref Semaphore semaphore = ref _semaphores[i];
                semaphore.Value = Math.Clamp(semaphore.Value + undo.Adjustments[i], 0, IpcSystem.MaxSemaphoreValue);
                semaphore.Pid = process.Pid;
            }
        }

        OperatedSeconds = GetSeconds(_system);
        ServeWaiting();
    }

    /// <inheritdoc/>
    internal override void OnRemoved()
    {
        _system.Ipc.OnArrayRemoved(this);
        _undos.Clear();
        while (_first is { } wait)
        {
            Decide(wait, Errno.EIDRM);
        }
    }

    private void Assign(int index, int value, Process caller)
    {
        _semaphores[index] = new Semaphore { Value = value, Pid = caller.Pid };
        foreach (SemaphoreUndo undo in _undos)
        {
            undo.Adjustments[index] = 0;
        }
    }

    private void FinishSetting()
    {
        ChangedSeconds = GetSeconds(_system);
        if (ServeWaiting())
        {
            OperatedSeconds = ChangedSeconds;
        }
    }

    /// <summary>
    /// Does what those who wait want, as far as it can be done now: who waits for zeros first, then in the order of coming.
    /// </summary>
    /// <returns>Whether anybody was served.</returns>
    private bool ServeWaiting()
    {
        bool isAnyServed = false;
        bool isChanged = true;
        while (isChanged)
        {
            isChanged = ServeOnce(changing: false, ref isAnyServed) || ServeOnce(changing: true, ref isAnyServed);
        }

        return isAnyServed;
    }

    /// <summary>Goes through the queue until somebody has changed a semaphore.</summary>
    /// <param name="changing">Whether to look at those that change anything, or at the others.</param>
    /// <returns>Whether that happened.</returns>
    private bool ServeOnce(bool changing, ref bool isAnyServed)
    {
        SemaphoreWait? next;
        for (SemaphoreWait? wait = _first; wait is not null; wait = next)
        {
            next = wait.Next;
            if (Changes(wait.Operations) != changing)
            {
                continue;
            }

            Errno error = TryPerform(wait.Operations, wait.Undo, wait.Thread.Process, out int blocking, out bool isChanged);
            if (blocking >= 0)
            {
                wait.Blocking = blocking;
                continue;
            }

            Decide(wait, error);
            isAnyServed |= error == Errno.None;
            if (isChanged)
            {
                return true;
            }
        }

        return false;
    }

    private void Decide(SemaphoreWait wait, Errno result)
    {
        Dequeue(wait);
        wait.Result = result;
        wait.Thread.Waiter.TryWake();
    }

    private static bool Changes(ReadOnlySpan<Sembuf> operations)
    {
        foreach (Sembuf operation in operations)
        {
            if (operation.sem_op != 0)
            {
                return true;
            }
        }

        return false;
    }

    private Errno TryPerform(
        ReadOnlySpan<Sembuf> operations, SemaphoreUndo? undo, Process process, out int blocking, out bool isChanged)
    {
        Errno error = Errno.None;
        blocking = -1;
        isChanged = false;
        int done = 0;
        while (done < operations.Length)
        {
            Sembuf operation = operations[done];
            ref Semaphore semaphore = ref _semaphores[operation.sem_num];
            int result = semaphore.Value + operation.sem_op;
            bool mustWait = operation.sem_op == 0 ? semaphore.Value != 0 : result < 0;
            if (mustWait)
            {
                blocking = (operation.sem_flg & SemaphoreFlags.IPC_NOWAIT) != 0 ? -1 : done;
                error = Errno.EAGAIN;
                break;
            }

            if (result > IpcSystem.MaxSemaphoreValue)
            {
                error = Errno.ERANGE;
                break;
            }

            if ((operation.sem_flg & SemaphoreFlags.SEM_UNDO) != 0)
            {
                int adjustment = undo!.Adjustments[operation.sem_num] - operation.sem_op;
                if (adjustment is < -IpcSystem.MaxSemaphoreValue - 1 or > IpcSystem.MaxSemaphoreValue)
                {
                    error = Errno.ERANGE;
                    break;
                }

                undo.Adjustments[operation.sem_num] = adjustment;
            }

            semaphore.Value = result;
            isChanged |= operation.sem_op != 0;
            done++;
        }

        if (error != Errno.None)
        {
            TakeBack(operations[..done], undo);
            isChanged = false;
            return error;
        }

        foreach (Sembuf operation in operations)
        {
            _semaphores[operation.sem_num].Pid = process.Pid;
        }

        return Errno.None;
    }

    private void TakeBack(ReadOnlySpan<Sembuf> operations, SemaphoreUndo? undo)
    {
        foreach (Sembuf operation in operations)
        {
            _semaphores[operation.sem_num].Value -= operation.sem_op;
            if ((operation.sem_flg & SemaphoreFlags.SEM_UNDO) != 0)
            {
                undo!.Adjustments[operation.sem_num] += operation.sem_op;
            }
        }
    }

    private struct Semaphore
    {
        public int Value;
        public int Pid;
    }
}
