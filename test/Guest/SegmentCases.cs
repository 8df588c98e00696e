using System.Buffers.Binary;
using Semitone.Abi;
using Semitone.Machine;
using Semitone.Machine.X64;

namespace Semitone.Guest;

/// <summary>
/// The ways into other code segments and into ring 0 that the instruction set has and the kernel never opened; single-stepping; segment
/// registers.
/// </summary>
internal static class SegmentCases
{
    private const ulong Code = 0x40_0000;
    private const ulong Data = 0x60_0000;
    private const ulong TrapFlag = 0x100;
    private const uint SingleStep = 1 << 14;
    private const byte InvalidOpcode = 6;
    private const byte GeneralProtection = 13;
    private const ushort CodeSelector = 0x33;
    private const ushort DataSelector = 0x2B;

    internal static readonly (string Name, Action<X64Machine> Body)[] All =
    [
        ("Selectors_OfRing3_AreTheProgramsCodeAndData", ListSelectors),
        ("FarJump_ToAnySelector_EndsIn64BitCodeOrAFault", JumpFar),
        ("Sysenter_IsNoWayIn", CallBySysenter),
        ("Step_OverASystemCall_TrapsBehindTheNextInstruction", StepOverSystemCall),
        ("Step_BehindMovSs_IsTheGuests", StepBehindMovSs),
        ("Selectors_AreEachGuestsOwn", KeepSelectors),
        ("LoadingFs_ChangesItsBase", LoadFs),
        ("Iretq_InRing3_LoadsFiveRegisters", ReturnInRing3), // leaves SMAP off where that is what it takes
    ];

    private static void ListSelectors(X64Machine machine)
    {
        // xor ecx, ecx; again: lar eax, ecx; jnz next; mov [rdi], cx; add rdi, 2; next: inc ecx; cmp ecx, 0x10000; jne again; syscall
        byte[] code =
        [
            0x31, 0xC9, 0x0F, 0x02, 0xC1, 0x75, 0x07, 0x66, 0x89, 0x0F, 0x48, 0x83, 0xC7, 0x02,
            0xFF, 0xC1, 0x81, 0xF9, 0x00, 0x00, 0x01, 0x00, 0x75, 0xEA, 0x0F, 0x05,
        ];
        using RunLoopCases.Guest guest = new(machine, code);
        guest.Context.Registers.Rdi = Data;
        Check.Equal((byte)TrapKind.SystemCall, (byte)guest.Run().Kind, "trap");
        int count = (int)(guest.Context.Registers.Rdi - Data) / sizeof(ushort);
        Check.Equal(8, count, "selectors");
        byte[] found = guest.Read(Data, count * sizeof(ushort));
        for (int i = 0; i < count; i++)
        {
            int expected = (i < 4 ? DataSelector & ~3 : CodeSelector & ~3) + (i & 3);
            Check.Equal(expected, BinaryPrimitives.ReadUInt16LittleEndian(found.AsSpan(i * sizeof(ushort))), "selector");
        }
    }

