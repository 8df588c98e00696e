using System.Diagnostics.CodeAnalysis;
using Semitone.Abi;
using Semitone.Core;

namespace Semitone.Tasks;

/// <summary>What is to be undone at an array of semaphores when whoever made the changes ends (SEM_UNDO in semop(2)).</summary>
public sealed class SemaphoreUndo(SemaphoreArray array, int[] adjustments)
{
    public SemaphoreArray Array { get; } = array;

    /// <summary>What is added to each semaphore in the end.</summary>
    public int[] Adjustments { get; } = adjustments;
}

/// <summary>All that a process, or several with CLONE_SYSVSEM, will undo.</summary>
public sealed class SemaphoreUndoList
{
    private readonly List<SemaphoreUndo> _entries = [];
    private int _userCount = 1;

    /// <summary>Lets one more process use it.</summary>
    public void Share() => _userCount++;

    /// <summary>Ends a process's use; the last one undoes.</summary>
    public void Leave(Process process)
    {
        if (--_userCount != 0)
        {
            return;
        }

        foreach (SemaphoreUndo undo in _entries)
        {
            undo.Array.Undo(undo, process);
        }

        _entries.Clear();
    }

    /// <summary>Gets what is to be undone at an array, which may be nothing yet.</summary>
    /// <returns>False when the kernel's heap has no room for it.</returns>
    public bool TryGet(SemaphoreArray array, [NotNullWhen(true)] out SemaphoreUndo? undo)
    {
        undo = null;
        foreach (SemaphoreUndo entry in _entries)
        {
            if (entry.Array == array)
            {
                undo = entry;
                return true;
            }
        }

        if (!KernelHeap.HasRoom()
            || !KernelHeap.TryReserve(_entries, IntPtr.Size)
            || !array.TryReserveUndo()
            || !KernelHeap.TryAllocate(array.Count, sizeof(int), out int[]? adjustments))
        {
            return false;
        }

        undo = new SemaphoreUndo(array, adjustments);
        _entries.Add(undo);
        array.AddUndo(undo);
        return true;
    }
}
