using System.Runtime.InteropServices;

namespace Semitone.Cli.Posix;

/// <summary>
/// Memory of mmap(2): private pages of zeros, or what a descriptor shares with us. Every access is checked against its length.
/// </summary>
internal sealed class MappedMemory : SafeBuffer
{
    private MappedMemory(nint address, nuint length)
        : base(ownsHandle: true)
    {
        SetHandle(address);
        Initialize(length);
    }

    /// <summary>The address at which it begins, for a system call that is told where memory lies.</summary>
    public ulong Address => (ulong)handle;

    /// <summary>Maps zeros.</summary>
    /// <returns>Null when there is no memory; errno says why.</returns>
    public static MappedMemory? CreatePrivate(nuint length) => Map(length, LibC.MAP_PRIVATE | LibC.MAP_ANONYMOUS, -1);

    /// <summary>Maps what lies behind a descriptor.</summary>
    /// <returns>Null when that cannot be; errno says why.</returns>
    public static MappedMemory? Share(int descriptor, nuint length) => Map(length, LibC.MAP_SHARED, descriptor);

    protected override bool ReleaseHandle() => LibC.munmap(handle, (nuint)ByteLength) == 0;

    private static MappedMemory? Map(nuint length, int flags, int descriptor)
    {
        nint address = LibC.mmap(0, length, LibC.PROT_READ | LibC.PROT_WRITE, flags, descriptor, 0);
        return address == -1 ? null : new MappedMemory(address, length);
    }
}
