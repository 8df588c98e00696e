using Semitone.Abi;
using Semitone.Machine;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>The text files of /proc/PID that tell of its memory, mapping by mapping.</summary>
internal static class ProcessMemoryText
{
    private const int NameColumn = 73;
    private const int KibPerPage = Paging.PageSize / 1024;

    /// <summary>maps: a line for each mapping.</summary>
    public static void WriteMaps(AddressSpace space, TextBuilder text)
    {
        foreach (Vma vma in space.Vmas)
        {
            WriteMapping(space, vma, text);
        }
    }

    /// <summary>smaps: that line, and what is behind the mapping.</summary>
    public static void WriteSmaps(AddressSpace space, TextBuilder text)
    {
        foreach (Vma vma in space.Vmas)
        {
            MemoryUse use = space.Measure(vma);
            WriteMapping(space, vma, text);
            Line(text, "Size:"u8, (long)(vma.Length / 1024));
            Line(text, "KernelPageSize:"u8, KibPerPage);
            Line(text, "MMUPageSize:"u8, KibPerPage);
            WriteUse(text, in use, isSum: false);

            // There are no huge pages.
            text.Append("THPeligible:           0\nVmFlags:"u8);
            WriteFlags(text, vma);
            text.Append(" \n"u8);
        }
    }

    /// <summary>smaps_rollup: the sum of all.</summary>
    public static void WriteRollup(AddressSpace space, TextBuilder text)
    {
        MemoryUse sum = default;
        foreach (Vma vma in space.Vmas)
        {
            MemoryUse use = space.Measure(vma);
            sum.Add(in use);
        }

        int start = text.Length;
        ReadOnlySpan<Vma> vmas = space.Vmas;
        text.AppendHex(vmas.Length == 0 ? 0 : vmas[0].Start, 8).Append('-').AppendHex(vmas.Length == 0 ? 0 : vmas[^1].End, 8)
            .Append(" ---p 00000000 00:00 0 "u8).PadLine(start, NameColumn).Append("[rollup]\n"u8);
        WriteUse(text, in sum, isSum: true);
    }

    /// <summary>numa_maps (numa(7)): there is one node, number 0, and nobody has a policy.</summary>
    public static void WriteNodes(AddressSpace space, TextBuilder text)
    {
        foreach (Vma vma in space.Vmas)
        {
            MemoryUse use = space.Measure(vma);
            text.AppendHex(vma.Start, 8).Append(" default"u8);
            if (vma.Object?.File is { } file)
            {
                text.Append(" file="u8).Append(file.Path);
            }
            else if (space.IsHeap(vma))
            {
                text.Append(" heap"u8);
            }
            else if (space.IsStack(vma))
            {
                text.Append(" stack"u8);
            }

            long dirty = use.PrivateDirty + use.SharedDirty;
            Count(text, " anon="u8, use.Own);
            Count(text, " dirty="u8, dirty);
            Count(text, " mapped="u8, use.Resident != use.Own && use.Resident != dirty ? use.Resident : 0);
            Count(text, " mapmax="u8, use.MaxMapCount > 1 ? use.MaxMapCount : 0);
            Count(text, " N0="u8, use.Resident);
            text.Append(use.Resident == 0 ? "\n"u8 : " kernelpagesize_kB=4\n"u8);
        }
    }

    private static void WriteMapping(AddressSpace space, Vma vma, TextBuilder text)
    {
        int start = text.Length;
        text.AppendHex(vma.Start, 8).Append('-').AppendHex(vma.End, 8).Append(' ');
        text.Append((vma.Access & PageAccess.Read) != 0 ? 'r' : '-').Append((vma.Access & PageAccess.Write) != 0 ? 'w' : '-')
            .Append((vma.Access & PageAccess.Execute) != 0 ? 'x' : '-').Append(vma.IsShared ? 's' : 'p').Append(' ');
        IMappedFile? file = vma.Object?.File;
        DeviceNumber device = (file as Inode)?.FileSystem.Device ?? default;
        text.AppendHex(vma.ObjectOffset, 8).Append(' ').AppendHex(device.Major, 2).Append(':').AppendHex(device.Minor, 2).Append(' ')
            .Append(file?.InodeNumber ?? 0);
        string name = file?.Path ?? (space.IsHeap(vma) ? "[heap]" : space.IsStack(vma) ? "[stack]" : string.Empty);
        if (name.Length != 0)
        {
            text.PadLine(start, NameColumn).Append(name);
        }

        text.Append('\n');
    }

