namespace Semitone.Fakes;

/// <summary>What is to fail.</summary>
public enum FaultKind
{
    /// <summary>Nothing: allocations and questions are counted only.</summary>
    None,

    /// <summary>An allocation: it throws, as the runtime does when the heap is full.</summary>
    Allocation,

    /// <summary>A question whether the heap has room: the answer is no.</summary>
    Question,
}

/// <summary>
/// Lets one allocation of the kernel fail, or lets its heap be full once: what instrumented kernel code calls before each.
/// </summary>
/// <remarks>For one thread. Where the kernel's assemblies are not instrumented nobody calls it.</remarks>
public static class AllocationFault
{
    private static FaultKind s_kind;
    private static int s_number;
    private static bool s_isWatching;

    /// <summary>Allocations that were seen.</summary>
    public static int AllocationCount { get; private set; }

    /// <summary>Questions that were seen.</summary>
    public static int QuestionCount { get; private set; }

    /// <summary>Whether the fault has come.</summary>
    public static bool HasFired { get; private set; }

    /// <summary>Where the fault came, for a message.</summary>
    public static string Place { get; private set; } = string.Empty;

    /// <summary>Begins to count, not yet to watch.</summary>
    /// <param name="number">Which one is to fail, from 1 on.</param>
    public static void Prepare(FaultKind kind, int number)
    {
        s_kind = kind;
        s_number = number;
        s_isWatching = false;
        AllocationCount = 0;
        QuestionCount = 0;
        HasFired = false;
        Place = string.Empty;
    }

    /// <summary>Watches from here on, or no more: what tests and fakes do themselves does not count.</summary>
    public static void Watch(bool isWatching) => s_isWatching = isWatching;

    /// <summary>Called before each allocation.</summary>
    public static void OnAllocation()
    {
        if (s_isWatching && ++AllocationCount == s_number && s_kind == FaultKind.Allocation)
        {
            Fire();
            throw new OutOfMemoryException("This allocation was to fail.");
        }
    }

    /// <summary>Called before each answer of the heap.</summary>
    /// <returns>True when the heap is to be full.</returns>
    public static bool OnQuestion()
    {
        if (!s_isWatching || ++QuestionCount != s_number || s_kind != FaultKind.Question)
        {
            return false;
        }

        Fire();
        return true;
    }

    private static void Fire()
    {
        HasFired = true;
        Place = string.Join(" < ", Environment.StackTrace.Split('\n')
            .Where(line => line.Contains(" Semitone.", StringComparison.Ordinal)
                && !line.Contains(nameof(AllocationFault), StringComparison.Ordinal))
            .Take(4)
            .Select(line => line.Trim()[3..].Split('(')[0]));
    }
}
