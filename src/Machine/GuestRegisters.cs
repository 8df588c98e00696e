using System.Runtime.InteropServices;

namespace Semitone.Machine;

/// <summary>The integer registers of a guest thread while it is not running.</summary>
/// <remarks>Metal's assembly stores and loads this layout; a test compares the offsets.
/// A system call leaves its number in <see cref="Rax"/>, and in <see cref="OrigRax"/> for a restart.</remarks>
[StructLayout(LayoutKind.Sequential)]
public struct GuestRegisters
{
    public ulong Rax;
    public ulong Rbx;
    public ulong Rcx;
    public ulong Rdx;
    public ulong Rsi;
    public ulong Rdi;
    public ulong Rbp;
    public ulong Rsp;
    public ulong R8;
    public ulong R9;
    public ulong R10;
    public ulong R11;
    public ulong R12;
    public ulong R13;
    public ulong R14;
    public ulong R15;
    public ulong Rip;
    public ulong Rflags;
    public ulong FsBase;
    public ulong OrigRax;
}
