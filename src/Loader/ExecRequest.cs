namespace Semitone.Loader;

/// <summary>What execve(2) is asked to load, and for whom.</summary>
public sealed class ExecRequest
{
    /// <summary>The file, as the caller gave it: AT_EXECFN, and what messages call the program.</summary>
    public required byte[] Path { get; init; }

    /// <summary>The argument vector. An empty one becomes a single empty string, as Linux has it.</summary>
    public required IReadOnlyList<byte[]> Arguments { get; init; }

    public required IReadOnlyList<byte[]> Environment { get; init; }

    /// <summary>
    /// The path leads through a descriptor that is closed by then: no interpreter could open a script by it (execveat(2), "Bugs").
    /// </summary>
    public bool IsPathInaccessible { get; init; }

    /// <summary>RLIMIT_STACK in bytes.</summary>
    public ulong StackLimit { get; init; } = 8 << 20;

    /// <summary>Randomise addresses; AT_RANDOM is random either way.</summary>
    public bool Randomize { get; init; } = true;

    /// <summary>The same for a program that gains privileges: its caller has no say in it (personality(2)).</summary>
    public bool RandomizesSecure { get; init; }
}
