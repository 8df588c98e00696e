using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Semitone.Abi;
using Semitone.Machine;
using Semitone.Machine.X64;

namespace Semitone.Guest;

/// <summary>The machine's memory as a whole: what the boot loader left, all of it used up, and nobody's memory given out twice.</summary>
internal static class MemoryCases
{
    private const ulong Base = 0x4000_0000_0000;
    private const int BlockSize = 64 * 1024;

    /// <summary>
    /// Every so many frames one is written to: enough to find a hole in a memory map, and few enough for the host's memory.
    /// </summary>
    private const int SampleDistance = 509;

    /// <summary>Giving a frame back touches it: of a large machine that would make the host find all its memory.</summary>
    private const long MostGivenBack = 1L << 16;

    internal static readonly (string Name, Action<X64Machine> Body)[] All =
    [
        ("InitialRamDisk_IsWhole", SumInitialRamDisk),
        ("Copy_ThroughBuffersNeverTouched_IsWhole", CopyUntouched),
        ("ManagedHeap_RunningOut_IsAnException", ExhaustHeap),
        ("Frames_RunningOut_IsFalseAndTheKernelGoesOn", ExhaustFrames), // the last: a large machine does not get its memory back
    ];

    /// <summary>
    /// The command line says <c>initrd=LENGTH:SUM</c>, where SUM is that of all bytes, each times its offset plus one, in 64 bits.
    /// </summary>
    private static void SumInitialRamDisk(X64Machine machine)
    {
        PhysicalRange initrd = machine.Boot.InitialRamDisk;
        if (!TestRun.TryGetOption(machine, "initrd", out string? option))
        {
            Check.Equal(0L, initrd.Length, "bytes of an initrd that nobody gave");
            return;
        }

        string[] parts = option!.Split(':');
        Check.Equal(long.Parse(parts[0], CultureInfo.InvariantCulture), initrd.Length, "bytes");
        ulong sum = 0;
        long position = 0;
        long index = 0;
        byte[] page = new byte[Paging.PageSize];
        int offset = initrd.Offset;
        while (position < initrd.Length)
        {
            machine.Frames.Read(initrd[index++], 0, page);
            ReadOnlySpan<byte> bytes = page.AsSpan(offset);
            offset = 0;
            for (int i = 0; i < bytes.Length && position < initrd.Length; i++)
            {
                sum += bytes[i] * (ulong)++position;
            }
        }

        Check.Equal(ulong.Parse(parts[1], CultureInfo.InvariantCulture), sum, "the sum");
    }

    /// <summary>The kernel's own pages come on first touch, and that touch may be in the middle of a copy from or to a guest.</summary>
    private static void CopyUntouched(X64Machine machine)
    {
        const int Size = 128 * 1024;
        Check.True(machine.TryCreatePageTable(out IPageTable? table), "no page table");
        using (table)
        {
            Frame[] frames = new Frame[Size / Paging.PageSize];
            for (int i = 0; i < frames.Length; i++)
            {
                Check.True(machine.Frames.TryAllocateZeroed(out frames[i]), "no frame");
                Check.True(table!.TryMap(Base + (ulong)i * Paging.PageSize, frames[i], PageAccess.Read | PageAccess.Write), "not mapped");
            }

            // Blocks, words and bytes each meet a page that is not there yet.
            foreach (int size in (int[])[Size, Paging.PageSize * 3 - 60, Paging.PageSize * 2 + 8, Paging.PageSize + 1])
            {
                using UntouchedMemory memory = new(Size);
                Check.Equal(size, table!.CopyFromGuest(Base, memory.Bytes[..size]), "bytes read");
                memory.Discard();
                Check.Equal(size, table.CopyToGuest(Base, memory.Bytes[..size]), "bytes written");
            }

            foreach (Frame frame in frames)
            {
                machine.Frames.Release(frame);
            }
        }
    }

