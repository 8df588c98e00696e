namespace Semitone.Cli.Packing.Rules;

/// <summary>
/// Knows of one kind of program what it needs besides its libraries, and finds that on the host from files alone: nothing is ever run.
/// </summary>
/// <remarks>To add one: a class that inherits from this, and a line in <see cref="PackingRules"/>.</remarks>
internal abstract class PackingRule
{
    /// <summary>What <c>--verbose</c> calls it.</summary>
    public abstract string Name { get; }

    /// <summary>Packs what the programs need; nothing where the rule is not about them.</summary>
    /// <returns>What was found, and where, for <c>--verbose</c>; null when the rule is not about these programs.</returns>
    public abstract string? Apply(PackingContext context);
}
