namespace Semitone.Machine;

/// <summary>Why a guest stopped running.</summary>
public enum TrapKind : byte
{
    SystemCall,

    /// <summary>A page fault: <see cref="Trap.Address"/> and <see cref="Trap.PageFault"/> say which.</summary>
    PageFault,

    /// <summary>Any other exception of the CPU: <see cref="Trap.Vector"/> says which.</summary>
    Exception,

    /// <summary>A device or the timer wants the kernel; the guest did nothing.</summary>
    Interrupt,
}

/// <summary>The error code of a page fault (Intel SDM Vol. 3A, 4.7).</summary>
[Flags]
public enum PageFaultFlags : uint
{
    None = 0,
    Present = 1,
    Write = 2,
    User = 4,
    ReservedBit = 8,
    InstructionFetch = 16,
}

/// <summary>Why a guest stopped running, with what the CPU said about it.</summary>
/// <param name="Vector">The exception's vector (Intel SDM Vol. 3A, table 6-1).</param>
/// <param name="ErrorCode">The exception's error code, 0 where it has none.</param>
/// <param name="Address">CR2 of a page fault.</param>
public readonly record struct Trap(TrapKind Kind, byte Vector, uint ErrorCode, ulong Address)
{
    public PageFaultFlags PageFault => (PageFaultFlags)ErrorCode;

    /// <summary>DR6 of a debug exception (Intel SDM Vol. 3B, 17.2.3), 0 of any other.</summary>
    public uint DebugStatus { get; init; }
}
