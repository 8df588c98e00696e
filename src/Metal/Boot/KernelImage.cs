using Semitone.Metal.Cpu;
using Semitone.Metal.Memory;

namespace Semitone.Metal.Boot;

/// <summary>
/// The managed kernel inside the boot image: a static ELF executable for a fixed address, mapped where it lies without copying.
/// </summary>
/// <remarks>
/// The linker gives every segment pages of its own (-z separate-loadable-segments), so a page of the file is a page of memory.
/// </remarks>
// SAFETY: the image was linked into this one and is mapped whole by the direct map; its headers are our own linker's.
internal static unsafe class KernelImage
{
    private const uint Load = 1;
    private const uint ProgramHeaderTable = 6;
    private const uint WritableFlag = 2;
    private const uint ExecutableFlag = 1;
    private const uint RelocatedReadOnly = 0x6474_E552; // PT_GNU_RELRO: a segment of its own, as lld links
    private const uint HeaderSize = 56;

    private static ulong s_relocatedReadOnly;
    private static ulong s_codeStart;
    private static ulong s_codeEnd;

    internal static ulong EntryPoint { get; private set; }

    internal static ulong ProgramHeaders { get; private set; }

    internal static ulong ProgramHeaderCount { get; private set; }

    private static byte* FirstHeader => (byte*)Frames.ToPointer(PhysicalStart) + *(ulong*)((byte*)Frames.ToPointer(PhysicalStart) + 32);

    private static ulong PhysicalStart => Symbols.KernelImage() - Layout.ImageBase;

    /// <summary>Physical address of the first page of the kernel's data.</summary>
    internal static ulong DataStart { get; private set; }

    /// <summary>Physical address behind the last page of the kernel's data.</summary>
    internal static ulong DataEnd { get; private set; }

    /// <summary>Whether an address lies in the kernel's code.</summary>
    internal static bool IsCode(ulong address) => address >= s_codeStart && address < s_codeEnd;

    /// <summary>Reads the headers: what the C library's start-up wants to know, and what may be written.</summary>
    internal static void Read()
    {
        ulong start = PhysicalStart;
        byte* file = (byte*)Frames.ToPointer(start);
        if (*(uint*)file != 0x464C_457F || *(ushort*)(file + 16) != 2)
        {
            Panic.Die("the boot image holds no kernel");
        }

        EntryPoint = *(ulong*)(file + 24);
        ProgramHeaderCount = *(ushort*)(file + 56);
        byte* header = FirstHeader;
        for (ulong i = 0; i < ProgramHeaderCount; i++, header += HeaderSize)
        {
            uint type = *(uint*)header;
            if (type == ProgramHeaderTable)
            {
                ProgramHeaders = *(ulong*)(header + 16);
            }
            else if (type == RelocatedReadOnly)
            {
                s_relocatedReadOnly = *(ulong*)(header + 16);
            }
            else if (type == Load && (*(uint*)(header + 4) & WritableFlag) != 0)
            {
                // The last one counts: what is read-only after relocation comes first.
                DataStart = (start + *(ulong*)(header + 8)) & ~(Layout.PageSize - 1);
                DataEnd = (start + *(ulong*)(header + 8) + *(ulong*)(header + 32) + Layout.PageSize - 1) & ~(Layout.PageSize - 1);
            }
        }
    }

    /// <summary>Maps the segments.</summary>
    internal static void Map()
    {
        byte* header = FirstHeader;
        for (ulong i = 0; i < ProgramHeaderCount; i++, header += HeaderSize)
        {
            if (*(uint*)header != Load)
            {
                continue;
            }

            ulong address = *(ulong*)(header + 16);
            uint flags = *(uint*)(header + 4);
            if ((flags & ExecutableFlag) != 0)
            {
                // The linker may make several segments of code; nothing else lies between them.
                s_codeStart = s_codeStart == 0 ? address : s_codeStart;
                s_codeEnd = address + *(ulong*)(header + 40);
            }

            if (address == s_relocatedReadOnly)
            {
                flags &= ~WritableFlag; // nothing is relocated in an executable for a fixed address
            }

            MapSegment(PhysicalStart + *(ulong*)(header + 8), address, *(ulong*)(header + 32), *(ulong*)(header + 40), flags);
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
            ulong count = (0 - fileEnd) & (Layout.PageSize - 1);
            for (; count % sizeof(ulong) != 0; count--)
            {
                *rest++ = 0;
            }

            for (; count != 0; count -= sizeof(ulong), rest += sizeof(ulong))
            {
                *(ulong*)rest = 0;
            }
        }

        ulong entryFlags = RuntimeMemory.ToEntryFlags(protection) | PageTables.Global;
        ulong page = address & ~(Layout.PageSize - 1);
        physical &= ~(Layout.PageSize - 1);
        RuntimeMemory.AddFixed(page, memoryEnd, protection);
        PageTables.MapRange(page, fileEnd, physical, entryFlags);
    }
}