    private static void WriteUse(TextBuilder text, in MemoryUse use, bool isSum)
    {
        Line(text, "Rss:"u8, use.Resident * KibPerPage);
        Line(text, "Pss:"u8, use.ShareBytes / 1024);
        Line(text, "Pss_Dirty:"u8, use.DirtyShareBytes / 1024);
        if (isSum)
        {
            Line(text, "Pss_Anon:"u8, use.OwnShareBytes / 1024);
            Line(text, "Pss_File:"u8, use.FileShareBytes / 1024);
            Line(text, "Pss_Shmem:"u8, use.SharedMemoryShareBytes / 1024);
        }

        Line(text, "Shared_Clean:"u8, use.SharedClean * KibPerPage);
        Line(text, "Shared_Dirty:"u8, use.SharedDirty * KibPerPage);
        Line(text, "Private_Clean:"u8, use.PrivateClean * KibPerPage);
        Line(text, "Private_Dirty:"u8, use.PrivateDirty * KibPerPage);

        // A page comes by being touched, or next to one that is, and nothing ages: as on Linux without memory pressure.
        Line(text, "Referenced:"u8, use.Resident * KibPerPage);
        Line(text, "Anonymous:"u8, use.Own * KibPerPage);

        // No merged, lazily freed or huge pages, and no swap.
        foreach (string name in (ReadOnlySpan<string>)
            [
                "KSM:", "LazyFree:", "AnonHugePages:", "ShmemPmdMapped:", "FilePmdMapped:", "Shared_Hugetlb:", "Private_Hugetlb:", "Swap:",
                "SwapPss:"
            ])
        {
            int start = text.Length;
            text.Append(name).PadLine(start, NumberColumn).AppendPadded(0, NumberWidth).Append(" kB\n"u8);
        }

        Line(text, "Locked:"u8, use.LockedBytes / 1024);
    }

    private const int NumberColumn = 16;
    private const int NumberWidth = 8;

    private static void Line(TextBuilder text, ReadOnlySpan<byte> name, long kib)
    {
        int start = text.Length;
        text.Append(name).PadLine(start, NumberColumn).AppendPadded(kib, NumberWidth).Append(" kB\n"u8);
    }

    private static void Count(TextBuilder text, ReadOnlySpan<byte> name, long pages)
    {
        if (pages != 0)
        {
            text.Append(name).Append(pages);
        }
    }

    /// <summary>Writes what is special about a mapping, in the letters of proc(5).</summary>
    private static void WriteFlags(TextBuilder text, Vma vma)
    {
        Flag(vma.Access, PageAccess.Read, " rd"u8);
        Flag(vma.Access, PageAccess.Write, " wr"u8);
        Flag(vma.Access, PageAccess.Execute, " ex"u8);
        text.Append(vma.IsShared ? " sh"u8 : default);
        Flag(vma.MaxAccess, PageAccess.Read, " mr"u8);
        Flag(vma.MaxAccess, PageAccess.Write, " mw"u8);
        Flag(vma.MaxAccess, PageAccess.Execute, " me"u8);
        text.Append(vma.IsShared ? " ms"u8 : default);
        text.Append((vma.Flags & VmaFlags.GrowsDown) != 0 ? " gd"u8 : default);
        text.Append((vma.Flags & VmaFlags.Locked) != 0 ? " lo"u8 : default);
        text.Append((vma.Flags & VmaFlags.DontFork) != 0 ? " dc"u8 : default);

        // Accounted for: writable, of its own, and not excepted.
        bool isAccounted = !vma.IsShared && (vma.Access & PageAccess.Write) != 0 && (vma.Flags & VmaFlags.NoReserve) == 0;
        text.Append(isAccounted ? " ac"u8 : default);
        text.Append((vma.Flags & VmaFlags.NoReserve) != 0 ? " nr"u8 : default);
        text.Append((vma.Flags & VmaFlags.WipeOnFork) != 0 ? " wf"u8 : default);

        void Flag(PageAccess access, PageAccess flag, ReadOnlySpan<byte> letters) => text.Append((access & flag) != 0 ? letters : default);
    }
}
