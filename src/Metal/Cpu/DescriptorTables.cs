using System.Runtime.InteropServices;

namespace Semitone.Metal.Cpu;

/// <summary>The GDT, the task state segment and the IDT (Intel SDM Vol. 3A, chapters 3, 6 and 7).</summary>
internal static unsafe class DescriptorTables
{
    internal const ushort KernelCs = 0x10;
    internal const ushort KernelSs = 0x18;

    /// <summary>What SYSRET adds 16 to for CS and 8 to for SS: 0x33 and 0x2B, the selectors that Linux programs see.</summary>
    internal const ushort SysretBase = 0x23;

    private const ushort UserData = 0x28;
    private const ushort UserCode = 0x30;
    private const ushort TaskSelector = 0x40;
    private const int GateCount = 256;
    private const int GateStubSize = 16;
    private const byte TrapStack = 1;
    private const byte FaultStack = 2;
    private const byte DebugStack = 3;

    private static GdtStorage s_gdt;
    private static IdtStorage s_idt;
    private static TaskStateSegment s_task;

    internal static void Install()
    {
        s_task.Rsp0 = Symbols.TrapStackTop();
        s_task.Ist1 = Symbols.TrapStackTop();
        s_task.Ist2 = Symbols.FaultStackTop();
        s_task.Ist3 = Symbols.DebugStackTop();
        s_task.IoMapBase = (ushort)sizeof(TaskStateSegment);

        // SAFETY: the tables are static data, which never moves.
        fixed (ulong* gdt = s_gdt.Entries)
        fixed (ulong* idt = s_idt.Entries)
        fixed (TaskStateSegment* task = &s_task)
        {
            gdt[2] = 0x00AF_9B00_0000_FFFF; // 0x10: kernel code
            gdt[3] = 0x00CF_9300_0000_FFFF; // 0x18: kernel data

            // SYSRET to 64-bit code counts from 0x20 and looks at no descriptor (Intel SDM Vol. 2B, SYSRET). What Linux has there is 32-bit
            // code; here there is nothing: what a program does in 32 bits is another way into ring 0 (CSTAR, SYSENTER) that nobody needs.
            gdt[4] = 0;
            gdt[5] = 0x00CF_F300_0000_FFFF; // 0x28: user data
            gdt[6] = 0x00AF_FB00_0000_FFFF; // 0x30: user code
            ulong address = (ulong)task;
            gdt[8] = (uint)(sizeof(TaskStateSegment) - 1)
                | ((address & 0xFF_FFFF) << 16)
                | 0x0000_8900_0000_0000
                | ((address >> 24 & 0xFF) << 56);
            gdt[9] = address >> 32;

            TablePointer pointer;
            pointer.Limit = GdtStorage.Count * sizeof(ulong) - 1;
            pointer.Base = (ulong)gdt;
            Instructions.LoadGdt(&pointer);
            Instructions.LoadTaskRegister(TaskSelector);

            ulong stub = Symbols.Gates();
            for (int vector = 0; vector < GateCount; vector++)
            {
                // Debug exception, NMI, double fault and machine check may strike while the trap stack is in use.
                byte stack = vector == 1 ? DebugStack : vector == 2 || vector == 8 || vector == 18 ? FaultStack : TrapStack;

                // INT3 and INTO are instructions of guests; every other gate is for the CPU alone.
                ulong privilege = vector == 3 || vector == 4 ? 3UL : 0UL;
                idt[vector * 2] = (stub & 0xFFFF)
                    | ((ulong)KernelCs << 16)
                    | ((ulong)stack << 32)
                    | ((0x8E | (privilege << 5)) << 40)
                    | ((stub >> 16 & 0xFFFF) << 48);
                idt[vector * 2 + 1] = stub >> 32;
                stub += GateStubSize;
            }

            pointer.Limit = GateCount * 16 - 1;
            pointer.Base = (ulong)idt;
            Instructions.LoadIdt(&pointer);
        }
    }

    /// <summary>
    /// Whether a program can have a selector in DS, ES, FS or GS: null, its data or its code, with any privilege asked for.
    /// </summary>
    internal static bool IsLoadable(ushort selector) => (selector & ~3) is 0 or UserData or UserCode;

    /// <summary>Resets the machine: an exception with no IDT to serve it (Intel SDM Vol. 3A, 6.15, double fault).</summary>
    internal static void TripleFault()
    {
        TablePointer empty;
        empty.Limit = 0;
        empty.Base = 0;
        Instructions.LoadIdt(&empty);
        *(byte*)0 = 0;
    }

    [StructLayout(LayoutKind.Sequential, Pack = 1)]
    private struct TablePointer
    {
        internal ushort Limit;
        internal ulong Base;
    }

    [StructLayout(LayoutKind.Sequential, Pack = 4)]
    private struct TaskStateSegment
    {
        internal uint Reserved0;
        internal ulong Rsp0;
        internal ulong Rsp1;
        internal ulong Rsp2;
        internal ulong Reserved1;
        internal ulong Ist1;
        internal ulong Ist2;
        internal ulong Ist3;
        internal ulong Ist4;
        internal ulong Ist5;
        internal ulong Ist6;
        internal ulong Ist7;
        internal ulong Reserved2;
        internal ushort Reserved3;
        internal ushort IoMapBase;
    }

    private struct GdtStorage
    {
        internal const int Count = 10;
        internal fixed ulong Entries[Count];
    }

    private struct IdtStorage
    {
        internal fixed ulong Entries[GateCount * 2];
    }
}
