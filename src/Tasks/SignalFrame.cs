using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Semitone.Abi;
using Semitone.Machine;
using Semitone.Memory;

namespace Semitone.Tasks;

/// <summary>Builds and takes apart what lies on a program's stack while a signal handler runs (sigreturn(2)).</summary>
/// <remarks>From high to low addresses: the red zone of the interrupted code, the XSAVE image and its end mark (64-byte aligned),
/// <see cref="RtSigFrame"/> with <c>pretcode</c> at the stack pointer, which is 8 below a multiple of 16, as after a call.</remarks>
internal static class SignalFrame
{
    private const ulong TrapFlag = 0x100;

    private const ulong FrameSize = 440;
    private const ulong OffsetOfContext = 8;
    private const ulong OffsetOfInfo = 312;
    private const int RedZone = 128;
    private const int LegacyStateSize = 512;
    private const int XsaveHeaderSize = 64;
    private const int XstateBvOffset = LegacyStateSize;
    private const int EndMarkSize = 4;
    private const ulong LegacyComponents = 3;
    private const ushort UserCodeSelector = 0x33;
    private const ushort UserStackSelector = 0x2B;
    private const ushort UserPrivilege = 3;

    private const ulong DirectionFlag = 0x400;
    private const ulong ResumeFlag = 0x1_0000;
    private const ulong AlignmentFlag = 0x4_0000;

    /// <summary>The flags that a program may change by sigreturn: AC, RF, OF, DF, TF, SF, ZF, AF, PF, CF.</summary>
    private const ulong UserFlags = AlignmentFlag | ResumeFlag | 0x800 | DirectionFlag | TrapFlag | 0x80 | 0x40 | 0x10 | 0x4 | 0x1;

    /// <summary>Pushes a frame and points the thread at the handler.</summary>
    /// <returns>False when it cannot be written: nothing of the thread has changed then.</returns>
    public static bool TryPush(GuestThread thread, in Sigaction action, in SigInfo info, SignalSet oldMask, in FaultRecord fault)
    {
        ref GuestRegisters registers = ref thread.Registers;
        UserMemory memory = thread.Process.AddressSpace.Memory;
        if ((action.sa_flags & SigactionFlags.SA_RESTORER) == 0 || action.sa_handler >= Paging.UserEnd)
        {
            return false;
        }

        StackT alternate = thread.AlternateStack;
        ulong stackPointer = registers.Rsp - RedZone;
        bool isOnAlternate = thread.IsOnAlternateStack(registers.Rsp);
        bool usesAlternate = isOnAlternate;
        if (!isOnAlternate && (action.sa_flags & SigactionFlags.SA_ONSTACK) != 0 && (alternate.ss_flags & StackFlags.SS_DISABLE) == 0)
        {
            stackPointer = alternate.ss_sp + alternate.ss_size;
            usesAlternate = true;
        }

        Span<byte> state = thread.Process.System.GetExtendedStateBuffer(out int stateSize);
        bool hasHeader = stateSize >= LegacyStateSize + XsaveHeaderSize;
        int totalSize = stateSize + (hasHeader ? EndMarkSize : 0);
        ulong stateAddress = (stackPointer - (ulong)totalSize) & ~63UL;
        ulong frameAddress = ((stateAddress - FrameSize) & ~15UL) - 8;
        if (usesAlternate && (frameAddress < alternate.ss_sp || frameAddress > alternate.ss_sp + alternate.ss_size))
        {
            return false;
        }

        WriteState(thread, state[..totalSize], stateSize, hasHeader);
        RtSigFrame frame = default;
        frame.pretcode = action.sa_restorer;
        frame.uc.uc_flags = (hasHeader ? UContext.UC_FP_XSTATE : 0) | UContext.UC_SIGCONTEXT_SS | UContext.UC_STRICT_RESTORE_SS;
        frame.uc.uc_stack = alternate;
        if (isOnAlternate)
        {
            frame.uc.uc_stack.ss_flags |= StackFlags.SS_ONSTACK;
        }

        StoreRegisters(ref frame.uc.uc_mcontext, in registers);
        frame.uc.uc_mcontext.err = fault.Trap.ErrorCode;
        frame.uc.uc_mcontext.trapno = fault.Trap.Kind == TrapKind.PageFault ? CpuException.PageFault : fault.Trap.Vector;
        frame.uc.uc_mcontext.cr2 = fault.Trap.Address;
        frame.uc.uc_mcontext.oldmask = oldMask.Bits;
        frame.uc.uc_mcontext.fpstate = stateAddress;
        frame.uc.uc_sigmask = oldMask;
        frame.info = info;
        if (memory.CopyOut(stateAddress, state[..totalSize]) != totalSize
            || !memory.TryWriteFrom(new UserPtr<RtSigFrame>(frameAddress), in frame))
        {
            return false;
        }

        if ((alternate.ss_flags & StackFlags.SS_AUTODISARM) != 0)
        {
            thread.AlternateStack = new StackT { ss_flags = StackFlags.SS_DISABLE };
        }

        registers.Rdi = (ulong)info.si_signo;
        registers.Rsi = frameAddress + OffsetOfInfo;
        registers.Rdx = frameAddress + OffsetOfContext;
        registers.Rax = 0;
        registers.Rsp = frameAddress;
        registers.Rip = action.sa_handler;
        registers.Rflags &= ~(DirectionFlag | ResumeFlag | TrapFlag);
        thread.Context.ResetExtendedState();
        return true;
    }

