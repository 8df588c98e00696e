namespace Semitone.Cli.Libraries;

/// <summary>What a program needs besides itself.</summary>
/// <param name="Paths">Absolute paths as the dynamic linker will open them: the interpreter, libraries, its configuration.</param>
/// <param name="Missing">Libraries that are not to be found, each with the object that needs it.</param>
/// <param name="SearchPath">What LD_LIBRARY_PATH must be in the guest for the libraries to be found there; null for nothing.</param>
internal sealed record LibrarySet(IReadOnlyList<string> Paths, IReadOnlyList<(string Name, string NeededBy)> Missing, string? SearchPath);
