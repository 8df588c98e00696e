using System.Runtime.InteropServices;
using Semitone.Metal.Memory;
using Semitone.Metal.Threads;

namespace Semitone.Metal.Runtime;

/// <summary>
/// Signals of the runtime's own threads: a fault in managed code becomes a NullReferenceException this way, and the collector stops threads
/// this way.
/// </summary>
internal static unsafe class Signals
{
    internal const int Abort = 6;
    internal const int BusError = 7;
    internal const int FloatingPoint = 8;
    internal const int Illegal = 4;
    internal const int Trap = 5;
    internal const int SegmentationFault = 11;

    private const int Highest = 64;
    private const ulong DefaultAction = 0;
    private const ulong Ignore = 1;
    private const ulong NoDefer = 0x4000_0000;
    private const ulong NoAlternateStack = 2; // SS_DISABLE
    private const ulong RedZone = 128;
    private const int QueuedByThread = -6; // SI_TKILL

    private static ActionTable s_actions;

    /// <summary>rt_sigaction(2), the kernel's structure: handler, flags, restorer, mask.</summary>
    internal static long SetAction(int signal, ulong* action, ulong* old)
    {
        if (signal is < 1 or > Highest)
        {
            return -22;
        }

        // SAFETY: the index is in range; the four words of an action lie one after the other.
        fixed (ulong* actions = s_actions.Words)
        {
            ulong* entry = actions + (signal - 1) * 4;
            for (int i = 0; i < 4; i++)
            {
                ulong previous = entry[i];
                if (action != null)
                {
                    entry[i] = action[i];
                }

                if (old != null)
                {
                    old[i] = previous;
                }
            }
        }

        return 0;
    }

    /// <summary>tgkill(2) between kernel threads.</summary>
    internal static long Send(KernelThread* target, int signal)
    {
        if (signal is < 1 or > Highest)
        {
            return signal == 0 ? 0 : -22;
        }

        target->PendingSignals |= 1UL << (signal - 1);
        if ((target->SignalMask & (1UL << (signal - 1))) == 0)
        {
            Scheduler.Interrupt(target);
        }

        return 0;
    }

    /// <summary>Makes a thread that is about to go on run its handlers first.</summary>
    internal static void DeliverPending(KernelThread* thread)
    {
        ulong deliverable = thread->PendingSignals & ~thread->SignalMask;
        for (int signal = 1; deliverable != 0; signal++, deliverable >>= 1)
        {
            if ((deliverable & 1) == 0)
            {
                continue;
            }

            thread->PendingSignals &= ~(1UL << (signal - 1));
            SignalInformation information = default;
            information.Number = signal;
            information.Code = QueuedByThread;
            information.SenderOrAddress = 1; // si_pid: the runtime trusts a signal only from its own process
            if (!Enter(thread, &thread->Registers, thread->Xmm, thread->Mxcsr, signal, &information, 0))
            {
                Panic.Die(signal == Abort
                    ? "the kernel gave up (SIGABRT)"
                    : "a kernel thread was sent a signal that it does not handle", &thread->Registers, 0);
            }

            return;
        }
    }

    /// <summary>Turns an exception in ring 0 into a signal of the current thread.</summary>
    /// <returns>False when there is no handler, or no room for its frame.</returns>
    internal static bool DeliverFault(KernelRegisters* registers, byte* xmm, uint mxcsr, int signal, ulong faultAddress)
    {
        SignalInformation information = default;
        information.Number = signal;
        information.Code = 1;
        information.SenderOrAddress = faultAddress;
        return Enter(Scheduler.Current, registers, xmm, mxcsr, signal, &information, faultAddress);
    }

    /// <summary>rt_sigreturn(2): RSP points to the ucontext, its return address popped.</summary>
    internal static void Return(KernelThread* thread)
    {
        SignalFrame* frame = (SignalFrame*)(thread->Registers.Rsp - sizeof(ulong));
        MachineContext* m = &frame->Machine;
        KernelRegisters* r = &thread->Registers;
        r->R8 = m->R8;
        r->R9 = m->R9;
        r->R10 = m->R10;
        r->R11 = m->R11;
        r->R12 = m->R12;
        r->R13 = m->R13;
        r->R14 = m->R14;
        r->R15 = m->R15;
        r->Rdi = m->Rdi;
        r->Rsi = m->Rsi;
        r->Rbp = m->Rbp;
        r->Rbx = m->Rbx;
        r->Rdx = m->Rdx;
        r->Rax = m->Rax;
        r->Rcx = m->Rcx;
        r->Rsp = m->Rsp;
        r->Rip = m->Rip;
        r->Rflags = m->Rflags & ~0x200UL; // interrupts stay off in ring 0
        thread->SignalMask = frame->Mask;
        thread->Mxcsr = frame->Mxcsr;
        for (int i = 0; i < 256; i++)
        {
            thread->Xmm[i] = frame->Xmm[i];
        }
    }

