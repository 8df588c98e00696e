using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Semitone.Abi;
using Semitone.Machine;

namespace Semitone.Core;

/// <summary>Whether the managed heap, whose limit is set at boot, has room for more of what guests can make the kernel keep.</summary>
/// <remarks>
/// An object that cannot be allocated is an exception, which costs the program its life. So whoever adds something that stays
/// (a name in a directory, an open file, a vma, a thread) asks here first and answers an errno. Asking is a decrement; every so
/// often the collector is asked how things are. Arrays that grow with what a guest does are allocated here. The heap belongs to the
/// whole runtime, hence the static class.
/// </remarks>
public static class KernelHeap
{
    /// <summary>What one addition is taken to need, with all that belongs to it.</summary>
    private const int BytesPerAddition = 1024;

    /// <summary>Memory that is let go when an allocation failed after all, so that the failure can be dealt with.</summary>
    private const int EmergencyBytes = 96 * 1024;
    private const int EmergencyPieces = 12;

    /// <summary>How much the heap must have grown since it was last collected for another collection to be worth it.</summary>
    private const long WorthCollecting = 128 * 1024;

    /// <summary>Frames that are left to what nobody asks about here.</summary>
    private const long SpareFrames = 8;

    /// <summary>What may be kept before the next look. The smallest heap has room for the first ones.</summary>
    private static long s_credit = 64;
    private static long s_collectedBytes;
    private static long s_limit;
    private static byte[]?[]? s_emergency;

    /// <summary>Where the heap's own pages come from; null where that is not to be watched, as on a host.</summary>
    public static IFrameAllocator? Frames { get; set; }

    /// <summary>Tells whether one more object may be kept.</summary>
    /// <returns>False when the heap is nearly full: then the answer is ENOMEM, ENOSPC or ENFILE.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool HasRoom() => --s_credit >= 0 || Measure(BytesPerAddition);

    /// <summary>Tells whether an object of a certain size may be kept.</summary>
    public static bool HasRoom(int bytes)
    {
        s_credit -= (bytes / BytesPerAddition) + 1;
        return s_credit >= 0 || Measure(bytes);
    }

    /// <summary>Makes an array whose length a guest has a say in.</summary>
    /// <param name="length">Elements.</param>
    /// <param name="elementSize">Bytes of one, nearly.</param>
    /// <param name="array">The array, of default values.</param>
    /// <returns>False when the heap has no room for it.</returns>
    public static bool TryAllocate<T>(int length, int elementSize, [NotNullWhen(true)] out T[]? array)
    {
        array = null;
        long bytes = (long)length * elementSize;
        // A short one is part of what the caller has asked for already.
        if (bytes > int.MaxValue || (bytes > BytesPerAddition && !HasRoom((int)bytes)))
        {
            return false;
        }

        try
        {
            array = new T[length];
            return true;
        }
        catch (OutOfMemoryException)
        {
            // There are so many bytes, but not in one piece.
            return false;
        }
    }

    /// <summary>Makes an array longer whose length a guest has a say in.</summary>
    /// <returns>False, and the array is as it was, when the heap has no room for it.</returns>
    public static bool TryResize<T>(ref T[] array, int length, int elementSize)
    {
        if (!TryAllocate(length, elementSize, out T[]? longer))
        {
            return false;
        }

        Array.Copy(array, longer, Math.Min(array.Length, length));
        array = longer;
        return true;
    }

    /// <summary>Makes room in a list, whose length a guest has a say in, for more elements: adding them cannot fail then.</summary>
    /// <param name="elementSize">Bytes of an element, nearly.</param>
    /// <param name="count">How many more.</param>
    /// <returns>False, and the list is as it was, when the heap has no room for it.</returns>
    public static bool TryReserve<T>(List<T> list, int elementSize, int count = 1)
    {
        if (list.Count + count <= list.Capacity)
        {
            return true;
        }

        int capacity = Math.Max(Math.Max(4, list.Capacity * 2), list.Count + count);
        long bytes = (long)capacity * elementSize;
        if (bytes > int.MaxValue || (bytes > BytesPerAddition && !HasRoom((int)bytes)))
        {
            return false;
        }

        try
        {
            list.Capacity = capacity;
            return true;
        }
        catch (OutOfMemoryException)
        {
            return false;
        }
    }

    /// <summary>Forgets how much room there was: frames, which the heap may need, have become few.</summary>
    public static void Reconsider() => s_credit = 0;

    /// <summary>
    /// Makes room after an allocation has failed: what follows, up to the end of the program that met it, needs objects, too.
    /// </summary>
    public static void Relieve()
    {
        s_emergency = null;
        s_credit = 0;
        GC.Collect();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool Measure(int bytes)
    {
        if (s_limit == 0)
        {
            // A quarter stays for what comes and goes, and for the holes between what stays.
            s_limit = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4 * 3;
        }

        long used = GC.GetTotalMemory(forceFullCollection: false);
        long room = GetRoom(used);
        if (room < Math.Max(s_limit / 8, 2L * bytes) && used - s_collectedBytes >= WorthCollecting)
        {
            GC.Collect();
            PrepareForEmergency();
            s_collectedBytes = GC.GetTotalMemory(forceFullCollection: false);
            room = GetRoom(s_collectedBytes);
        }

        // Half of the room at most before the next look, since an addition may need more than it is taken to.
        s_credit = Math.Max(0, room - bytes) / 2 / BytesPerAddition;
        return room > bytes;
    }

    /// <summary>Bytes that the heap may still grow by: up to its limit, and to the frames that there are.</summary>
    private static long GetRoom(long used)
    {
        long room = s_limit - used;
        return Frames is { } frames ? Math.Min(room, (frames.FreeCount - SpareFrames) * Paging.PageSize) : room;
    }

    private static void PrepareForEmergency()
    {
        if (s_emergency is not null)
        {
            return;
        }

        try
        {
            byte[]?[] pieces = new byte[EmergencyPieces][];
            for (int i = 0; i < pieces.Length; i++)
            {
                pieces[i] = new byte[EmergencyBytes / EmergencyPieces];
            }

            s_emergency = pieces;
        }
        catch (OutOfMemoryException)
        {
            // Then it is one already.
        }
    }
}
