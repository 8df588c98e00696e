namespace Semitone.Cli.Commands;

/// <summary>A flag that a shell may complete.</summary>
/// <param name="Names">Its name, then its other names, with their hyphens.</param>
/// <param name="Description">What it does, in a line.</param>
/// <param name="TakesValue">Whether the next word belongs to it.</param>
internal sealed record CompletedFlag(string[] Names, string Description, bool TakesValue);
