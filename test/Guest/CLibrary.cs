using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Semitone.Guest;

/// <summary>Functions of the C library in the image: system calls of the runtime's, which Metal serves.</summary>
[SuppressMessage("Interoperability", "SYSLIB1054", Justification = "Blittable calls need no generated marshalling.")]
internal static class CLibrary
{
    internal const int Read = 1;
    internal const int Write = 2;
    internal const int Execute = 4;
    internal const int PrivateAnonymous = 0x22;

    [DllImport("libc", EntryPoint = "mmap")]
    internal static extern nint MapMemory(nint hint, nint length, int protection, int flags, int descriptor, long offset);

    [DllImport("libc", EntryPoint = "munmap")]
    internal static extern int UnmapMemory(nint address, nint length);

    [DllImport("libc", EntryPoint = "mprotect")]
    internal static extern int ProtectMemory(nint address, nint length, int protection);

    [DllImport("libc", EntryPoint = "madvise")]
    internal static extern int AdviseMemory(nint address, nint length, int advice);
}
