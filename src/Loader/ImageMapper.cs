using Semitone.Abi;
using Semitone.Elf;
using Semitone.Machine;
using Semitone.Memory;

namespace Semitone.Loader;

/// <summary>Maps the segments of an ELF file into an address space under construction, to the effect that Linux has.</summary>
internal static class ImageMapper
{
    /// <summary>Maps a file.</summary>
    /// <param name="space">Where to.</param>
    /// <param name="elf">Its headers.</param>
    /// <param name="pages">Its bytes.</param>
    /// <param name="path">What to call it.</param>
    /// <param name="preferredBase">Where a file that may lie anywhere is to lie; 0 leaves it to the address space.</param>
    /// <param name="image">Where it lies.</param>
    /// <returns>None, EINVAL for segments that make no sense, or why they could not be mapped.</returns>
    public static Errno Map(AddressSpace space, ElfFile elf, MemoryObject pages, byte[] path, ulong preferredBase, out LoadedImage? image)
    {
        image = null;
        bool isFixed = elf.Header.Type == ElfFileType.Executable;
        if (!TryMeasure(elf, out Extent extent))
        {
            return Errno.EINVAL;
        }

        // Linux runs such a program, and it faults at its first instruction; a file that may lie anywhere has no place then.
        if (extent.IsEmpty && !isFixed)
        {
            return Errno.EINVAL;
        }

        ulong bias = 0;
        if (!isFixed)
        {
            Errno error = ChooseBias(space, extent, preferredBase, out bias);
            if (error != Errno.None)
            {
                return error;
            }
        }

        // The first segment must not hit the stack; the others then lie where the whole was found to fit, and may share pages.
        MapOptions options = MapOptions.FixedNoReplace;
        foreach (ElfSegment segment in elf.Segments)
        {
            if (segment.Type != ElfSegmentType.Load)
            {
                continue;
            }

            Errno error = MapSegment(space, segment, bias, pages, options);
            if (error != Errno.None)
            {
                return error;
            }

            options = MapOptions.Fixed;
        }

        ulong entry = unchecked(elf.Header.Entry + bias);
        if (entry >= Paging.UserEnd)
        {
            return Errno.EINVAL;
        }

        image = extent.IsEmpty
            ? new LoadedImage(path, 0, 0, 0, entry)
            : new LoadedImage(path, unchecked(extent.Start + bias), unchecked(extent.End + bias), bias, entry);
        return Errno.None;
    }

    /// <summary>Finds out where the program will find its program headers (AT_PHDR).</summary>
    /// <returns>0 when no segment brings them into memory.</returns>
    public static ulong FindProgramHeaders(ElfFile elf, ulong bias)
    {
        ulong offset = elf.Header.ProgramHeaderOffset;
        ulong address = 0;
        foreach (ElfSegment segment in elf.Segments)
        {
            if (segment.Type == ElfSegmentType.Load && offset >= segment.Offset && offset - segment.Offset < segment.FileSize)
            {
                address = unchecked(offset - segment.Offset + segment.VirtualAddress + bias);
            }
        }

        return address;
    }

    /// <summary>Checks all segments and finds out what they cover, in the file's own addresses.</summary>
    /// <returns>False when one is longer in the file than in memory, or leaves the address space, or cannot be mapped by pages.</returns>
    private static bool TryMeasure(ElfFile elf, out Extent extent)
    {
        extent = new Extent(ulong.MaxValue, 0, Paging.PageSize);
        foreach (ElfSegment segment in elf.Segments)
        {
            if (segment.Type != ElfSegmentType.Load)
            {
                continue;
            }

            bool fits = segment.FileSize <= segment.MemorySize
                && segment.MemorySize <= Paging.UserEnd
                && segment.VirtualAddress <= Paging.UserEnd - segment.MemorySize;
            bool isMappable = segment.FileSize == 0
                || (((segment.Offset ^ segment.VirtualAddress) & Paging.PageMask) == 0
                    && segment.Offset <= long.MaxValue - segment.FileSize);
            if (!fits || !isMappable)
            {
                extent = default;
                return false;
            }

            // p_align that is no power of two means nothing, as in Linux.
            bool isAlignment = ulong.IsPow2(segment.Alignment);
            extent = new Extent(
                Math.Min(extent.Start, Paging.RoundDown(segment.VirtualAddress)),
                Math.Max(extent.End, Paging.RoundUp(segment.VirtualAddress + segment.MemorySize)),
                isAlignment ? Math.Max(extent.Alignment, segment.Alignment) : extent.Alignment);
        }

        return true;
    }

