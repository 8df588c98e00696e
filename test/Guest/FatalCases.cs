using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Semitone.Abi;
using Semitone.Machine;
using Semitone.Machine.X64;

namespace Semitone.Guest;

/// <summary>What the kernel must not get away with, and what a test of the tests needs: each is the end of its machine.</summary>
internal static class FatalCases
{
    private const ulong Data = 0x60_0000;
    private const ulong ManagedImage = 0xFFFF_FFFF_9000_0000;

    private static readonly byte[] s_undefined = [0x0F, 0x0B]; // ud2
    private static readonly byte[] s_systemCall = [0x0F, 0x05]; // syscall
    private static readonly byte[] s_setAlignmentCheck = [0x9C, 0x81, 0x0C, 0x24, 0, 0, 4, 0, 0x9D]; // pushf; or dword [rsp], 1 << 18; popf

    internal static readonly (string Name, Action<X64Machine> Body)[] All =
    [
        ("wild-pointer", machine => Marshal.ReadByte(unchecked((nint)0x1234_5678_0000))),
        ("non-canonical-pointer", machine => Marshal.ReadByte(unchecked((nint)0x1234_5678_9ABC_0000))),
        ("wild-jump", machine => Marshal.GetDelegateForFunctionPointer<Action>(unchecked((nint)0x1234_5678_0000))()),
        ("write-to-code", machine => Marshal.WriteByte((nint)FindCode(machine).Address, 0xCC)),
        ("write-to-code-by-the-direct-map", WriteToCodeByDirectMap),
        ("guest-memory", machine => ReadGuestMemory(machine, s_undefined, TrapKind.Exception)),
        ("guest-memory-with-alignment-check-on", machine =>
            ReadGuestMemory(machine, [.. s_setAlignmentCheck, .. s_undefined], TrapKind.Exception)),
        ("guest-memory-with-alignment-check-on-in-a-call",
            machine => ReadGuestMemory(machine, [.. s_setAlignmentCheck, .. s_systemCall], TrapKind.SystemCall)),
        ("guest-registers", RunGuestAndDie),
        ("guest-is-gone", machine =>
        {
            using (RunLoopCases.Guest guest = new(machine, [0x0F, 0x0B])) // ud2
            {
                guest.Run();
            }

            Marshal.ReadByte(unchecked((nint)0x1234_5678_0000));
        }),
        ("non-maskable-interrupt", SendNmi),
        ("spinning-guest", machine =>
        {
            using RunLoopCases.Guest guest = new(machine, [0xEB, 0xFE]); // jmp $
            guest.Run();
        }),
        ("stack-overflow", machine => Descend(machine, 1)),
        ("unhandled-exception", machine => throw new InvalidOperationException("nobody catches this")),
        ("unhandled-exception-of-a-thread", StartThrowingThread),
        ("hang", machine =>
        {
            while (true)
            {
                machine.Cpu.Idle();
            }
        }),
        ("silent-end", machine => machine.PowerOff(0)),
    ];

    private static void WriteToCodeByDirectMap(X64Machine machine) =>
        machine.GetPhysicalPage(FindCode(machine).Physical)[0] = 0xCC;

    private static KernelMapping FindCode(X64Machine machine) =>
        KernelPageWalk.Walk(machine).First(mapping => mapping.Address >= ManagedImage && mapping.IsExecutable);

    /// <summary>A guest's page is mapped right now, but not for the kernel's own instructions (SMAP).</summary>
    private static void ReadGuestMemory(X64Machine machine, byte[] code, TrapKind kind)
    {
        using RunLoopCases.Guest guest = new(machine, code);
        Check.Equal((byte)kind, (byte)guest.Run().Kind, "trap");
        Marshal.ReadByte((nint)Data);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Descend(X64Machine machine, int depth)
    {
        Span<byte> room = stackalloc byte[256];
        room[depth & 255] = 1;
        return Descend(machine, depth + 1) + room[0];
    }

    private static void RunGuestAndDie(X64Machine machine)
    {
        using RunLoopCases.Guest guest = new(machine, [0x0F, 0x0B]); // ud2
        guest.Context.Registers.Rbx = 0xFEED_FACE_CAFE;
        guest.Context.Registers.R15 = 0x1515;
        Check.Equal((byte)TrapKind.Exception, (byte)guest.Run().Kind, "trap");
        Marshal.ReadByte(unchecked((nint)0x1234_5678_0000));
    }

    /// <summary>Sends the CPU an NMI by its own local APIC (Intel SDM Vol. 3A, 11.6.1).</summary>
    private static void SendNmi(X64Machine machine)
    {
        const long LocalApic = unchecked((long)0xFFFF_FF00_FEE0_0000);
        const int Low = 0x300;
        const int High = 0x310;
        const int DeliverNmi = 4 << 8;
        Marshal.WriteInt32(unchecked((nint)(LocalApic + High)), 0); // to the CPU with the id 0
        Marshal.WriteInt32(unchecked((nint)(LocalApic + Low)), DeliverNmi);
        for (long end = machine.Clock.MonotonicNs + 1_000_000_000; machine.Clock.MonotonicNs < end;)
        {
        }
    }

    private static void StartThrowingThread(X64Machine machine)
    {
        Thread thread = new(() => throw new InvalidOperationException("nobody catches this"));
        thread.Start();
        thread.Join();
    }
}