    /// <summary>Restores what <see cref="TryPush"/> saved, as far as a program may change it.</summary>
    /// <param name="mask">The signal mask; stays where the frame is not readable or holds what no program may have.</param>
    /// <returns>
    /// False when that is so, and also when the floating-point state could not be restored: a handler of SIGSEGV sees all the rest as the
    /// frame had it then, as on Linux.
    /// </returns>
    public static bool TryPop(GuestThread thread, ref SignalSet mask)
    {
        ref GuestRegisters registers = ref thread.Registers;
        UserMemory memory = thread.Process.AddressSpace.Memory;

        // The handler's RET has taken pretcode off.
        ulong contextAddress = registers.Rsp;
        if (!memory.TryRead(new UserPtr<UContext>(contextAddress), out UContext context)
            || context.uc_mcontext.ip >= Paging.UserEnd
            || (context.uc_mcontext.cs | UserPrivilege) != UserCodeSelector
            || ((context.uc_flags & UContext.UC_STRICT_RESTORE_SS) != 0 && (context.uc_mcontext.ss | UserPrivilege) != UserStackSelector))
        {
            return false;
        }

        mask = context.uc_sigmask;
        LoadRegisters(ref registers, in context.uc_mcontext);
        registers.OrigRax = ulong.MaxValue;
        if (!TryLoadState(thread, memory, context.uc_mcontext.fpstate))
        {
            thread.Context.ResetExtendedState();
            return false;
        }

        StackT stack = context.uc_stack;
        stack.ss_flags &= ~StackFlags.SS_ONSTACK;
        if (!thread.IsOnAlternateStack(registers.Rsp))
        {
            // As Linux: a stack that sigaltstack(2) would refuse is not an error here.
            _ = AlternateStacks.TrySet(thread, in stack, registers.Rsp);
        }

        return true;
    }

    /// <summary>Says which floating-point exception the x87 unit raised: the lowest that is not masked.</summary>
    public static int GetX87Code(GuestThread thread)
    {
        Span<byte> state = thread.Process.System.GetExtendedStateBuffer(out int size);
        thread.Context.SaveExtendedState(state[..size]);
        int control = BinaryPrimitives.ReadUInt16LittleEndian(state);
        int status = BinaryPrimitives.ReadUInt16LittleEndian(state[2..]);
        return GetFloatingPointCode(status & ~control);
    }

    /// <summary>Says which floating-point exception an SSE or AVX instruction raised.</summary>
    public static int GetSimdCode(GuestThread thread)
    {
        const int MxcsrOffset = 24;
        Span<byte> state = thread.Process.System.GetExtendedStateBuffer(out int size);
        thread.Context.SaveExtendedState(state[..size]);
        int mxcsr = (int)BinaryPrimitives.ReadUInt32LittleEndian(state[MxcsrOffset..]);
        return GetFloatingPointCode(mxcsr & ~(mxcsr >> 7));
    }

    private static int GetFloatingPointCode(int exceptions)
    {
        const int Invalid = 1;
        const int Denormal = 2;
        const int DivideByZero = 4;
        const int Overflow = 8;
        const int Underflow = 16;
        const int Precision = 32;
        return exceptions switch
        {
            _ when (exceptions & Invalid) != 0 => SignalCode.FPE_FLTINV,
            _ when (exceptions & DivideByZero) != 0 => SignalCode.FPE_FLTDIV,
            _ when (exceptions & Overflow) != 0 => SignalCode.FPE_FLTOVF,
            _ when (exceptions & (Denormal | Underflow)) != 0 => SignalCode.FPE_FLTUND,
            _ when (exceptions & Precision) != 0 => SignalCode.FPE_FLTRES,
            _ => 0,
        };
    }

