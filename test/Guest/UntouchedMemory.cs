using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Semitone.Guest;

/// <summary>Memory of the kernel's whose pages are not there before somebody touches them.</summary>
internal sealed class UntouchedMemory : IDisposable
{
    private const int DontNeed = 4;
    private readonly int _size;
    private readonly nint _address;

    internal UntouchedMemory(int size)
    {
        _size = size;
        _address = CLibrary.MapMemory(0, size, CLibrary.Read | CLibrary.Write, CLibrary.PrivateAnonymous, -1, 0);
        Check.True(_address > 0, "no memory");
    }

    internal Span<byte> Bytes => MemoryMarshal.CreateSpan(ref Unsafe.AddByteOffset(ref Unsafe.NullRef<byte>(), _address), _size);

    public void Dispose() => Check.Equal(0, CLibrary.UnmapMemory(_address, _size), "munmap(2)");

    /// <summary>Makes the memory as it was when it was made.</summary>
    internal void Discard() => Check.Equal(0, CLibrary.AdviseMemory(_address, _size, DontNeed), "madvise(2)");
}
