using Semitone.Abi;

namespace Semitone.Loader;

/// <summary>What the auxiliary vector says of one thing (getauxval(3)).</summary>
internal readonly record struct AuxiliaryEntry(AuxiliaryType Type, ulong Value);