    private static void WriteState(GuestThread thread, Span<byte> state, int stateSize, bool hasHeader)
    {
        thread.Context.SaveExtendedState(state[..stateSize]);
        state.Slice(FpxSwBytes.Offset, LegacyStateSize - FpxSwBytes.Offset).Clear();
        if (hasHeader)
        {
            FpxSwBytes marks = new()
            {
                magic1 = FpxSwBytes.FP_XSTATE_MAGIC1,
                extended_size = (uint)(stateSize + EndMarkSize),
                xfeatures = thread.Process.System.Machine.CpuFeatures.ExtendedStateComponents,
                xstate_size = (uint)stateSize,
            };
            MemoryMarshal.Write(state[FpxSwBytes.Offset..], in marks);
            BinaryPrimitives.WriteUInt32LittleEndian(state[stateSize..], FpxSwBytes.FP_XSTATE_MAGIC2);
        }
    }

    private static bool TryLoadState(GuestThread thread, UserMemory memory, ulong address)
    {
        if (address == 0)
        {
            thread.Context.ResetExtendedState();
            return true;
        }

        Span<byte> state = thread.Process.System.GetExtendedStateBuffer(out int size);
        if (memory.CopyIn(address, state[..LegacyStateSize]) != LegacyStateSize)
        {
            return false;
        }

        FpxSwBytes marks = MemoryMarshal.Read<FpxSwBytes>(state[FpxSwBytes.Offset..]);
        bool hasMarks = size >= LegacyStateSize + XsaveHeaderSize
            && marks.magic1 == FpxSwBytes.FP_XSTATE_MAGIC1
            && marks.xstate_size == size
            && marks.extended_size == size + EndMarkSize;
        if (hasMarks)
        {
            // A mark that is not there is one thing; one that cannot be read is another.
            if (!memory.TryRead(new UserPtr<uint>(address + (ulong)size), out uint endMark))
            {
                return false;
            }

            hasMarks = endMark == FpxSwBytes.FP_XSTATE_MAGIC2;
        }

        // XRSTOR and FXRSTOR, which Linux has read the frame, fault at other addresses (Intel SDM Vol. 2, "#GP").
        const ulong XsaveAlignment = 64;
        const ulong LegacyAlignment = 16;
        if (address % (hasMarks ? XsaveAlignment : LegacyAlignment) != 0)
        {
            return false;
        }

        if (hasMarks)
        {
            int rest = size - LegacyStateSize;
            if (memory.CopyIn(address + LegacyStateSize, state.Slice(LegacyStateSize, rest)) != rest)
            {
                return false;
            }
        }
        else
        {
            // A frame that something made by hand: x87 and SSE only, the rest as at a program's start.
            state[LegacyStateSize..size].Clear();
            if (size > LegacyStateSize)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(state[XstateBvOffset..], LegacyComponents);
            }
        }

        // Software's own bytes mean nothing to XRSTOR.
        return thread.Context.TryLoadExtendedState(state[..size]);
    }

    private static void StoreRegisters(ref SigContext to, in GuestRegisters from)
    {
        to.r8 = from.R8;
        to.r9 = from.R9;
        to.r10 = from.R10;
        to.r11 = from.R11;
        to.r12 = from.R12;
        to.r13 = from.R13;
        to.r14 = from.R14;
        to.r15 = from.R15;
        to.di = from.Rdi;
        to.si = from.Rsi;
        to.bp = from.Rbp;
        to.bx = from.Rbx;
        to.dx = from.Rdx;
        to.ax = from.Rax;
        to.cx = from.Rcx;
        to.sp = from.Rsp;
        to.ip = from.Rip;
        to.flags = from.Rflags;
        to.cs = UserCodeSelector;
        to.ss = UserStackSelector;
    }

    private static void LoadRegisters(ref GuestRegisters to, in SigContext from)
    {
        to.R8 = from.r8;
        to.R9 = from.r9;
        to.R10 = from.r10;
        to.R11 = from.r11;
        to.R12 = from.r12;
        to.R13 = from.r13;
        to.R14 = from.r14;
        to.R15 = from.r15;
        to.Rdi = from.di;
        to.Rsi = from.si;
        to.Rbp = from.bp;
        to.Rbx = from.bx;
        to.Rdx = from.dx;
        to.Rax = from.ax;
        to.Rcx = from.cx;
        to.Rsp = from.sp;
        to.Rip = from.ip;
        to.Rflags = (to.Rflags & ~UserFlags) | (from.flags & UserFlags);
    }
}
