using System.Runtime.InteropServices;
using Semitone.Abi;
using Semitone.Machine;
using Semitone.Machine.X64;

namespace Semitone.Guest;

/// <summary>
/// What a bug above the machine may try with frames, page tables and contexts: each is refused, and nothing of the kernel's is reached.
/// </summary>
internal static class FrameCases
{
    private const ulong Base = 0x4000_0000_0000;

    /// <summary>Every so many of the kernel's frames one is tried in every way: a throw is slow.</summary>
    private const int SampleDistance = 257;

    internal static readonly (string Name, Action<X64Machine> Body)[] All =
    [
        ("Frames_OfTheKernel_AreRefused", RefuseKernelFrames),
        ("Frames_OfPageTablesAndContexts_AreRefused", RefuseOwnFrames),
        ("Frames_ThatWereFreed_AreRefused", RefuseFreed),
        ("Release_OfAMappedFrame_KeepsItUntilItIsUnmapped", KeepMapped),
        ("Frames_BytesBeyondTheEnd_AreRefused", RefuseBeyond),
        ("PageTable_AddressesOfTheKernel_AreRefused", RefuseKernelAddresses),
        ("PageTable_Disposed_MapsAndCopiesNothing", RefuseDisposed),
        ("Registers_OfADisposedContext_BecomeNobodyElses", KeepRetired),
        ("GsBase_NotCanonical_IsRefused", RefuseGsBase),
    ];

    /// <summary>A number read as a frame: what no constructor allows, but reinterpreted bytes do.</summary>
    private static Frame Forge(ulong number) => MemoryMarshal.Cast<uint, Frame>([(uint)number])[0];

    /// <summary>
    /// The image, the heap, all stacks and the tables of all that: whatever the kernel maps anywhere but in the direct map.
    /// </summary>
    private static void RefuseKernelFrames(X64Machine machine)
    {
        const ulong DirectMap = 0xFFFF_8000_0000_0000;
        const ulong DeviceMap = 0xFFFF_FF00_0000_0000;
        using IPageTable table = Make(machine);
        int count = 0;
        foreach (KernelMapping mapping in KernelPageWalk.Walk(machine).Where(mapping => mapping.Address is < DirectMap or >= DeviceMap))
        {
            uint number = (uint)(mapping.Physical >> Paging.PageShift);
            if (number >= machine.FrameTable.Limit)
            {
                continue; // a device
            }

            Check.Equal(0, machine.FrameTable[number], $"the word of {mapping}");
            if (count++ % SampleDistance == 0)
            {
                CheckUseless(machine, table, Forge(number), mapping.ToString());
            }
        }

        Check.True(count > 100, "the kernel has hardly any pages");
        foreach (ulong number in (ulong[])[0, machine.KernelRoot >> Paging.PageShift, machine.FrameTable.Limit, 0xFEE00, uint.MaxValue])
        {
            CheckUseless(machine, table, Forge(number), $"frame 0x{number:x}");
        }
    }

    private static void RefuseOwnFrames(X64Machine machine)
    {
        using IPageTable table = Make(machine);
        Check.True(machine.TryCreateContext(out IGuestContext? context), "no context");
        using (context)
        {
            Check.True(machine.Frames.TryAllocateZeroed(out Frame frame) && table.TryMap(Base, frame, PageAccess.Read), "not mapped");
            int own = 0;
            for (uint number = 0; number < machine.FrameTable.Limit; number++)
            {
                if (machine.FrameTable[number] < 0)
                {
                    own++;
                    CheckUseless(machine, table, Forge(number), "a frame of the machine");
                }
            }

            // Four levels of tables, and a context.
            Check.True(own >= 5, $"only {own} frames are the machine's own");
            machine.Frames.Release(frame);
        }
    }

    private static void RefuseFreed(X64Machine machine)
    {
        using IPageTable table = Make(machine);
        Check.True(machine.Frames.TryAllocate(out Frame frame), "no frame");
        long used = machine.Frames.UsedCount;
        machine.Frames.Release(frame);
        Check.Equal(used - 1, machine.Frames.UsedCount, "frames in use");
        CheckUseless(machine, table, frame, "a freed frame");
        Check.Equal(used - 1, machine.Frames.UsedCount, "frames in use afterwards");
    }