    private static void ExhaustHeap(X64Machine machine)
    {
        long blocks = FillHeap();
        GC.Collect();
        Check.True(blocks > 0, "there was no end of memory");

        // As much can be had again, but not in large arrays: the collector keeps the regions of small objects for small objects.
        Check.True(FillHeap() > blocks / 2, "the memory was lost");
        GC.Collect();
    }

    /// <summary>Makes arrays until there is no memory for another; none is held when it returns.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long FillHeap()
    {
        List<byte[]> blocks = [];
        try
        {
            while (true)
            {
                blocks.Add(new byte[BlockSize]);
            }
        }
        catch (OutOfMemoryException)
        {
            return blocks.Count;
        }
    }

    private static void ExhaustFrames(X64Machine machine)
    {
        Check.True(machine.TryCreatePageTable(out IPageTable? table), "no page table");
        Check.True(machine.Frames.TryAllocate(out Frame spare), "no frame");

        // The table is not on the managed heap, which may be too small for it; and its own pages must be there before memory is scarce.
        using UntouchedMemory memory = new((int)(machine.Frames.FreeCount + 1) * sizeof(uint));
        Span<Frame> room = MemoryMarshal.Cast<byte, Frame>(memory.Bytes);
        int count = 0;
        room.Clear();
        while (machine.Frames.TryAllocate(out room[count]))
        {
            count++;
        }

        Span<Frame> taken = room[..count];

        Check.True(!machine.Frames.TryAllocateZeroed(out _), "a frame of zeros when there was none");
        Check.True(!machine.TryCreatePageTable(out _), "a page table when there was no memory");
        Check.True(!machine.TryCreateContext(out _), "a context when there was no memory");
        Check.True(!table!.TryMap(Base, spare, PageAccess.Read), "a page mapped when there was no memory for a table");
        Check.Equal(0, table.CopyFromGuest(Base, new byte[8]), "bytes read of a page that was not mapped");
        CheckDistinct(machine, taken);

        // The kernel itself goes on: it was left a little.
        Check.Equal(16 * 1024, Encoding.UTF8.GetString(new byte[16 * 1024]).Length, "a string made without memory for guests");
        GC.Collect();
        if (count <= MostGivenBack)
        {
            foreach (Frame frame in taken)
            {
                machine.Frames.Release(frame);
            }

            Check.True(table.TryMap(Base, spare, PageAccess.Read), "not mapped when there was memory again");
        }

        table.Unmap(Base, Base + Paging.PageSize);
        table.Dispose();
        machine.Frames.Release(spare);
    }

    private static void CheckDistinct(X64Machine machine, Span<Frame> taken)
    {
        PhysicalRange initrd = machine.Boot.InitialRamDisk;
        uint initrdStart = initrd.FrameCount == 0 ? 0 : initrd[0].Number;
        uint initrdEnd = initrdStart + (uint)initrd.FrameCount;
        taken.Sort((a, b) => a.Number.CompareTo(b.Number));
        for (int i = 0; i < taken.Length; i++)
        {
            uint number = taken[i].Number;
            Check.True(number != 0 && number < machine.FrameTable.Limit, $"frame {number} beyond the limit");
            Check.True(i == 0 || number != taken[i - 1].Number, $"frame {number} given out twice");
            Check.True(initrd.Length == 0 || number < initrdStart || number >= initrdEnd, $"frame {number} of the initrd given out");
            if (IsSample(taken, i))
            {
                MemoryMarshal.Write(machine.GetPage(taken[i]), number);
            }
        }

        for (int i = 0; i < taken.Length; i++)
        {
            if (IsSample(taken, i))
            {
                Check.Equal(taken[i].Number, MemoryMarshal.Read<uint>(machine.GetPage(taken[i])), "what a frame holds");
            }
        }
    }

    /// <summary>Whether a frame is to be written to: some of all, and those at the ends of the ranges of memory.</summary>
    private static bool IsSample(ReadOnlySpan<Frame> sorted, int i) =>
        i % SampleDistance == 0
            || i == sorted.Length - 1
            || sorted[i + 1].Number != sorted[i].Number + 1
            || sorted[i - 1].Number != sorted[i].Number - 1;
}
