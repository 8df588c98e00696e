using System.Runtime.InteropServices;
using Semitone.Machine;
using Semitone.Machine.X64;

namespace Semitone.Guest;

/// <summary>
/// What the kernel makes of the processor and the interrupt controllers, whatever a boot loader left there (test/Vm/Linux64Loader.c leaves
/// the worst).
/// </summary>
internal static class PlatformCases
{
    // The kernel's window to device registers, one to one.
    private const ulong DeviceMap = 0xFFFF_FF00_0000_0000;
    private const ulong IoApic = DeviceMap + 0xFEC0_0000;
    private const ulong LocalApic = DeviceMap + 0xFEE0_0000;
    private const int GeneralProtection = 13;
    private const int InvalidOpcode = 6;
    private const int AlignmentCheck = 17;

    internal static readonly (string Name, Action<X64Machine> Body)[] All =
    [
        ("IoApic_HasThePinOfTheSerialLineOpenOnly", ReadPins),
        ("EveryInterruptVector_HasAGate", InterruptByEveryVector),
        ("ControlRegister4_IsNotTheBootLoaders", TryWhatControlRegister4Allows),
        ("AlignmentChecks_AreTheProgramsToTurnOn", CheckAlignment),
    ];

    /// <summary>
    /// A line that is left open interrupts as often as its device likes, and nobody here answers (82093AA data sheet, 3.2.4).
    /// </summary>
    private static void ReadPins(X64Machine machine)
    {
        const int Version = 1;
        const int FirstPin = 0x10;
        const int SerialLine = 4;
        const uint Masked = 1 << 16;
        Check.True(IsMapped(machine, IoApic), "the I/O APIC has no window");
        uint version = ReadIoApic(Version);
        if (version == uint.MaxValue)
        {
            return; // there is none
        }

        int pins = (int)(version >> 16 & 0xFF) + 1;
        for (int pin = 0; pin < pins; pin++)
        {
            bool isOpen = (ReadIoApic(FirstPin + pin * 2) & Masked) == 0;
            Check.Equal(pin == SerialLine, isOpen, $"whether pin {pin} is open");
        }
    }

    /// <summary>
    /// Sends this CPU each interrupt by its own local APIC (Intel SDM Vol. 3A, 10.6.1): a vector without a gate would be another exception,
    /// of whatever guest runs.
    /// </summary>
    private static void InterruptByEveryVector(X64Machine machine)
    {
        const int First = 32;
        const int End = 256;
        const int Spurious = 63; // comes without an acknowledgement, and so must not be sent
        const ulong Requests = LocalApic + 0x200;
        const ulong Command = LocalApic + 0x300;
        const int ToSelf = 1 << 18;
        const int MostRuns = 20;
        if (!IsMapped(machine, LocalApic))
        {
            return; // in x2APIC mode its registers are none of a test's
        }

        using RunLoopCases.Guest guest = new(machine, [0xEB, 0xFE]); // jmp $
        for (int vector = First; vector < End; vector++)
        {
            if (vector == Spurious)
            {
                continue;
            }

            Write(Command, ToSelf | vector);
            ulong request = Requests + (ulong)(vector / 32 * 16);
            Check.True((Read(request) & (1u << vector % 32)) != 0, $"interrupt {vector} is not requested");
            for (int run = 0; run < MostRuns && (Read(request) & (1u << vector % 32)) != 0; run++)
            {
                Trap trap = guest.RunOnce();
                Check.True(trap.Kind == TrapKind.Interrupt, $"interrupt {vector} is {trap.Kind} {trap.Vector}");
            }

            Check.True((Read(request) & (1u << vector % 32)) == 0, $"interrupt {vector} was never taken");
        }
    }

    /// <summary>Three bits that a program sees: TSD takes RDTSC away, PCE gives RDPMC, PKE gives RDPKRU.</summary>
    private static void TryWhatControlRegister4Allows(X64Machine machine)
    {
        Check.Equal(InvalidOpcode, VectorOf(machine, [0x0F, 0x31, 0x0F, 0x0B]), "vector after rdtsc; ud2");
        Check.Equal(GeneralProtection, VectorOf(machine, [0x31, 0xC9, 0x0F, 0x33]), "vector of rdpmc");
        Check.Equal(InvalidOpcode, VectorOf(machine, [0x31, 0xC9, 0x0F, 0x01, 0xEE, 0xCC]), "vector of rdpkru");
    }

    /// <summary>
    /// CR0.AM lets AC do what it says (Intel SDM Vol. 3A, 6.15, interrupt 17). QEMU's translator never checks, and may hide: whoever knows
    /// of a better CPU says so.
    /// </summary>
    private static void CheckAlignment(X64Machine machine)
    {
        // pushf; or dword [rsp], 1 << 18; popf; mov eax, [rsp - 7]; ud2
        byte[] code = [0x9C, 0x81, 0x0C, 0x24, 0, 0, 4, 0, 0x9D, 0x8B, 0x44, 0x24, 0xF9, 0x0F, 0x0B];
        int vector = VectorOf(machine, code);
        bool checks = TestRun.TryGetOption(machine, "checks-alignment", out _);
        Check.True(vector == AlignmentCheck || (!checks && vector == InvalidOpcode), $"the vector is {vector}");
    }

    private static int VectorOf(X64Machine machine, byte[] code)
    {
        using RunLoopCases.Guest guest = new(machine, code);
        Trap trap = guest.Run();
        Check.True(trap.Kind == TrapKind.Exception, $"a trap of the kind {trap.Kind}");
        return trap.Vector;
    }

    private static bool IsMapped(X64Machine machine, ulong address) =>
        KernelPageWalk.Walk(machine).Any(mapping => mapping.Address == address);

    private static uint ReadIoApic(int register)
    {
        Write(IoApic, register);
        return Read(IoApic + 0x10);
    }

    private static uint Read(ulong address) => (uint)Marshal.ReadInt32(unchecked((nint)address));

    private static void Write(ulong address, int value) => Marshal.WriteInt32(unchecked((nint)address), value);
}
