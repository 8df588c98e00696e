using System.Runtime.InteropServices;

namespace Semitone.Abi;

/// <summary>Flags of a word in futex_waitv(2).</summary>
[Flags]
public enum Futex2Flags : uint
{
    None = 0,
    FUTEX2_SIZE_U32 = 2,
    FUTEX2_SIZE_MASK = 3,
    FUTEX2_PRIVATE = 128,
}

/// <summary>One of the words that futex_waitv(2) waits at.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FutexWaitv
{
    public ulong val;
    [Trace(TraceFormat.Address)]
    public ulong uaddr;
    public Futex2Flags flags;
    [Trace(TraceFormat.Hidden)]
    public uint __reserved;
}
