using System.Runtime.InteropServices;

namespace Semitone.Abi;

/// <summary>Flags of signalfd4(2).</summary>
[Flags]
public enum SignalfdFlags : uint
{
    None = 0,
    SFD_NONBLOCK = 0x800,
    SFD_CLOEXEC = 0x8_0000,
}

/// <summary>What reading from a descriptor of signalfd(2) gives for each signal. What a signal does not say is 0.</summary>
[StructLayout(LayoutKind.Sequential, Size = Length)]
public struct SignalfdSiginfo
{
    public const int Length = 128;

    public Signal ssi_signo;
    public int ssi_errno;
    public int ssi_code;
    public int ssi_pid;
    public uint ssi_uid;
    public int ssi_fd;
    public int ssi_tid;
    public uint ssi_band;
    public int ssi_overrun;
    public uint ssi_trapno;
    public int ssi_status;
    public int ssi_int;
    public ulong ssi_ptr;
    public long ssi_utime;
    public long ssi_stime;
    public ulong ssi_addr;
    public short ssi_addr_lsb;
    private readonly ushort _padding;
    public int ssi_syscall;
    public ulong ssi_call_addr;
    public uint ssi_arch;
}
