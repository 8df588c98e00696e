namespace Semitone.Loader;

/// <summary>What execve(2) is asked to load, and for whom.</summary>
public sealed class ExecRequest
{
    /// <summary>The file, as the caller gave it: AT_EXECFN, and what messages call the program.</summary>
    public required byte[] Path { get; init; }

    /// <summary>The argument vector. An empty one becomes a single empty string, as Linux has it.</summary>
    public required IReadOnlyList<byte[]> Arguments { get; init; }

    public required IReadOnlyList<byte[]> Environment { get; init; }

    public uint Uid { get; init; }

    public uint EffectiveUid { get; init; }

    public uint Gid { get; init; }

    public uint EffectiveGid { get; init; }

    /// <summary>The program gains privileges: AT_SECURE.</summary>
    public bool IsSecure { get; init; }

    /// <summary>RLIMIT_STACK in bytes.</summary>
    public ulong StackLimit { get; init; } = 8 << 20;

    /// <summary>Randomise addresses; AT_RANDOM is random either way.</summary>
    public bool Randomize { get; init; } = true;
}