    private static void KeepMapped(X64Machine machine)
    {
        using IPageTable table = Make(machine);
        Check.True(machine.Frames.TryAllocateZeroed(out Frame frame), "no frame");
        Check.True(machine.Frames.TryAllocateZeroed(out Frame other), "no frame");
        Check.True(table.TryMap(Base, frame, PageAccess.Read | PageAccess.Write), "not mapped");
        Check.True(!machine.Frames.IsExclusive(frame), "a frame with a reference and a mapping is exclusive");
        machine.Frames.Release(frame);
        Check.True(machine.Frames.IsExclusive(frame), "a frame that is mapped once is not exclusive");
        MustThrow<InvalidOperationException>(() => machine.Frames.Release(frame), "a second release");
        Check.Equal(1, table.CopyToGuest(Base, [42]), "bytes written");
        byte[] seen = new byte[1];
        machine.Frames.Read(frame, 0, seen);
        Check.Equal((byte)42, seen[0], "the byte");
        Check.True(table.TryMap(Base, other, PageAccess.Read), "not replaced");
        CheckUseless(machine, table, frame, "a frame that was replaced");
        Check.Equal(1L, table.MappedCount, "pages mapped");
        machine.Frames.Release(other);
        Check.Equal(1L, table.Unmap(Base, Base + Paging.PageSize), "pages removed");
        CheckUseless(machine, table, other, "a frame that was unmapped");
    }

    private static void RefuseBeyond(X64Machine machine)
    {
        using IPageTable table = Make(machine);
        Check.True(machine.Frames.TryAllocateZeroed(out Frame frame), "no frame");
        foreach ((int offset, int count) in ((int, int)[])[
            (-1, 1), (0, 4097), (4096, 1), (4095, 2), (int.MaxValue, 4096), (int.MinValue, 16), (16, -1)
        ])
        {
            byte[] buffer = new byte[Math.Max(count, 0)];
            if (count >= 0)
            {
                MustThrow<ArgumentOutOfRangeException>(() => machine.Frames.Read(frame, offset, buffer), "read");
                MustThrow<ArgumentOutOfRangeException>(() => machine.Frames.Write(frame, offset, buffer), "write");
            }

            MustThrow<ArgumentOutOfRangeException>(() => machine.Frames.Clear(frame, offset, count), "clear");
            MustThrow<ArgumentOutOfRangeException>(() => machine.Frames.Copy(frame, offset, frame, 0, count), "copy from");
            MustThrow<ArgumentOutOfRangeException>(() => machine.Frames.Copy(frame, 0, frame, offset, count), "copy to");
            MustThrow<ArgumentOutOfRangeException>(() => table.CopyFromGuest(Base, frame, offset, count), "copy from a guest");
            MustThrow<ArgumentOutOfRangeException>(() => table.CopyToGuest(Base, frame, offset, count), "copy to a guest");
        }

        machine.Frames.Release(frame);
    }

    private static void RefuseKernelAddresses(X64Machine machine)
    {
        using IPageTable table = Make(machine);
        Check.True(machine.Frames.TryAllocateZeroed(out Frame frame), "no frame");
        foreach (ulong address in (ulong[])[
            0, Paging.UserEnd, 0x7F90_0000_0000, 0xFFFF_8000_0000_0000, 0xFFFF_FFFF_9000_0000, 0x8000_0000_0000
        ])
        {
            MustThrow<ArgumentOutOfRangeException>(() => table.TryMap(address, frame, PageAccess.Read), "mapped");
            Check.True(!table.TryGet(address, out _), "found");
        }

        // None of these may find, change or free anything of the kernel's.
        Check.True(!table.TryFindMapped(Paging.UserEnd - (1UL << 30), ulong.MaxValue & ~Paging.PageMask, out _, out _), "something found");
        Check.Equal(0L, table.Unmap(Paging.UserEnd - (1UL << 30), ulong.MaxValue & ~Paging.PageMask), "pages removed");
        table.Protect(Paging.UserEnd, ulong.MaxValue & ~Paging.PageMask, PageAccess.None);
        table.WriteProtect(Paging.UserEnd, ulong.MaxValue & ~Paging.PageMask);
        table.FreeTables(Paging.UserEnd, ulong.MaxValue & ~Paging.PageMask, 0, ulong.MaxValue);
        table.FreeTables(0, ulong.MaxValue & ~Paging.PageMask, 0, ulong.MaxValue);
        Check.True(table.TryMap(Base, frame, PageAccess.Read), "not mapped");
        machine.Frames.Release(frame);
    }

