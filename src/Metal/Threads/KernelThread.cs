using System.Runtime.InteropServices;

namespace Semitone.Metal.Threads;

/// <summary>The integer registers of ring 0 as asm/traps.S stores them (KR_*).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct KernelRegisters
{
    internal ulong R15;
    internal ulong R14;
    internal ulong R13;
    internal ulong R12;
    internal ulong R11;
    internal ulong R10;
    internal ulong R9;
    internal ulong R8;
    internal ulong Rbp;
    internal ulong Rdi;
    internal ulong Rsi;
    internal ulong Rdx;
    internal ulong Rcx;
    internal ulong Rbx;
    internal ulong Rax;
    internal ulong Vector;
    internal ulong Error;
    internal ulong Rip;
    internal ulong Cs;
    internal ulong Rflags;
    internal ulong Rsp;
    internal ulong Ss;
}

internal enum ThreadState
{
    Unused,
    Ready,

    /// <summary>In futex(FUTEX_WAIT) on <see cref="KernelThread.FutexAddress"/>.</summary>
    WaitingForFutex,

    /// <summary>In nanosleep.</summary>
    Sleeping,

    /// <summary>The executor, with no guest to run.</summary>
    Idle,
}

/// <summary>A thread of the managed runtime, in ring 0. There are a handful, and they switch only where they wait.</summary>
[StructLayout(LayoutKind.Sequential)]
// SAFETY: a layout of plain values; each instance has a page frame of its own.
internal unsafe struct KernelThread
{
    internal KernelRegisters Registers;
    internal ulong FsBase;
    private ulong _padding;
    internal fixed byte Xmm[256];
    internal uint Mxcsr;

    internal ThreadState State;
    internal int Id;

    /// <summary>When a wait ends by itself, in TSC ticks; <see cref="ulong.MaxValue"/> for never.</summary>
    internal ulong DeadlineTicks;
    internal ulong FutexAddress;

    /// <summary>Cleared and woken when the thread ends (clone(2), CLONE_CHILD_CLEARTID).</summary>
    internal ulong ClearChildTid;

    /// <summary>Signals that are held back, and those that wait for it; bit n-1 for signal n.</summary>
    internal ulong SignalMask;
    internal ulong PendingSignals;
}
