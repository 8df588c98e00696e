using System.Runtime.InteropServices;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Machine;

namespace Semitone.Memory;

/// <summary>The only door to a guest's bytes.</summary>
/// <remarks>Addresses come from the guest and are not trusted: those of the kernel, non-canonical ones and unmapped ones yield EFAULT.
/// Pages that are mapped but not there are brought in. Read every value once: another thread of the guest may change it.</remarks>
public sealed partial class UserMemory
{
    /// <summary>The longest path, NUL included (limits.h).</summary>
    public const int PathMax = 4096;

    /// <summary>The most segments that readv(2) takes.</summary>
    public const int IoVecMax = 1024;

    /// <summary>The longest single string that execve(2) takes: 32 pages, NUL included.</summary>
    public const int MaxArgumentLength = 32 * Paging.PageSize;

    private const int FirstStringChunk = 64;

    private static readonly byte[] s_zeroPage = new byte[Paging.PageSize];

    private readonly AddressSpace _space;
    private readonly IPageTable _pageTable;

    internal UserMemory(AddressSpace space, IPageTable pageTable)
    {
        _space = space;
        _pageTable = pageTable;
    }

    /// <summary>The address space that this is the door to.</summary>
    public AddressSpace Space => _space;

    /// <summary>Reads a value.</summary>
    /// <returns>False is EFAULT.</returns>
    public bool TryRead<T>(UserPtr<T> pointer, out T value)
        where T : unmanaged
    {
        value = default;
        Span<byte> bytes = MemoryMarshal.AsBytes(new Span<T>(ref value));
        return CopyIn(pointer.Address, bytes) == bytes.Length;
    }

    /// <summary>Reads an array.</summary>
    /// <returns>False is EFAULT.</returns>
    public bool TryRead<T>(UserPtr<T> pointer, Span<T> values)
        where T : unmanaged
    {
        Span<byte> bytes = MemoryMarshal.AsBytes(values);
        return CopyIn(pointer.Address, bytes) == bytes.Length;
    }

