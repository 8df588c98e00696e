namespace Semitone.Machine;

/// <summary>The processor state of one guest thread.</summary>
public interface IGuestContext : IDisposable
{
    /// <summary>Keeps other assemblies from implementing this: a machine takes any context for one of its own.</summary>
    internal void BelongsToMachine();

    /// <summary>The integer registers, valid while the thread is not running.</summary>
    /// <remarks>Nobody keeps the reference across <see cref="ICpu.Run"/> or <see cref="ICpu.Idle"/>: what lies there may be something else
    /// then. It cannot leave the stack; a test looks after the methods that are on it.</remarks>
    ref GuestRegisters Registers { get; }

    /// <summary>The GS base. Not one of the <see cref="Registers"/>: the processor keeps it between a guest's runs.</summary>
    ulong GsBase { get; set; }

    /// <summary>
    /// Starts over with the segments of a new program: null selectors in DS, ES, FS and GS, and the GS base 0. Selectors are a thread's own
    /// like its registers.
    /// </summary>
    void ResetSegments();

    /// <summary>
    /// Bytes of the floating-point and vector state in the XSAVE layout (Intel SDM Vol. 1, 13.4); the same for every context.
    /// </summary>
    int ExtendedStateSize { get; }

    /// <summary>Writes the floating-point and vector state out, for a signal frame.</summary>
    void SaveExtendedState(Span<byte> destination);

    /// <summary>Takes a floating-point and vector state from a guest's memory.</summary>
    /// <returns>False, with nothing changed, when the CPU would refuse it (reserved bits, unknown components).</returns>
    bool TryLoadExtendedState(ReadOnlySpan<byte> source);

    /// <summary>Starts over with the state of a new program (all zero but the control words).</summary>
    void ResetExtendedState();

    /// <summary>Takes the whole state of another thread over, as clone(2) does.</summary>
    void CopyFrom(IGuestContext other);
}
