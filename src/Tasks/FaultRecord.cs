using Semitone.Machine;

namespace Semitone.Tasks;

/// <summary>The last exception of the CPU that a thread raised, for its signal frame and for the report when it dies of it.</summary>
/// <param name="Trap">What the CPU said.</param>
/// <param name="Rip">Where.</param>
internal readonly record struct FaultRecord(Trap Trap, ulong Rip);