    /// <summary>Chooses where a file that may lie anywhere lies: addresses keep their remainder modulo the alignment.</summary>
    private static Errno ChooseBias(AddressSpace space, Extent extent, ulong preferredBase, out ulong bias)
    {
        bias = 0;
        if (preferredBase != 0)
        {
            bias = unchecked(preferredBase - extent.Start) & ~(extent.Alignment - 1);
            return Errno.None;
        }

        // Room to move up to the next aligned address. The room is found by mapping it, and given back for the segments.
        ulong slack = extent.Alignment - Paging.PageSize;
        if (slack > Paging.UserEnd)
        {
            return Errno.ENOMEM;
        }

        var request = new MapRequest { Length = extent.End - extent.Start + slack, Access = PageAccess.None, Flags = VmaFlags.NoReserve };
        Errno error = space.Map(in request, out ulong address);
        if (error != Errno.None)
        {
            return error;
        }

        bias = unchecked(address - extent.Start + (extent.Alignment - 1)) & ~(extent.Alignment - 1);
        return space.Unmap(address, request.Length);
    }

    private static Errno MapSegment(AddressSpace space, in ElfSegment segment, ulong bias, MemoryObject pages, MapOptions options)
    {
        ulong start = unchecked(segment.VirtualAddress + bias);
        ulong fileEnd = unchecked(start + segment.FileSize);
        ulong end = unchecked(start + segment.MemorySize);
        PageAccess access = GetAccess(segment.Flags);
        ulong zeroStart = Paging.RoundDown(start);
        if (segment.FileSize != 0)
        {
            ulong inPage = start & Paging.PageMask;
            var request = new MapRequest
            {
                Address = start - inPage,
                Length = segment.FileSize + inPage,
                Access = access,
                Options = options,
                Object = pages,
                Offset = segment.Offset - inPage,
            };
            Errno error = space.Map(in request, out _);
            if (error != Errno.None)
            {
                return error;
            }

            options = MapOptions.Fixed;
            zeroStart = Paging.RoundUp(fileEnd);
            if (segment.MemorySize > segment.FileSize && !TryZeroTail(space, fileEnd, zeroStart, access))
            {
                return Errno.EFAULT;
            }
        }

        return segment.MemorySize > segment.FileSize && zeroStart < Paging.RoundUp(end)
            ? MapZeros(space, zeroStart, Paging.RoundUp(end), access, options)
            : Errno.None;
    }

    /// <summary>Clears what the file has behind a segment in its last page: the beginning of the BSS.</summary>
    /// <returns>False when the page cannot be written though the program could have.</returns>
    private static bool TryZeroTail(AddressSpace space, ulong start, ulong end, PageAccess access)
    {
        // A segment that cannot be written keeps the file's bytes there: Linux does the same.
        return start == end
            || !access.HasFlag(PageAccess.Write)
            || space.Memory.Zero(start, (long)(end - start)) == (long)(end - start);
    }

    private static Errno MapZeros(AddressSpace space, ulong start, ulong end, PageAccess access, MapOptions options)
    {
        // Writable whatever the segment says, as Linux has it: the pages are the beginning of the heap.
        var request = new MapRequest
        {
            Address = start,
            Length = end - start,
            Access = PageAccess.Read | PageAccess.Write | (access & PageAccess.Execute),
            Options = options,
        };
        return space.Map(in request, out _);
    }

    private static PageAccess GetAccess(ElfSegmentFlags flags)
    {
        PageAccess access = PageAccess.None;
        access |= (flags & ElfSegmentFlags.Read) != 0 ? PageAccess.Read : PageAccess.None;
        access |= (flags & ElfSegmentFlags.Write) != 0 ? PageAccess.Write : PageAccess.None;
        access |= (flags & ElfSegmentFlags.Execute) != 0 ? PageAccess.Execute : PageAccess.None;
        return access;
    }

    /// <summary>What the segments of a file cover.</summary>
    /// <param name="Start">First address, page-aligned; the highest there is when there are no segments.</param>
    /// <param name="End">First address after the last segment, page-aligned.</param>
    /// <param name="Alignment">The largest alignment asked for.</param>
    private readonly record struct Extent(ulong Start, ulong End, ulong Alignment)
    {
        public bool IsEmpty => Start > End;
    }
}
