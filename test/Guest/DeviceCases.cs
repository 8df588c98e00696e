using System.Runtime.InteropServices;
using Semitone.Abi;
using Semitone.Machine;
using Semitone.Machine.X64;

namespace Semitone.Guest;

/// <summary>What a bug in a driver may try with windows, lines and pages for devices: each is refused.</summary>
internal static class DeviceCases
{
    private const ulong NobodysRegisters = 0xFEB0_0000;

    private static readonly ulong[] s_holes = [NobodysRegisters, 0xFED0_0000, 0xE000_0000, 0xA_0000];

    internal static readonly (string Name, Action<X64Machine> Body)[] All =
    [
        ("Registers_WhereMemoryOrAnInterruptControllerIs_AreRefused", RefuseMemory),
        ("Registers_BeyondTheEnd_AreRefused", RefuseBeyond),
        ("DmaPages_AreNoFramesOfAnybody", RefuseAsFrame),
        ("DmaPages_BytesBeyondTheEnd_AreRefused", RefuseBeyondPage),
        ("Inputs_ThatAreNotThere_AreRefused", RefuseInputs),
    ];

    private static void RefuseMemory(X64Machine machine)
    {
        IDeviceAccess devices = machine.Devices;
        Check.True(machine.Frames.TryAllocate(out Frame frame), "no frame");
        ulong memory = (ulong)frame.Number << Paging.PageShift;
        (ulong Address, int Length)[] refused =
        [
            (memory, 4), (memory - 4, 8), (machine.KernelRoot, 4096), (0x10_0000, 4096), (0x10_0000 - 0x1000, 0x1004), // the image
            (0xFEC0_0000, 32), (0xFEC1_0000, 32), (0xFEE0_0000, 4096), (0xFEE0_0300, 4), (0xFEEF_FFFC, 4), (0xFEDF_FFFC, 8),
            (1UL << 52, 4), (ulong.MaxValue - 3, 4), (ulong.MaxValue - 4095, 8192), (NobodysRegisters + 2, 4), (NobodysRegisters, 0),
            (NobodysRegisters, -4), (NobodysRegisters, IRegisterWindow.MaximumLength + 1),
        ];
        foreach ((ulong address, int length) in refused)
        {
            Check.True(!devices.TryMapRegisters(address, length, out _), $"registers at 0x{address:x}, {length} bytes");
        }

        machine.Frames.Release(frame);
    }

    private static void RefuseBeyond(X64Machine machine)
    {
        // Only offsets are tried: no register of whatever is there is touched. A boot loader may say that there is memory.
        IRegisterWindow window = FindWindow(machine);
        foreach (int offset in (int[])[-4, -1, 1, 2, 3, 4, 5, 6, 8, int.MaxValue - 3, int.MinValue])
        {
            CheckThrows(() => window.ReadUInt32(offset), $"4 bytes at {offset}");
            CheckThrows(() => window.WriteUInt32(offset, 0), $"4 bytes at {offset}");
        }

        foreach (int offset in (int[])[-2, -1, 1, 3, 5, 6, int.MaxValue, int.MinValue])
        {
            CheckThrows(() => window.ReadUInt16(offset), $"2 bytes at {offset}");
            CheckThrows(() => window.WriteUInt16(offset, 0), $"2 bytes at {offset}");
        }

        foreach (int offset in (int[])[-1, 6, int.MaxValue, int.MinValue])
        {
            CheckThrows(() => window.ReadByte(offset), $"a byte at {offset}");
            CheckThrows(() => window.WriteByte(offset, 0), $"a byte at {offset}");
        }
    }

    private static IRegisterWindow FindWindow(X64Machine machine)
    {
        foreach (ulong hole in s_holes)
        {
            if (machine.Devices.TryMapRegisters(hole, 6, out IRegisterWindow? window))
            {
                return window;
            }
        }

        throw new CheckFailedException("no window anywhere");
    }

    private static void RefuseAsFrame(X64Machine machine)
    {
        Check.True(machine.Devices.TryAllocateDmaPage(out IDmaPage? page), "no page");
        page.Write(0, "device"u8);
        Frame forged = MemoryMarshal.Cast<uint, Frame>([(uint)(page.DeviceAddress >> Paging.PageShift)])[0];
        Check.True(machine.FrameTable[forged.Number] < 0, "the frame is untyped");
        CheckThrows(() => machine.Frames.Release(forged), "released");
        CheckThrows(() => machine.Frames.TryAddReference(forged), "referred to");
        CheckThrows(() => machine.Frames.Write(forged, 0, [1]), "written");
        CheckThrows(() => machine.Frames.Read(forged, 0, new byte[1]), "read");
        Check.True(machine.TryCreatePageTable(out IPageTable? table), "no page table");
        using (table)
        {
            CheckThrows(() => table.TryMap(0x4000_0000_0000, forged, PageAccess.Read), "mapped");
        }

        byte[] bytes = new byte[6];
        page.Read(0, bytes);
        Check.True(bytes.AsSpan().SequenceEqual("device"u8), "the bytes have changed");
    }

    private static void RefuseBeyondPage(X64Machine machine)
    {
        Check.True(machine.Devices.TryAllocateDmaPage(out IDmaPage? page), "no page");
        byte[] bytes = new byte[8];
        foreach (int offset in (int[])[-8, -1, 4089, 4096, int.MaxValue, int.MinValue])
        {
            CheckThrows(() => page.Read(offset, bytes), $"8 bytes at {offset}");
            CheckThrows(() => page.Write(offset, bytes), $"8 bytes at {offset}");
            CheckThrows(() => page.WriteUInt64(offset, 0), $"a number at {offset}");
            CheckThrows(() => page.ReadUInt16(offset | 1), $"2 bytes at {offset | 1}");
        }

        CheckThrows(() => page.ReadUInt32(4094), "4 bytes at 4094");
        CheckThrows(() => page.WriteUInt32(2, 0), "4 bytes at 2");
        page.WriteUInt64(4088, 0x0102_0304_0506_0708);
        Check.Equal(0x0102_0304u, page.ReadUInt32(4092), "the last number");
        Check.Equal((ushort)0x0708, page.ReadUInt16(4088), "its low end");
    }

    private static void RefuseInputs(X64Machine machine)
    {
        const int SerialLine = 4;
        foreach (int input in (int[])[-1, SerialLine, 24 + 240, int.MaxValue])
        {
            Check.True(!machine.Devices.TryConnectInput(input, out _), $"input {input}");
        }

        Check.True(machine.Devices.TryConnectMessage(out IInterruptLine? line, out InterruptMessage message), "no message");
        Check.True(!line.TryTake(), "raised by nobody");
        Check.Equal(0xFEEUL, message.Address >> 20, "where messages go");
        Check.True(message.Data is >= 64 and < 128, "the vector");
    }

    private static void CheckThrows(Action action, string what)
    {
        try
        {
            action();
        }
        catch (Exception exception) when (exception is ArgumentOutOfRangeException or InvalidOperationException)
        {
            return;
        }

        throw new CheckFailedException($"{what}: nobody minds");
    }
}
