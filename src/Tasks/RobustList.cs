using Semitone.Abi;
using Semitone.Memory;

namespace Semitone.Tasks;

/// <summary>What happens to the robust locks that a thread holds when it ends (get_robust_list(2)).</summary>
internal static class RobustList
{
    private const ulong PriorityInheritance = 1;

    /// <summary>Marks every lock in the thread's list as one whose owner died, and wakes one waiter of each.</summary>
    /// <remarks>
    /// The list is the program's own and may be anything: it is followed for a limited number of steps, and given up at the first address
    /// that is none.
    /// </remarks>
    public static void Release(GuestThread thread)
    {
        ulong head = thread.RobustListHead;
        UserMemory memory = thread.Process.AddressSpace.Memory;
        if (head == 0 || !memory.TryRead(new UserPtr<RobustListHead>(head), out RobustListHead list))
        {
            return;
        }

        thread.RobustListHead = 0;
        ulong pending = list.list_op_pending;
        ulong entry = list.list;
        for (int i = 0; i < FutexWord.ROBUST_LIST_LIMIT && (entry & ~PriorityInheritance) != head; i++)
        {
            // The next one is read first: who gets the lock may free this one.
            if (!memory.TryRead(new UserPtr<ulong>(entry & ~PriorityInheritance), out ulong next))
            {
                return;
            }

            if ((entry & ~PriorityInheritance) != (pending & ~PriorityInheritance))
            {
                Release(thread, memory, (entry & ~PriorityInheritance) + (ulong)list.futex_offset, isPending: false);
            }

            entry = next;
        }

        if (pending != 0)
        {
            Release(thread, memory, (pending & ~PriorityInheritance) + (ulong)list.futex_offset, isPending: true);
        }
    }

    private static void Release(GuestThread thread, UserMemory memory, ulong address, bool isPending)
    {
        if ((address & 3) != 0 || !memory.TryLoad(address, out uint word))
        {
            return;
        }

        // A lock that was being released when the thread died: nobody owns it, but somebody may sleep on it.
        if (isPending && word == 0)
        {
            Wake(thread, address);
            return;
        }

        while ((word & FutexWord.FUTEX_TID_MASK) == (uint)thread.Tid)
        {
            uint dead = (word & FutexWord.FUTEX_WAITERS) | FutexWord.FUTEX_OWNER_DIED;
            if (!memory.TryCompareExchange(address, word, dead, out uint observed))
            {
                return;
            }

            if (observed == word)
            {
                if ((word & FutexWord.FUTEX_WAITERS) != 0)
                {
                    Wake(thread, address);
                }

                return;
            }

            word = observed;
        }
    }

    private static void Wake(GuestThread thread, ulong address)
    {
        Process process = thread.Process;
        if (process.AddressSpace.TryGetFutexKey(address, isPrivate: false, out FutexKey key))
        {
            process.System.Futexes.Wake(key, 1);
        }
    }
}
