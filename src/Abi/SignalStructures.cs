using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Semitone.Abi;

/// <summary>A signal's action as the kernel takes it (rt_sigaction in sigaction(2), "C library/kernel differences").</summary>
[StructLayout(LayoutKind.Sequential)]
public struct Sigaction
{
    [Trace(TraceFormat.Address)]
    public ulong sa_handler;
    public SigactionFlags sa_flags;
    [Trace(TraceFormat.Address)]
    public ulong sa_restorer;
    public SignalSet sa_mask;
}

/// <summary>An alternate signal stack (sigaltstack(2)).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct StackT
{
    [Trace(TraceFormat.Address)]
    public ulong ss_sp;
    public StackFlags ss_flags;
    private readonly int _padding;
    public ulong ss_size;
}

/// <summary>
/// What is known about a signal (sigaction(2), "The siginfo_t argument to a SA_SIGINFO handler"). Fields share memory as in C.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 128)]
public struct SigInfo
{
    [FieldOffset(0)]
    public Signal si_signo;
    [FieldOffset(4)]
    [Trace(TraceFormat.Hidden)]
    public int si_errno;
    [FieldOffset(8)]
    public int si_code;

    // kill, sigqueue, SIGCHLD
    [FieldOffset(16)]
    [Trace(TraceFormat.Pid)]
    public int si_pid;
    [FieldOffset(20)]
    [Trace(TraceFormat.Hidden)]
    public uint si_uid;
    [FieldOffset(24)]
    [Trace(TraceFormat.Hidden)]
    public int si_status;
    [FieldOffset(32)]
    [Trace(TraceFormat.Hidden)]
    public long si_utime;
    [FieldOffset(40)]
    [Trace(TraceFormat.Hidden)]
    public long si_stime;

    /// <summary>The value of sigqueue(3) and of timers.</summary>
    [FieldOffset(24)]
    [Trace(TraceFormat.Hidden)]
    public ulong si_value;

    // POSIX timers
    [FieldOffset(16)]
    [Trace(TraceFormat.Hidden)]
    public int si_timerid;
    [FieldOffset(20)]
    [Trace(TraceFormat.Hidden)]
    public int si_overrun;

    // SIGILL, SIGFPE, SIGSEGV, SIGBUS, SIGTRAP
    [FieldOffset(16)]
    [Trace(TraceFormat.Hidden)]
    public ulong si_addr;
    [FieldOffset(24)]
    [Trace(TraceFormat.Hidden)]
    public short si_addr_lsb;

    // SIGIO
    [FieldOffset(16)]
    [Trace(TraceFormat.Hidden)]
    public long si_band;
    [FieldOffset(24)]
    [Trace(TraceFormat.Hidden)]
    public int si_fd;

    // SIGSYS
    [FieldOffset(16)]
    [Trace(TraceFormat.Hidden)]
    public ulong si_call_addr;
    [FieldOffset(24)]
    [Trace(TraceFormat.Hidden)]
    public int si_syscall;
    [FieldOffset(28)]
    [Trace(TraceFormat.Hidden)]
    public uint si_arch;
}

/// <summary>The registers in a signal frame (struct sigcontext).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct SigContext
{
    public ulong r8;
    public ulong r9;
    public ulong r10;
    public ulong r11;
    public ulong r12;
    public ulong r13;
    public ulong r14;
    public ulong r15;
    public ulong di;
    public ulong si;
    public ulong bp;
    public ulong bx;
    public ulong dx;
    public ulong ax;
    public ulong cx;
    public ulong sp;
    public ulong ip;
    public ulong flags;
    public ushort cs;
    public ushort gs;
    public ushort fs;
    public ushort ss;
    public ulong err;
    public ulong trapno;
    public ulong oldmask;
    public ulong cr2;

    /// <summary>Address of the floating-point state in the frame, or 0.</summary>
    public ulong fpstate;
    private readonly Reserved _reserved;

    [InlineArray(8)]
    private struct Reserved
    {
        private ulong _element;
    }
}

/// <summary>The state that a signal handler interrupted, as the kernel lays it out (struct ucontext).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct UContext
{
    /// <summary>The frame holds XSAVE state, not only FXSAVE state.</summary>
    public const ulong UC_FP_XSTATE = 1;

    /// <summary>The frame holds SS, and sigreturn restores it.</summary>
    public const ulong UC_SIGCONTEXT_SS = 2;
    public const ulong UC_STRICT_RESTORE_SS = 4;

    public ulong uc_flags;
    public ulong uc_link;
    public StackT uc_stack;
    public SigContext uc_mcontext;
    public SignalSet uc_sigmask;
}

/// <summary>What the kernel pushes on a program's stack before a handler runs (struct rt_sigframe).</summary>
/// <remarks>At the handler's first instruction RSP points at <see cref="pretcode"/>, and RSP + 8 is a multiple of 16.</remarks>
[StructLayout(LayoutKind.Sequential)]
public struct RtSigFrame
{
    /// <summary>Where the handler returns to: sa_restorer, which calls rt_sigreturn(2).</summary>
    public ulong pretcode;
    public UContext uc;
    public SigInfo info;
}

/// <summary>
/// What the kernel writes into the reserved bytes of FXSAVE state (offset 464) to say that XSAVE state follows (struct _fpx_sw_bytes).
/// </summary>
[StructLayout(LayoutKind.Sequential)]
public struct FpxSwBytes
{
    public const uint FP_XSTATE_MAGIC1 = 0x4650_5853;

    /// <summary>Stands right after the XSAVE state.</summary>
    public const uint FP_XSTATE_MAGIC2 = 0x4650_5845;

    /// <summary>Where the structure lies in the FXSAVE state.</summary>
    public const int Offset = 464;

    public uint magic1;
    public uint extended_size;
    public ulong xfeatures;
    public uint xstate_size;
    private readonly Padding _padding;

    [InlineArray(7)]
    private struct Padding
    {
        private uint _element;
    }
}
