namespace Semitone.Network.Tcp;

/// <summary>What a wire does to packets.</summary>
internal sealed record WireConditions
{
    public long DelayNs { get; init; } = 1_000_000;

    /// <summary>How much longer a packet may take, by chance: it is passed by others then.</summary>
    public long JitterNs { get; init; }

    public double Loss { get; init; }

    public double Duplication { get; init; }

    public double Damage { get; init; }

    /// <summary>Bytes a second; 0 for any.</summary>
    public long Rate { get; init; }

    /// <summary>Bytes that wait for the rate; more is dropped.</summary>
    public int QueueBytes { get; init; } = 1 << 20;

    public int Mtu { get; init; } = 1500;

    /// <summary>Bytes that the link cuts by itself; 0 for none.</summary>
    public int SegmentedPayload { get; init; }

    /// <summary>How often the link has no room.</summary>
    public double Refusal { get; init; }
}
