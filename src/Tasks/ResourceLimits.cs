using Semitone.Abi;

namespace Semitone.Tasks;

/// <summary>The limits of a process.</summary>
public sealed class ResourceLimits
{
    public const int Count = 16;

    private const ulong DefaultStack = 8UL << 20;
    private const ulong MaximumFiles = 1UL << 20;

    private readonly Rlimit[] _limits = new Rlimit[Count];

    /// <summary>Makes the limits that Linux gives its first process, with room for many open files.</summary>
    public ResourceLimits(long memoryBytes)
    {
        Array.Fill(_limits, Make(Rlimit.RLIM_INFINITY, Rlimit.RLIM_INFINITY));
        this[RlimitResource.RLIMIT_STACK].rlim_cur = DefaultStack;
        this[RlimitResource.RLIMIT_CORE].rlim_cur = 0;
        this[RlimitResource.RLIMIT_NOFILE] = Make(1024, MaximumFiles);
        this[RlimitResource.RLIMIT_MEMLOCK] = Make(DefaultStack, DefaultStack);
        this[RlimitResource.RLIMIT_MSGQUEUE] = Make(819_200, 819_200);
        this[RlimitResource.RLIMIT_NICE] = default;
        this[RlimitResource.RLIMIT_RTPRIO] = default;

        // Threads by memory, as Linux reckons: a thread may cost an eighth of a page of all memory.
        ulong tasks = Math.Max(64, (ulong)memoryBytes / (8 * 16384));
        this[RlimitResource.RLIMIT_NPROC] = Make(tasks, tasks);
        this[RlimitResource.RLIMIT_SIGPENDING] = Make(tasks, tasks);
    }

    private ResourceLimits()
    {
    }

    public ref Rlimit this[RlimitResource resource] => ref _limits[(int)resource];

    /// <summary>Copies the limits, as fork(2) does.</summary>
    public ResourceLimits Clone()
    {
        ResourceLimits copy = new();
        _limits.CopyTo(copy._limits, 0);
        return copy;
    }

    private static Rlimit Make(ulong soft, ulong hard) => new() { rlim_cur = soft, rlim_max = hard };
}
