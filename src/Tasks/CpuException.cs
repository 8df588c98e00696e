namespace Semitone.Tasks;

/// <summary>Vectors of the CPU's exceptions (Intel SDM Vol. 3A, table 6-1).</summary>
internal static class CpuException
{
    public const byte DivideError = 0;
    public const byte Debug = 1;
    public const byte Breakpoint = 3;
    public const byte Overflow = 4;
    public const byte Bound = 5;
    public const byte InvalidOpcode = 6;
    public const byte StackSegment = 12;
    public const byte GeneralProtection = 13;
    public const byte PageFault = 14;
    public const byte FloatingPoint = 16;
    public const byte AlignmentCheck = 17;
    public const byte SimdFloatingPoint = 19;
}
