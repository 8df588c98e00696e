namespace Semitone.Network.Simulation;

/// <summary>What a simulated wire does to frames.</summary>
public sealed record Impairments
{
    /// <summary>Nanoseconds that a frame is under way.</summary>
    public long DelayNs { get; init; } = 100_000;

    /// <summary>Nanoseconds that it may take longer, at random: frames overtake one another.</summary>
    public long JitterNs { get; init; }

    /// <summary>Probabilities, for each frame.</summary>
    public double Loss { get; init; }

    /// <inheritdoc cref="Loss"/>
    public double Duplication { get; init; }

    /// <summary>Probability that a bit is turned over.</summary>
    public double Damage { get; init; }

    /// <summary>Bytes a second; 0 for no limit.</summary>
    public long BytesPerSecond { get; init; }

    /// <summary>Frames that wait for their turn on a wire with a limit; further ones are lost.</summary>
    public int QueueLimit { get; init; } = 1000;
}
