namespace Semitone.Tasks;

/// <summary>Who a process acts as (credentials(7)). Immutable: a change makes a new one.</summary>
public sealed record Credentials
{
    /// <summary>The superuser with every capability: what the first program runs as.</summary>
    public static readonly Credentials Root = new();

    public uint RealUserId { get; init; }

    public uint EffectiveUserId { get; init; }

    public uint SavedUserId { get; init; }

    public uint FileSystemUserId { get; init; }

    public uint RealGroupId { get; init; }

    public uint EffectiveGroupId { get; init; }

    public uint SavedGroupId { get; init; }

    public uint FileSystemGroupId { get; init; }

    /// <summary>Supplementary groups; never changed in place.</summary>
    public uint[] Groups { get; init; } = [];

    /// <summary>May do what only the superuser may.</summary>
    public bool IsPrivileged => EffectiveUserId == 0;
}
