using System.Runtime.CompilerServices;

namespace Semitone.Core;

/// <summary>Whether the managed heap, whose limit is set at boot, has room for more of what guests can make the kernel keep.</summary>
/// <remarks>
/// An object that cannot be allocated is an exception, which costs the program its life. So whoever adds something that stays
/// (a name in a directory, an open file, a vma, a thread) asks here first and answers an errno. Asking is a decrement; every so
/// often the collector is asked how things are. The heap belongs to the whole runtime, hence the static class.
/// </remarks>
public static class KernelHeap
{
    /// <summary>What one addition is taken to need, with all that belongs to it.</summary>
    private const long BytesPerAddition = 1024;

    /// <summary>What may be kept before the next look. The smallest heap has room for the first ones.</summary>
    private static long s_credit = 64;
    private static long s_limit;

    /// <summary>Tells whether one more object may be kept.</summary>
    /// <returns>False when the heap is nearly full: then the answer is ENOMEM, ENOSPC or ENFILE.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool HasRoom() => --s_credit >= 0 || Measure();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool Measure()
    {
        if (s_limit == 0)
        {
            // A quarter stays for what comes and goes, and for the holes between what stays.
            s_limit = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4 * 3;
        }

        long room = s_limit - GC.GetTotalMemory(forceFullCollection: false);
        if (room < s_limit / 8)
        {
            GC.Collect();
            room = s_limit - GC.GetTotalMemory(forceFullCollection: false);
        }

        // Half of the room at most before the next look, since an addition may need more than it is taken to.
        s_credit = Math.Max(0, room) / 2 / BytesPerAddition;
        return room > BytesPerAddition;
    }
}