    /// <summary>Writes a value.</summary>
    /// <returns>False is EFAULT.</returns>
    public bool TryWrite<T>(UserPtr<T> pointer, T value)
        where T : unmanaged
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<T>(ref value));
        return CopyOut(pointer.Address, bytes) == bytes.Length || TryPutOff(pointer.Address, bytes);
    }

    /// <summary>Writes a large value without copying it first.</summary>
    /// <returns>False is EFAULT.</returns>
    public bool TryWriteFrom<T>(UserPtr<T> pointer, ref readonly T value)
        where T : unmanaged
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value));
        return CopyOut(pointer.Address, bytes) == bytes.Length || TryPutOff(pointer.Address, bytes);
    }

    /// <summary>Writes an array.</summary>
    /// <returns>False is EFAULT.</returns>
    public bool TryWrite<T>(UserPtr<T> pointer, ReadOnlySpan<T> values)
        where T : unmanaged
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(values);
        return CopyOut(pointer.Address, bytes) == bytes.Length || TryPutOff(pointer.Address, bytes);
    }

    /// <summary>Copies from the guest, as far as it goes.</summary>
    /// <returns>Bytes copied; fewer than asked for is EFAULT at the next one.</returns>
    public int CopyIn(ulong address, Span<byte> destination)
    {
        int done = _pageTable.CopyFromGuest(address, destination);
        return done == destination.Length ? done : CopyInSlowly(address, destination, done);
    }

    /// <summary>Copies to the guest, as far as it goes.</summary>
    /// <returns>Bytes copied; fewer than asked for is EFAULT at the next one.</returns>
    public int CopyOut(ulong address, ReadOnlySpan<byte> source)
    {
        int done = _pageTable.CopyToGuest(address, source);
        return done == source.Length ? done : CopyOutSlowly(address, source, done);
    }

    /// <summary>Copies from the guest into a frame, as far as it goes.</summary>
    /// <returns>Bytes copied; fewer than asked for is EFAULT at the next one.</returns>
    public int CopyIn(ulong address, Frame destination, int offset, int count)
    {
        int done = _pageTable.CopyFromGuest(address, destination, offset, count);
        return done == count ? done : CopyInSlowly(address, destination, offset, count, done);
    }

    /// <summary>Copies to the guest from a frame, as far as it goes.</summary>
    /// <returns>Bytes copied; fewer than asked for is EFAULT at the next one.</returns>
    public int CopyOut(ulong address, Frame source, int offset, int count)
    {
        int done = _pageTable.CopyToGuest(address, source, offset, count);
        return done == count ? done : CopyOutSlowly(address, source, offset, count, done);
    }

    /// <summary>Writes zeros, as far as it goes.</summary>
    /// <returns>Bytes written; fewer than asked for is EFAULT at the next one.</returns>
    public long Zero(ulong address, long count) =>
        count <= Paging.PageSize ? CopyOut(address, s_zeroPage.AsSpan(0, (int)count)) : ZeroPages(address, count);

    /// <summary>Reads a NUL-terminated string.</summary>
    /// <param name="text">Where it is.</param>
    /// <param name="buffer">Takes the string; the NUL must fit in.</param>
    /// <param name="length">Bytes before the NUL.</param>
    /// <returns>None, EFAULT, or ENAMETOOLONG when the buffer ends before the string does.</returns>
    public Errno ReadCString(UserCString text, Span<byte> buffer, out int length)
    {
        ulong address = text.Address;
        int done = 0;
        int chunk = FirstStringChunk;
        while (done < buffer.Length)
        {
            // Never touch a page that the string does not reach.
            int toPageEnd = Paging.PageSize - (int)(address & Paging.PageMask);
            int wanted = Math.Min(Math.Min(chunk, toPageEnd), buffer.Length - done);
            Span<byte> piece = buffer.Slice(done, wanted);
            int moved = CopyIn(address, piece);
            int end = piece.Slice(0, moved).IndexOf((byte)0);
            if (end >= 0)
            {
                length = done + end;
                return Errno.None;
            }

            if (moved < wanted)
            {
                length = 0;
                return Errno.EFAULT;
            }

            done += moved;
            address += (ulong)moved;
            chunk = Paging.PageSize;
        }

        length = 0;
        return Errno.ENAMETOOLONG;
    }

    /// <summary>Reads a path into the caller's buffer of <see cref="PathMax"/> bytes.</summary>
    /// <returns>None, EFAULT or ENAMETOOLONG. An empty path is the caller's to judge.</returns>
    public Errno ReadPath(UserCString path, byte[] buffer, out ReadOnlySpan<byte> result)
    {
        Errno error = ReadCString(path, buffer.AsSpan(0, PathMax), out int length);
        result = buffer.AsSpan(0, length);
        return error;
    }

    /// <summary>Reads a null-terminated array of strings: the arguments or the environment of execve(2).</summary>
    /// <param name="array">Null means an empty array, as Linux has it.</param>
    /// <param name="budget">Bytes that strings and pointers may still take; what this array took is subtracted.</param>
    /// <param name="strings">The strings, without their NULs.</param>
    /// <returns>None, EFAULT, E2BIG, or ENOMEM when the kernel has no room for the strings.</returns>
    public Errno ReadStringArray(UserPtr<ulong> array, ref long budget, out byte[][] strings)
    {
        strings = [];
        if (array.IsNull)
        {
            return Errno.None;
        }

        List<byte[]> found = [];
        ulong position = array.Address;
        while (true)
        {
            if (!TryRead(new UserPtr<ulong>(position), out ulong pointer))
            {
                return Errno.EFAULT;
            }

            if (pointer == 0)
            {
                strings = [.. found];
                return Errno.None;
            }

            if (!KernelHeap.HasRoom())
            {
                return Errno.ENOMEM;
            }

            Errno error = ReadArgument(pointer, ref budget, out byte[] text);
            if (error != Errno.None)
            {
                return error;
            }

            found.Add(text);
            position += sizeof(ulong);
        }
    }

    /// <summary>Reads and checks an iovec array (readv(2)).</summary>
    /// <param name="vector">The array of (address, length) pairs.</param>
    /// <param name="count">How many pairs.</param>
    /// <param name="segments">Reused from call to call; belongs to the cursor until the transfer is over. Grows where it must.</param>
    /// <param name="cursor">A cursor over the segments, at most <see cref="IoCursor.MaxTransfer"/> bytes.</param>
    /// <returns>None, EINVAL for too many segments or a length that is negative as ssize_t, EFAULT, or ENOMEM.</returns>
    public Errno ImportIoVec(ulong vector, nuint count, ref UserSpan[]? segments, out IoCursor cursor)
    {
        cursor = default;
        if (count > IoVecMax)
        {
            return Errno.EINVAL;
        }

        int number = (int)count;
        if (segments is null || segments.Length < number)
        {
            const int SegmentSize = 16;
            if (!KernelHeap.TryAllocate(Math.Max(8, number), SegmentSize, out UserSpan[]? longer))
            {
                return Errno.ENOMEM;
            }

            segments = longer;
        }

        // A UserSpan is laid out as struct iovec is: an address and a length.
        if (!TryRead(new UserPtr<UserSpan>(vector), segments.AsSpan(0, number)))
        {
            return Errno.EFAULT;
        }

        long total = 0;
        for (int i = 0; i < number; i++)
        {
            ref UserSpan segment = ref segments[i];
            if ((long)segment.Length < 0)
            {
                return Errno.EINVAL;
            }

            if (segment.Address > Paging.UserEnd || segment.Length > Paging.UserEnd - segment.Address)
            {
                return Errno.EFAULT;
            }

            if (segment.Length > (nuint)(IoCursor.MaxTransfer - total))
            {
                segment = new UserSpan(segment.Address, (nuint)(IoCursor.MaxTransfer - total));
            }

            total += (long)segment.Length;
        }

        cursor = IoCursor.OverSegments(this, segments, total);
        return Errno.None;
    }

    /// <summary>Reads a naturally aligned word in one access, paging it in: the word of a futex(2).</summary>
    /// <returns>False is EFAULT.</returns>
    public bool TryLoad(ulong address, out uint value)
    {
        if (address >= Paging.UserEnd || (address & 3) != 0)
        {
            value = 0;
            return false;
        }

        return _pageTable.TryLoad(address, out value)
            || (TryResolve(address, PageAccess.Read) && _pageTable.TryLoad(address, out value));
    }

    /// <summary>Compares and exchanges a naturally aligned word as one locked access, paging it in.</summary>
    /// <returns>False is EFAULT.</returns>
    public bool TryCompareExchange(ulong address, uint expected, uint desired, out uint observed)
    {
        if (address >= Paging.UserEnd || (address & 3) != 0)
        {
            observed = 0;
            return false;
        }

        return _pageTable.TryCompareExchange(address, expected, desired, out observed)
            || (TryResolve(address, PageAccess.Write) && _pageTable.TryCompareExchange(address, expected, desired, out observed));
    }

    private long ZeroPages(ulong address, long count)
    {
        long done = 0;
        while (done < count)
        {
            ReadOnlySpan<byte> zeros = s_zeroPage.AsSpan(0, (int)Math.Min(count - done, s_zeroPage.Length));
            int moved = CopyOut(address + (ulong)done, zeros);
            done += moved;
            if (moved < zeros.Length)
            {
                break;
            }
        }

        return done;
    }

    private Errno ReadArgument(ulong address, ref long budget, out byte[] text)
    {
        text = [];
        byte[] buffer = _space.ScratchPage;
        int length = 0;
        while (true)
        {
            Errno error = ReadCString(new UserCString(address), buffer, out int found);
            if (error == Errno.EFAULT)
            {
                return error;
            }

            bool isLast = error == Errno.None;
            int piece = isLast ? found : buffer.Length;
            budget -= piece;
            if (budget < sizeof(ulong) + 1 || length + piece >= MaxArgumentLength)
            {
                return Errno.E2BIG;
            }

            if (piece > 0)
            {
                Array.Resize(ref text, length + piece);
                buffer.AsSpan(0, piece).CopyTo(text.AsSpan(length));
            }

            length += piece;
            address += (ulong)piece;
            if (isLast)
            {
                budget -= sizeof(ulong) + 1;
                return Errno.None;
            }
        }
    }

    /// <summary>Brings a page in that the machine's copy stopped at.</summary>
    private bool TryResolve(ulong address, PageAccess access)
    {
        FaultResult result = _space.HandleFault(address, access);
        if (result == FaultResult.OutOfMemory)
        {
            // Else the call fails with EFAULT, which no program expects of a good pointer: pages of files go, or somebody has to.
            _space.WhenMemoryRunsOut?.Invoke();
            result = _space.HandleFault(address, access);
        }

        if (result is FaultResult.Resolved or FaultResult.Unchanged)
        {
            return true;
        }

        if (result != FaultResult.MustWait)
        {
            _space.ForgetLack();
        }

        return false;
    }

    private int CopyInSlowly(ulong address, Span<byte> destination, int done)
    {
        while (true)
        {
            if (!TryResolve(address + (ulong)done, PageAccess.Read))
            {
                return done;
            }

            int moved = _pageTable.CopyFromGuest(address + (ulong)done, destination.Slice(done));
            done += moved;
            if (done == destination.Length || moved == 0)
            {
                return done;
            }
        }
    }

    private int CopyOutSlowly(ulong address, ReadOnlySpan<byte> source, int done)
    {
        while (true)
        {
            if (!TryResolve(address + (ulong)done, PageAccess.Write))
            {
                return done;
            }

            int moved = _pageTable.CopyToGuest(address + (ulong)done, source.Slice(done));
            done += moved;
            if (done == source.Length || moved == 0)
            {
                return done;
            }
        }
    }

    private int CopyInSlowly(ulong address, Frame destination, int offset, int count, int done)
    {
        while (done < count && TryResolve(address + (ulong)done, PageAccess.Read))
        {
            int moved = _pageTable.CopyFromGuest(address + (ulong)done, destination, offset + done, count - done);
            if (moved == 0)
            {
                break;
            }

            done += moved;
        }

        return done;
    }

    private int CopyOutSlowly(ulong address, Frame source, int offset, int count, int done)
    {
        while (done < count && TryResolve(address + (ulong)done, PageAccess.Write))
        {
            int moved = _pageTable.CopyToGuest(address + (ulong)done, source, offset + done, count - done);
            if (moved == 0)
            {
                break;
            }

            done += moved;
        }

        return done;
    }
}
