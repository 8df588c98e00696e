using System.Runtime.CompilerServices;
using Semitone.Abi;

namespace Semitone.Machine.X64;

/// <summary>The way to the guest's bytes: by its own addresses, and with its own rights.</summary>
internal sealed unsafe partial class PageTable
{
    public int CopyFromGuest(ulong address, Span<byte> destination)
    {
        int count = Clamp(address, destination.Length);
        _cpu.Activate(Root);

        // SAFETY: the source is below UserEnd, where only guest pages are; a fault there ends the copy, nothing else.
        fixed (byte* to = destination)
        {
            return (int)_door->CopyUser(to, (void*)address, count);
        }
    }

    public int CopyToGuest(ulong address, ReadOnlySpan<byte> source)
    {
        int count = Clamp(address, source.Length);
        _cpu.Activate(Root);

        // SAFETY: as above; CR0.WP makes a page that the guest cannot write fault for the kernel too.
        fixed (byte* from = source)
        {
            return (int)_door->CopyUser((void*)address, from, count);
        }
    }

    public int CopyFromGuest(ulong address, Frame destination, int offset, int count)
    {
        // SAFETY: as above; the other side is untyped memory that stays in use for the length of the call.
        byte* to = _frames.ForWriting(destination.Number, offset, count);
        count = Clamp(address, count);
        _cpu.Activate(Root);
        return (int)_door->CopyUser(to, (void*)address, count);
    }

    public int CopyToGuest(ulong address, Frame source, int offset, int count)
    {
        // SAFETY: as above.
        byte* from = _frames.ForReading(source.Number, offset, count);
        count = Clamp(address, count);
        _cpu.Activate(Root);
        return (int)_door->CopyUser((void*)address, from, count);
    }

    public bool TryLoad(ulong address, out uint value)
    {
        long loaded = -1;
        if (Clamp(address, sizeof(uint)) == sizeof(uint))
        {
            _cpu.Activate(Root);
            loaded = _door->LoadUser32((void*)address);
        }

        value = (uint)loaded;
        return loaded >= 0;
    }

    public bool TryCompareExchange(ulong address, uint expected, uint desired, out uint observed)
    {
        long result = -1;
        if (Clamp(address, sizeof(uint)) == sizeof(uint))
        {
            _cpu.Activate(Root);
            result = _door->CompareExchangeUser32((void*)address, expected, desired);
        }

        observed = (uint)result;
        return result >= 0;
    }

    /// <summary>How much of a guest range lies below <see cref="Paging.UserEnd"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Clamp(ulong address, int length)
    {
        if (address > Paging.UserEnd - (ulong)length)
        {
            length = ClampAtEnd(address, length);
        }

        return length;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int ClampAtEnd(ulong address, int length) =>
        address >= Paging.UserEnd ? 0 : (int)Math.Min((ulong)length, Paging.UserEnd - address);
}
