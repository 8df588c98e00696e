namespace Semitone.Tasks;

/// <summary>The program that the first process runs.</summary>
public sealed class InitialProgram
{
    /// <summary>Where it is, found in PATH already when the name had no slash.</summary>
    public required byte[] Path { get; init; }

    public required IReadOnlyList<byte[]> Arguments { get; init; }

    public required IReadOnlyList<byte[]> Environment { get; init; }

    /// <summary>Who it runs as.</summary>
    public Credentials Credentials { get; init; } = Credentials.Root;

    /// <summary>Randomise addresses.</summary>
    public bool Randomize { get; init; } = true;
}
