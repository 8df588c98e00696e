namespace Semitone.Machine;

/// <summary>What a cache holds (CPUID leaf 4, EAX bits 4 to 0).</summary>
public enum CpuCacheType : byte
{
    None,
    Data,
    Instruction,
    Unified,
}

/// <summary>One cache of the processor, as CPUID describes it.</summary>
/// <param name="Level">1 is next to the core.</param>
/// <param name="LineSize">Bytes of a line.</param>
/// <param name="Partitions">Lines that share a tag.</param>
/// <param name="Id">The same for all processors that share the cache.</param>
public readonly record struct CpuCache(CpuCacheType Type, int Level, int LineSize, int Partitions, int Ways, long Sets, uint Id)
{
    public long Size => Sets * LineSize * Partitions * Ways;
}