    private static void RefuseDisposed(X64Machine machine)
    {
        IPageTable table = Make(machine);
        Check.True(machine.Frames.TryAllocateZeroed(out Frame frame)
            && table.TryMap(Base, frame, PageAccess.Read | PageAccess.Write), "not mapped");
        Check.True(machine.Frames.TryAddReference(frame), "no reference");
        machine.Frames.Release(frame);
        table.Dispose();
        table.Dispose();
        Check.True(machine.Frames.IsExclusive(frame), "the table left its mapping behind");
        Check.Equal(0, table.CopyToGuest(Base, new byte[8]), "bytes written");
        Check.Equal(0, table.CopyFromGuest(Base, new byte[8]), "bytes read");
        Check.True(!table.TryLoad(Base, out _) && !table.TryGet(Base, out _) && table.Unmap(0, Paging.UserEnd) == 0, "something is left");
        table.Protect(0, Paging.UserEnd, PageAccess.Read);
        table.FreeTables(0, Paging.UserEnd, 0, Paging.UserEnd);
        MustThrow<ObjectDisposedException>(() => table.TryMap(Base, frame, PageAccess.Read), "mapped");
        machine.Frames.Release(frame);

        // A guest that is run in it finds nothing to run.
        Check.True(machine.TryCreateContext(out IGuestContext? context), "no context");
        context!.Registers.Rip = Base;
        context.Registers.Rflags = 0x202;
        TrapKind kind;
        do
        {
            kind = machine.Cpu.Run(context, table);
        }
        while (kind == TrapKind.Interrupt);
        Check.True(kind == TrapKind.PageFault, $"the guest stopped for {kind}");
        context.Dispose();
    }

    private static void KeepRetired(X64Machine machine)
    {
        Check.True(machine.TryCreateContext(out IGuestContext? context), "no context");
        ref GuestRegisters registers = ref context!.Registers;
        context.Dispose();
        context.Dispose();
        Frame[] taken = new Frame[64];
        foreach (ref Frame frame in taken.AsSpan())
        {
            Check.True(machine.Frames.TryAllocateZeroed(out frame), "no frame");
        }

        registers.R15 = 0x1234_5678_9ABC_DEF0;
        byte[] word = new byte[sizeof(ulong)];
        foreach (Frame frame in taken)
        {
            machine.Frames.Read(frame, 15 * sizeof(ulong), word);
            Check.Equal(0UL, BitConverter.ToUInt64(word), "what a frame holds");
            machine.Frames.Release(frame);
        }
    }

    private static void RefuseGsBase(X64Machine machine)
    {
        Check.True(machine.TryCreateContext(out IGuestContext? context), "no context");
        using (context)
        {
            context!.GsBase = 0xFFFF_8000_0000_0000;
            MustThrow<ArgumentOutOfRangeException>(() => context.GsBase = 0x8000_0000_0000, "set");
            Check.Equal(0xFFFF_8000_0000_0000, context.GsBase, "the base");
        }
    }

    private static IPageTable Make(X64Machine machine)
    {
        Check.True(machine.TryCreatePageTable(out IPageTable? table), "no page table");
        return table!;
    }

    private static void CheckUseless(X64Machine machine, IPageTable table, Frame frame, string what)
    {
        byte[] buffer = new byte[1];
        MustThrow<InvalidOperationException>(() => machine.Frames.Release(frame), $"release of {what}");
        MustThrow<InvalidOperationException>(() => machine.Frames.TryAddReference(frame), $"reference to {what}");
        MustThrow<InvalidOperationException>(() => machine.Frames.IsExclusive(frame), $"look at {what}");
        MustThrow<InvalidOperationException>(() => machine.Frames.Read(frame, 0, buffer), $"read of {what}");
        MustThrow<InvalidOperationException>(() => machine.Frames.Write(frame, 0, buffer), $"write of {what}");
        MustThrow<InvalidOperationException>(() => machine.Frames.Clear(frame, 0, 1), $"clear of {what}");
        MustThrow<InvalidOperationException>(() => machine.Frames.Copy(frame, 0, frame, 0, 1), $"copy of {what}");
        MustThrow<InvalidOperationException>(() => table.TryMap(Base + (1UL << 30), frame, PageAccess.Read), $"map of {what}");
        MustThrow<InvalidOperationException>(() => table.CopyFromGuest(Base, frame, 0, 1), $"copy to {what}");
        MustThrow<InvalidOperationException>(() => table.CopyToGuest(Base, frame, 0, 1), $"copy from {what}");
    }

    private static void MustThrow<T>(Action action, string what)
        where T : Exception
    {
        try
        {
            action();
        }
        catch (T)
        {
            return;
        }

        Check.True(false, $"{what} was not refused");
    }
}
