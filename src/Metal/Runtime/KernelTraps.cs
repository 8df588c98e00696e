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
    private const ulong DebugException = 1;
    private const ulong NonMaskableInterrupt = 2;
    private const ulong Breakpoint = 3;
    private const ulong InvalidOpcode = 6;
    private const ulong DoubleFault = 8;
    private const ulong GeneralProtection = 13;
    private const ulong PageFault = 14;
    private const ulong MachineCheck = 18;
    private const ulong SimdException = 19;
    private const ulong FirstInterrupt = 32;

    /// <summary>Of a page fault's error code: RSVD.</summary>
    private const ulong ReservedBit = 8;

    private static int s_depth;

    /// <summary>Serves an interrupt that ended a guest's run: that it ended tells the kernel to look.</summary>
    [RuntimeExport("metal_interrupt")]
    private static void ServeInGuest(ulong vector)
    {
        Acknowledge(vector);
        Scheduler.InterruptPending = false;
    }

    /// <summary>
    /// An event that no program can cause and none can go on after. NMI: somebody wants to see what the machine does (QEMU's <c>nmi</c>).
    /// </summary>
    [RuntimeExport("metal_fatal_in_guest")]
    private static void DieInGuest(ulong vector) => Panic.Die(
        vector == MachineCheck ? "machine check in a guest"
        : vector == DoubleFault ? "double fault in a guest"
        : "non-maskable interrupt in a guest");

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
        else if (vector == IoApic.SerialVector)
        {
            Scheduler.InterruptPending = true;
        }
        else if (vector - DriverAccess.FirstVector < DriverAccess.LineCount && LocalApic.IsInService((uint)vector))
        {
            Scheduler.RaiseLine((uint)vector - DriverAccess.FirstVector);
        }
        else if (!LocalApic.IsInService((uint)vector))
        {
            return; // not the APIC's: an 8259's spurious interrupt, or one whose cause is gone
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

        // Ring 0 does not step, and no breakpoint is set: what is left is a step that a guest asked for and that a CPU reports late, behind
        // the SYSCALL or the gate that followed MOV SS (Intel SDM Vol. 3A, 6.8.3). It is nobody's any more.
        if (vector == DebugException)
        {
            const ulong TrapFlag = 0x100;
            registers->Rflags &= ~TrapFlag;
            Instructions.ResetDebugRegisters();
            return;
        }

        if (++s_depth > 1)
        {
            Panic.Die("exception inside the exception handler", registers, faultAddress);
        }

        // Nothing below may touch what RSP points to before this: whoever got into ring 0 by another way than Metal's brought it along.
        if (!IsKernelCode(registers->Rip) || !IsKernelStack(registers->Rsp))
        {
            Panic.Die("exception in ring 0 outside of the kernel", registers, faultAddress);
        }

        if (vector == PageFault && (registers->Error & ReservedBit) != 0)
        {
            Panic.Die("a page table entry has reserved bits set", registers, faultAddress);
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
            || !IsInterruptible(registers)
            || !Signals.DeliverFault(registers, (byte*)vectorState + 16, *vectorState, signal, vector == PageFault ? faultAddress : 0))
        {
            Panic.Die("exception in the kernel", registers, faultAddress);
        }

        s_depth--;
    }

    /// <summary>Whether an address lies in Metal's code or the managed kernel's.</summary>
    private static bool IsKernelCode(ulong rip) => (rip >= Symbols.ImageStart() && rip < Symbols.TextEnd()) || Boot.KernelImage.IsCode(rip);

    /// <summary>
    /// Whether an address lies where kernel threads have their stacks, or on Metal's own. That of traps is not among them: what faults
    /// there is Metal.
    /// </summary>
    private static bool IsKernelStack(ulong rsp) =>
        (rsp > Layout.RuntimeStart && rsp <= Layout.RuntimeEnd)
        || (rsp > Symbols.MetalStackGuard() + Layout.PageSize && rsp <= Symbols.MetalStackTop());

    /// <summary>
    /// Whether a handler of the runtime's may run on the stack of the code that faulted: not on Metal's, and not in between a guest and its
    /// kernel.
    /// </summary>
    private static bool IsInterruptible(KernelRegisters* registers) =>
        (registers->Rip < Symbols.TrapCode() || registers->Rip >= Symbols.TrapCodeEnd()) && RuntimeMemory.IsStack(registers->Rsp);

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