    private static bool Enter(
        KernelThread* thread, KernelRegisters* r, byte* xmm, uint mxcsr, int signal, SignalInformation* information, ulong faultAddress)
    {
        ulong handler;
        ulong flags;
        ulong restorer;
        ulong mask;

        // SAFETY: callers pass 1 to 64.
        fixed (ulong* actions = s_actions.Words)
        {
            ulong* entry = actions + (signal - 1) * 4;
            handler = entry[0];
            flags = entry[1];
            restorer = entry[2];
            mask = entry[3];
        }

        if (handler == DefaultAction)
        {
            return false;
        }

        if (handler == Ignore)
        {
            return true;
        }

        ulong top = r->Rsp - RedZone;

        // At the handler's first instruction RSP + 8 is a multiple of 16 (System V ABI, 3.2.2).
        SignalFrame* frame = (SignalFrame*)((((top - (ulong)sizeof(SignalFrame)) & ~15UL)) - sizeof(ulong));
        if (!RuntimeMemory.TryBringIn((ulong)frame, (ulong)(frame + 1)))
        {
            return false;
        }

        frame->ReturnAddress = restorer;
        frame->Flags = 0;
        frame->Link = 0;
        frame->StackPointer = 0;
        frame->StackFlags = NoAlternateStack;
        frame->StackSize = 0;
        MachineContext* m = &frame->Machine;
        m->R8 = r->R8;
        m->R9 = r->R9;
        m->R10 = r->R10;
        m->R11 = r->R11;
        m->R12 = r->R12;
        m->R13 = r->R13;
        m->R14 = r->R14;
        m->R15 = r->R15;
        m->Rdi = r->Rdi;
        m->Rsi = r->Rsi;
        m->Rbp = r->Rbp;
        m->Rbx = r->Rbx;
        m->Rdx = r->Rdx;
        m->Rax = r->Rax;
        m->Rcx = r->Rcx;
        m->Rsp = r->Rsp;
        m->Rip = r->Rip;
        m->Rflags = r->Rflags;
        m->Selectors = Cpu.DescriptorTables.KernelCs;
        m->Error = r->Error;
        m->TrapNumber = r->Vector;
        m->OldMask = thread->SignalMask;
        m->FaultAddress = faultAddress;
        m->FloatingPoint = 0;
        frame->Mask = thread->SignalMask;
        frame->Mxcsr = mxcsr;
        for (int i = 0; i < 256; i++)
        {
            frame->Xmm[i] = xmm[i];
        }

        frame->Information = *information;
        thread->SignalMask |= mask | ((flags & NoDefer) != 0 ? 0 : 1UL << (signal - 1));
        r->Rip = handler;
        r->Rsp = (ulong)frame;
        r->Rdi = (ulong)signal;
        r->Rsi = (ulong)&frame->Information;
        r->Rdx = (ulong)&frame->Flags;
        r->Rax = 0;
        r->Rflags &= ~0x4_0500UL; // DF is clear on entry to a function; TF and AC, which lifts SMAP, were not for the handler
        return true;
    }

    /// <summary>siginfo_t, as far as it is filled in.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct SignalInformation
    {
        internal int Number;
        internal int Error;
        internal int Code;
        private int _padding;
        internal ulong SenderOrAddress;
        private fixed byte _rest[104];
    }

    /// <summary>The gregs of a ucontext (sys/ucontext.h) and the words that follow them.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct MachineContext
    {
        internal ulong R8;
        internal ulong R9;
        internal ulong R10;
        internal ulong R11;
        internal ulong R12;
        internal ulong R13;
        internal ulong R14;
        internal ulong R15;
        internal ulong Rdi;
        internal ulong Rsi;
        internal ulong Rbp;
        internal ulong Rbx;
        internal ulong Rdx;
        internal ulong Rax;
        internal ulong Rcx;
        internal ulong Rsp;
        internal ulong Rip;
        internal ulong Rflags;
        internal ulong Selectors;
        internal ulong Error;
        internal ulong TrapNumber;
        internal ulong OldMask;
        internal ulong FaultAddress;
        internal ulong FloatingPoint;
        private fixed ulong _reserved[8];
    }

    /// <summary>What lies on the stack while a handler runs: return address, ucontext, siginfo, and the vector registers.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct SignalFrame
    {
        internal ulong ReturnAddress;
        internal ulong Flags;
        internal ulong Link;
        internal ulong StackPointer;
        internal ulong StackFlags;
        internal ulong StackSize;
        internal MachineContext Machine;
        internal ulong Mask;
        private fixed ulong _restOfMask[15];
        internal SignalInformation Information;
        internal uint Mxcsr;
        private uint _padding;
        internal fixed byte Xmm[256];
    }

    private struct ActionTable
    {
        internal fixed ulong Words[Highest * 4];
    }
}