    private static void JumpFar(X64Machine machine)
    {
        // jmp far [rdi], 16:32, as AMD has no other; nop; nop; syscall; ud2
        using RunLoopCases.Guest guest = new(machine, [0xFF, 0x2F, 0x90, 0x90, 0x0F, 0x05, 0x0F, 0x0B]);
        byte[] pointer = new byte[6];
        BinaryPrimitives.WriteUInt32LittleEndian(pointer, (uint)Code + 4);
        for (int selector = 0; selector < 0x1_0000; selector += selector < 0x100 ? 1 : 0xFB)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(pointer.AsSpan(4), (ushort)selector);
            guest.Write(Data, pointer);
            ref GuestRegisters registers = ref guest.Context.Registers;
            registers.Rip = Code;
            registers.Rdi = Data;
            registers.Rsp = 0x7F80_0008_0800; // of the kernel: whoever got into ring 0 would write there
            Trap trap = guest.Run();
            if ((selector & ~3) == (CodeSelector & ~3))
            {
                Check.Equal((byte)TrapKind.SystemCall, (byte)trap.Kind, $"trap of selector {selector}");
                Check.Equal(Code + 6, registers.Rip, "rip");
                continue;
            }

            Check.Equal((byte)TrapKind.Exception, (byte)trap.Kind, $"trap of selector {selector}");
            Check.Equal(GeneralProtection, trap.Vector, $"vector of selector {selector}");
            Check.Equal((uint)(selector & ~3), trap.ErrorCode, "error code");
            Check.Equal(Code, registers.Rip, "rip");
        }
    }

    /// <summary>
    /// Intel's CPUs refuse SYSENTER for its code segment, AMD's do not know it in long mode; the ways back are the kernel's.
    /// </summary>
    private static void CallBySysenter(X64Machine machine)
    {
        // sysenter, sysexit, sysret
        foreach (byte[] code in (byte[][])[[0x0F, 0x34], [0x0F, 0x35], [0x48, 0x0F, 0x35], [0x0F, 0x07], [0x48, 0x0F, 0x07]])
        {
            using RunLoopCases.Guest guest = new(machine, code);
            Trap trap = guest.Run();
            Check.Equal((byte)TrapKind.Exception, (byte)trap.Kind, "trap");
            Check.True(trap.Vector is InvalidOpcode or GeneralProtection, $"vector {trap.Vector}");
            Check.Equal(Code, guest.Context.Registers.Rip, "rip");
        }
    }

    private static void StepOverSystemCall(X64Machine machine)
    {
        using RunLoopCases.Guest guest = new(machine, [0x90, 0x0F, 0x05, 0x90, 0x90]); // nop; syscall; nop; nop
        ref GuestRegisters registers = ref guest.Context.Registers;
        registers.Rflags |= TrapFlag;
        CheckStep(guest, Code + 1);
        Check.Equal((byte)TrapKind.SystemCall, (byte)guest.Run().Kind, "the call");
        Check.Equal(Code + 3, registers.Rip, "rip of the call");
        Check.Equal(TrapFlag, registers.R11 & TrapFlag, "TF in R11");
        CheckStep(guest, Code + 4);
        registers.Rflags &= ~TrapFlag;
        registers.Rip = Code + 1;
        Check.Equal((byte)TrapKind.SystemCall, (byte)guest.Run().Kind, "without TF");
    }

    /// <summary>
    /// A load of SS puts the trap off until after the next instruction, which may be the way into ring 0 (Intel SDM Vol. 3A, 6.8.3).
    /// </summary>
    private static void StepBehindMovSs(X64Machine machine)
    {
        // syscall, int3, ud2, int 3, int 0x80
        foreach (byte[] next in (byte[][])[[0x0F, 0x05], [0xCC], [0x0F, 0x0B], [0xCD, 0x03], [0xCD, 0x80]])
        {
            using RunLoopCases.Guest guest = new(machine, [0x8E, 0xD0, .. next, 0x90, 0x90, 0x0F, 0x05]); // mov ss, eax
            ref GuestRegisters registers = ref guest.Context.Registers;
            registers.Rax = DataSelector;
            registers.Rflags |= TrapFlag;
            Trap trap = guest.Run();
            Check.True(trap.Kind is TrapKind.SystemCall or TrapKind.Exception, $"trap {trap.Kind}");
            Check.True(registers.Rip is >= Code + 2 and <= Code + 4, $"rip 0x{registers.Rip:x}");
            registers.Rflags &= ~TrapFlag;
            registers.Rip = Code + 2 + (ulong)next.Length;
            Check.Equal((byte)TrapKind.SystemCall, (byte)guest.Run().Kind, "afterwards");
        }
    }

    private static void KeepSelectors(X64Machine machine)
    {
        // mov ds, eax; mov es, eax; mov fs, eax; mov gs, eax; syscall; and then: mov ebx, ds; mov ebp, es; mov edx, fs; mov esi, gs;
        // syscall
        byte[] code =
        [
            0x8E, 0xD8, 0x8E, 0xC0, 0x8E, 0xE0, 0x8E, 0xE8, 0x0F, 0x05, 0x8C, 0xDB, 0x8C, 0xC5, 0x8C, 0xE2, 0x8C, 0xEE, 0x0F, 0x05
        ];
        using RunLoopCases.Guest first = new(machine, code);
        using RunLoopCases.Guest second = new(machine, code);
        first.Context.Registers.Rax = DataSelector;
        first.Context.Registers.FsBase = Data;
        first.Run();
        second.Context.Registers.Rip = Code + 10;
        CheckSelectors(second, 0);
        CheckSelectors(first, DataSelector);
        first.Context.ResetSegments();
        first.Context.Registers.Rip = Code + 10;
        CheckSelectors(first, 0);
    }

    private static void LoadFs(X64Machine machine)
    {
        using RunLoopCases.Guest guest = new(machine, [0x8E, 0xE0, 0x0F, 0x05]); // mov fs, eax; syscall
        guest.Context.Registers.Rax = DataSelector;
        guest.Context.Registers.FsBase = Data;
        guest.Run();
        Check.Equal(0UL, guest.Context.Registers.FsBase, "the base");
    }

    /// <summary>What CoreCLR resumes with: RIP, RSP and RFLAGS at once.</summary>
    private static void ReturnInRing3(X64Machine machine)
    {
        using RunLoopCases.Guest guest = new(machine, [0x48, 0xCF, 0x90, 0x90, 0x0F, 0x05]); // iretq; nop; nop; syscall
        byte[] frame = new byte[40];
        ulong[] words = [Code + 3, CodeSelector, 0x203, Data + 0x500, DataSelector];
        for (int i = 0; i < words.Length; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(frame.AsSpan(i * sizeof(ulong)), words[i]);
        }

        guest.Write(Data + 0x100, frame);
        ref GuestRegisters registers = ref guest.Context.Registers;
        registers.Rsp = Data + 0x100;
        Trap trap = guest.Run();
        if (trap.Kind == TrapKind.PageFault)
        {
            // QEMU's translator before 9.1.
            Check.Equal((uint)PageFaultFlags.Present, (uint)trap.PageFault, "error code");
            Check.Equal(Code, registers.Rip, "rip");
            Check.True(machine.Cpu.TryAllowSupervisorAccess(), "SMAP was off");
            Check.True(!machine.Cpu.TryAllowSupervisorAccess(), "SMAP is still on");
            trap = guest.Run();
        }

        Check.Equal((byte)TrapKind.SystemCall, (byte)trap.Kind, "trap");
        Check.Equal(Code + 6, registers.Rip, "rip");
        Check.Equal(Data + 0x500, registers.Rsp, "rsp");
        Check.Equal(1UL, registers.R11 & 1, "the carry flag");
    }

    private static void CheckStep(RunLoopCases.Guest guest, ulong rip)
    {
        Trap trap = guest.Run();
        Check.Equal((byte)TrapKind.Exception, (byte)trap.Kind, "trap");
        Check.Equal((byte)1, trap.Vector, "vector");
        Check.Equal(SingleStep, trap.DebugStatus & SingleStep, "DR6.BS");
        Check.Equal(rip, guest.Context.Registers.Rip, "rip");
        Check.Equal(TrapFlag, guest.Context.Registers.Rflags & TrapFlag, "TF");
    }

    private static void CheckSelectors(RunLoopCases.Guest guest, ushort expected)
    {
        Check.Equal((byte)TrapKind.SystemCall, (byte)guest.Run().Kind, "trap");
        ref GuestRegisters registers = ref guest.Context.Registers;
        Check.Equal((ulong)expected, registers.Rbx, "ds");
        Check.Equal((ulong)expected, registers.Rbp, "es");
        Check.Equal((ulong)expected, registers.Rdx, "fs");
        Check.Equal((ulong)expected, registers.Rsi, "gs");
    }
}
