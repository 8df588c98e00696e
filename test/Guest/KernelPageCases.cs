using Semitone.Abi;
using Semitone.Machine;
using Semitone.Machine.X64;

namespace Semitone.Guest;

/// <summary>What the kernel's own page tables allow: read through the direct map, entry by entry.</summary>
internal static class KernelPageCases
{
    private const int ImageSlot = 511;
    private const ulong DirectMap = 0xFFFF_8000_0000_0000;
    private const ulong DirectMapEnd = 0xFFFF_FF00_0000_0000;
    private const ulong ImageStart = 0xFFFF_FFFF_8000_0000;
    private const int KernelSlots = (int)(Paging.UserEnd >> 39);

    internal static readonly (string Name, Action<X64Machine> Body)[] All =
    [
        ("KernelPages_AreNeverWritableAndExecutable", FindWritableCode),
        ("KernelPages_AreNeverTheGuests", FindUserBits),
        ("KernelConstantsAndCode_HaveNoWritableAlias", FindAliases),
        ("KernelCode_IsInTheImageOnly", FindStrayCode),
        ("LowAddresses_AreUnmappedInTheKernelsTables", FindLowMappings),
        ("GuestTables_ShareTheKernelsSlotsAndNothingElse", CompareSlots),
        ("ExecutableMemory_IsNotToBeHad", AskForExecutableMemory),
        ("DirectMap_LeavesDevicesOut", FindDevicesInTheDirectMap),
    ];

    private static void FindWritableCode(X64Machine machine)
    {
        foreach (KernelMapping mapping in KernelPageWalk.Walk(machine))
        {
            Check.True(!mapping.IsWritable || !mapping.IsExecutable, $"{mapping} is writable and executable");
        }
    }

    private static void FindUserBits(X64Machine machine)
    {
        foreach (KernelMapping mapping in KernelPageWalk.Walk(machine))
        {
            Check.True(!mapping.HasUserBit, $"{mapping} has the user bit on some level");
        }
    }

    private static void FindAliases(X64Machine machine)
    {
        HashSet<ulong> readOnly = [];
        foreach (KernelMapping mapping in KernelPageWalk.Walk(machine))
        {
            if (mapping.Address >= ImageStart && !mapping.IsWritable)
            {
                Check.Equal((ulong)Paging.PageSize, mapping.Size, "the size of an image page");
                readOnly.Add(mapping.Physical);
            }
        }

        Check.True(readOnly.Count > 100, $"only {readOnly.Count} pages of code and constants were found");
        foreach (KernelMapping mapping in KernelPageWalk.Walk(machine))
        {
            if (!mapping.IsWritable)
            {
                continue;
            }

            if (mapping.Size == Paging.PageSize)
            {
                Check.True(!readOnly.Contains(mapping.Physical), $"{mapping} is a writable alias of code or constants");
                continue;
            }

            foreach (ulong page in readOnly)
            {
                Check.True(page < mapping.Physical
                    || page >= mapping.Physical + mapping.Size, $"{mapping} is a writable alias of code or constants");
            }
        }
    }

    private static void FindStrayCode(X64Machine machine)
    {
        ulong pages = 0;
        foreach (KernelMapping mapping in KernelPageWalk.Walk(machine))
        {
            if (mapping.IsExecutable)
            {
                Check.True(mapping.Address >= ImageStart, $"{mapping} is executable and no part of the image");
                pages++;
            }
        }

        Check.True(pages > 100, $"only {pages} pages of code were found");
    }

    private static void FindLowMappings(X64Machine machine)
    {
        ReadOnlySpan<ulong> root = KernelPageWalk.ReadTable(machine, machine.KernelRoot);
        Check.Equal(-1, root[..KernelSlots].IndexOfAnyExcept(0UL), "the first low slot in use");
    }

    private static void CompareSlots(X64Machine machine)
    {
        Check.True(machine.TryCreatePageTable(out IPageTable? table), "no page table");
        using (table)
        {
            ReadOnlySpan<ulong> guest = KernelPageWalk.ReadTable(machine, ((PageTable)table!).Root);
            ReadOnlySpan<ulong> kernel = KernelPageWalk.ReadTable(machine, machine.KernelRoot);
            Check.Equal(-1, guest[..KernelSlots].IndexOfAnyExcept(0UL), "the first slot in use of an empty address space");
            Check.True(guest[KernelSlots..].SequenceEqual(kernel[KernelSlots..]), "the kernel's slots differ");
            Check.True(kernel[ImageSlot] != 0, "the image has no slot");
        }
    }

    /// <summary>Where devices lie, a cached mapping is one too many: the screen of a PC, the I/O APIC, the local APIC.</summary>
    private static void FindDevicesInTheDirectMap(X64Machine machine)
    {
        ulong mapped = 0;
        foreach (KernelMapping mapping in KernelPageWalk.Walk(machine))
        {
            if (mapping.Address is < DirectMap or >= DirectMapEnd)
            {
                continue;
            }

            mapped += mapping.Size;
            foreach (ulong device in (ulong[])[0xA_0000, 0xFEC0_0000, 0xFEE0_0000])
            {
                Check.True(device < mapping.Physical || device >= mapping.Physical + mapping.Size, $"{mapping} is that of a device");
            }
        }

        Check.True(mapped >= (ulong)machine.Frames.TotalCount * Paging.PageSize, $"only {mapped} bytes are mapped");
    }

    /// <summary>
    /// The kernel runs the code that it was linked with: Metal gives nobody, not even the runtime, a page to write code into.
    /// </summary>
    private static void AskForExecutableMemory(X64Machine machine)
    {
        nint pages = CLibrary.MapMemory(0, Paging.PageSize, CLibrary.Read | CLibrary.Write, CLibrary.PrivateAnonymous, -1, 0);
        Check.True(pages > 0, "no memory");
        Check.Equal(-1, CLibrary.ProtectMemory(pages, Paging.PageSize, CLibrary.Read | CLibrary.Execute), "mprotect(2) to code");
        Check.Equal(
            -1,
            CLibrary.MapMemory(0, Paging.PageSize, CLibrary.Read | CLibrary.Write | CLibrary.Execute, CLibrary.PrivateAnonymous, -1, 0),
            "mmap(2) of code");
        FindWritableCode(machine);
        Check.Equal(0, CLibrary.UnmapMemory(pages, Paging.PageSize), "munmap(2)");
    }
}
