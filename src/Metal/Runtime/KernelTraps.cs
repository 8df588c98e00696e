using System.Runtime;
using Semitone.Metal.Cpu;
using Semitone.Metal.Devices;
using Semitone.Metal.Memory;
using Semitone.Metal.Threads;

namespace Semitone.Metal.Runtime;

/// <summary>Exceptions and interrupts that reach Metal: all of ring 0's, and the devices' wherever they strike.</summary>
// SAFETY: the frames are what asm/traps.S has just pushed on the trap stack, and live until it pops them.
internal static unsafe class KernelTraps
{
    private const ulong DivideError = 0;
    private const ulong NonMaskableInterrupt = 2;
    private const ulong Breakpoint = 3;
    private const ulong InvalidOpcode = 6;
    private const ulong DoubleFault = 8;
    private const ulong GeneralProtection = 13;
    private const ulong PageFault = 14;
    private const ulong MachineCheck = 18;
    private const ulong SimdException = 19;
    private const ulong FirstInterrupt = 32;

    private static int s_depth;

    /// <summary>Serves an interrupt that ended a guest's run: that it ended tells the kernel to look.</summary>
    [RuntimeExport("metal_interrupt")]
    private static void ServeInGuest(ulong vector)
    {
        Acknowledge(vector);
        Scheduler.InterruptPending = false;
    }

    /// <summary>An event that no program can cause and none can go on after. NMI: somebody wants to see what the machine does (QEMU's <c>nmi</c>).</summary>
    [RuntimeExport("metal_fatal_in_guest")]
    private static void DieInGuest(ulong vector) =>
        Panic.Die(vector == MachineCheck ? "machine check in a guest" : "non-maskable interrupt in a guest");

    private static void Acknowledge(ulong vector)
    {
        if (vector == LocalApic.SpuriousVector)
        {
            return; // wants no acknowledgement (Intel SDM Vol. 3A, 11.9)
        }

        if (vector == LocalApic.TimerVector)
        {
            LocalApic.TimerFired();
            Scheduler.OnTimer();
        }
        else
        {
            Scheduler.InterruptPending = true;
        }

        LocalApic.EndInterrupt();
    }

    [RuntimeExport("metal_kernel_trap")]
    private static void Serve(KernelRegisters* registers, uint* vectorState, ulong faultAddress)
    {
        ulong vector = registers->Vector;
        if (vector >= FirstInterrupt)
        {
            Acknowledge(vector);
            return;
        }

        if (vector is NonMaskableInterrupt or DoubleFault or MachineCheck)
        {
            Panic.Die(
                vector == NonMaskableInterrupt ? "non-maskable interrupt" : vector == DoubleFault ? "double fault" : "machine check",
                registers,
                faultAddress);
        }

        if (++s_depth > 1)
        {
            Panic.Die("exception inside the exception handler", registers, faultAddress);
        }

        // Below the kernel's half are guests only, and only the routines of asm/usercopy.S touch their memory. Those touch the
        // kernel's own too, which may be absent yet: that is no fault of the guest's.
        if (vector == PageFault
            && (faultAddress < Layout.RuntimeStart ? TryFixUp(registers) : RuntimeMemory.HandleFault(faultAddress, registers->Error)))
        {
            s_depth--;
            return;
        }

        if (vector == PageFault && IsStackOverflow(registers, faultAddress))
        {
            Panic.Die("a kernel thread's stack overflowed", registers, faultAddress);
        }

        int signal = vector switch
        {
            DivideError or SimdException => Signals.FloatingPoint,
            Breakpoint => Signals.Trap,
            InvalidOpcode => Signals.Illegal,
            GeneralProtection or PageFault => Signals.SegmentationFault,
            _ => 0,
        };
        if (signal == 0
            || !Signals.DeliverFault(registers, (byte*)vectorState + 16, *vectorState, signal, vector == PageFault ? faultAddress : 0))
        {
            Panic.Die("exception in the kernel", registers, faultAddress);
        }

        s_depth--;
    }

    /// <summary>Whether the runtime cannot be told of a fault, because its handler would run on the stack that has no room left.</summary>
    private static bool IsStackOverflow(KernelRegisters* registers, ulong faultAddress)
    {
        const ulong LargestFrame = 0x1_0000;
        return faultAddress < registers->Rsp + Layout.PageSize
            && faultAddress + LargestFrame > registers->Rsp;
    }

    /// <summary>Goes on at the fix-up when the fault was an access to guest memory.</summary>
    private static bool TryFixUp(KernelRegisters* registers)
    {
        for (ulong* entry = Symbols.ExceptionTable(); entry < Symbols.ExceptionTableEnd(); entry += 3)
        {
            if (registers->Rip >= entry[0] && registers->Rip < entry[1])
            {
                registers->Rip = entry[2];
                return true;
            }
        }

        return false;
    }
}
