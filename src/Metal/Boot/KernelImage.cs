using Semitone.Metal.Cpu;
using Semitone.Metal.Memory;

namespace Semitone.Metal.Boot;

/// <summary>The managed kernel inside the boot image: a static ELF executable for a fixed address, mapped where it lies without copying.</summary>
/// <remarks>The linker gives every segment pages of its own (-z separate-loadable-segments), so a page of the file is a page of memory.</remarks>
// SAFETY: the image was linked into this one and is mapped whole by the direct map; its headers are our own linker's.
internal static unsafe class KernelImage
{
    private const uint Load = 1;
    private const uint ProgramHeaderTable = 6;
    private const uint WritableFlag = 2;
    private const uint ExecutableFlag = 1;

    internal static ulong EntryPoint { get; private set; }

    internal static ulong ProgramHeaders { get; private set; }

    internal static ulong ProgramHeaderCount { get; private set; }

    private static ulong PhysicalStart => Symbols.KernelImage() - Layout.ImageBase;

    /// <summary>Whether a physical page belongs to a writable segment of the kernel.</summary>
    internal static bool IsWritablePage(ulong physical)
    {
        ulong start = PhysicalStart;
        if (physical < start || physical >= Symbols.KernelImageEnd() - Layout.ImageBase)
        {
            return false;
        }

        ulong offset = physical - start;
        byte* file = (byte*)Frames.ToPointer(start);
        int count = *(ushort*)(file + 56);
        byte* header = file + *(ulong*)(file + 32);
        for (int i = 0; i < count; i++, header += 56)
        {
            ulong fileOffset = *(ulong*)(header + 8) & ~(Layout.PageSize - 1);
            ulong fileEnd = *(ulong*)(header + 8) + *(ulong*)(header + 32);
            if (*(uint*)header == Load && offset >= fileOffset && offset < fileEnd)
            {
                return (*(uint*)(header + 4) & WritableFlag) != 0;
            }
        }

        return true;
    }

    /// <summary>Maps the segments and remembers what the C library's start-up wants to know.</summary>
    internal static void Map()
    {
        ulong start = PhysicalStart;
        byte* file = (byte*)Frames.ToPointer(start);
        if (*(uint*)file != 0x464C_457F || *(ushort*)(file + 16) != 2)
        {
            Panic.Die("the boot image holds no kernel");
        }

        EntryPoint = *(ulong*)(file + 24);
        ProgramHeaderCount = *(ushort*)(file + 56);
        byte* header = file + *(ulong*)(file + 32);
        for (ulong i = 0; i < ProgramHeaderCount; i++, header += 56)
        {
            uint type = *(uint*)header;
            uint flags = *(uint*)(header + 4);
            ulong offset = *(ulong*)(header + 8);
            ulong address = *(ulong*)(header + 16);
            ulong fileSize = *(ulong*)(header + 32);
            ulong memorySize = *(ulong*)(header + 40);
            if (type == ProgramHeaderTable)
            {
                ProgramHeaders = address;
            }
            else if (type == Load)
            {
                MapSegment(start + offset, address, fileSize, memorySize, flags);
            }
        }
    }

    private static void MapSegment(ulong physical, ulong address, ulong fileSize, ulong memorySize, uint flags)
    {
        if ((physical & (Layout.PageSize - 1)) != (address & (Layout.PageSize - 1)))
        {
            Panic.Die("the kernel's segments are not aligned to pages");
        }

        uint protection = RuntimeMemory.Read
            | ((flags & WritableFlag) != 0 ? RuntimeMemory.Write : 0)
            | ((flags & ExecutableFlag) != 0 ? RuntimeMemory.Execute : 0);
        ulong fileEnd = address + fileSize;
        ulong memoryEnd = (address + memorySize + Layout.PageSize - 1) & ~(Layout.PageSize - 1);

        // The rest of the last file page is the beginning of .bss; what follows in the file must not show there.
        if (memorySize > fileSize)
        {
            byte* rest = (byte*)Frames.ToPointer(physical + fileSize);
            for (ulong i = fileEnd; (i & (Layout.PageSize - 1)) != 0; i++)
            {
                *rest++ = 0;
            }
        }

        ulong entryFlags = RuntimeMemory.ToEntryFlags(protection) | PageTables.Global;
        ulong page = address & ~(Layout.PageSize - 1);
        physical &= ~(Layout.PageSize - 1);
        RuntimeMemory.AddFixed(page, memoryEnd, protection);
        for (; page < fileEnd; page += Layout.PageSize, physical += Layout.PageSize)
        {
            PageTables.Map(page, physical, entryFlags);
        }
    }
}
