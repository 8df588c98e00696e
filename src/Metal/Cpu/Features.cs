namespace Semitone.Metal.Cpu;

/// <summary>What this processor has, and the control bits that follow from it.</summary>
// SAFETY: the buffers for CPUID are four words on the stack, as cpuid_leaf writes them.
internal static unsafe class Features
{
    private const ulong Cr4PhysicalAddressExtension = 1 << 5;
    private const ulong Cr4MachineCheck = 1 << 6;
    private const ulong Cr4GlobalPages = 1 << 7;
    private const ulong Cr4OsFxsr = 1 << 9;
    private const ulong Cr4OsXmmExceptions = 1 << 10;
    private const ulong Cr4Umip = 1 << 11;
    private const ulong Cr4FsGsBase = 1 << 16;
    private const ulong Cr4OsXsave = 1 << 18;
    private const ulong Cr4Smep = 1 << 20;
    private const ulong Cr4Smap = 1 << 21;

    private const uint StarMsr = 0xC000_0081;
    private const uint LstarMsr = 0xC000_0082;
    private const uint CstarMsr = 0xC000_0083;
    private const uint FmaskMsr = 0xC000_0084;
    private const uint SysenterCsMsr = 0x174;
    private const uint SysenterEspMsr = 0x175;
    private const uint SysenterEipMsr = 0x176;
    private const uint PageAttributesMsr = 0x277;
    private const uint GsBaseMsr = 0xC000_0101;
    private const uint KernelGsBaseMsr = 0xC000_0102;

    /// <summary>The page attribute table after a reset: PCD and PWT together are uncached (Intel SDM Vol. 3A, 11.12.4).</summary>
    private const ulong PageAttributesAtReset = 0x0007_0406_0007_0406;

    /// <summary>
    /// x87, SSE, AVX and the three components of AVX-512: what guests may use. Nothing that needs more than a page to keep.
    /// </summary>
    private const ulong GuestComponents = 0xE7;

    internal static bool HasFsGsBase { get; private set; }

    internal static bool HasSmap { get; private set; }

    internal static bool HasXsave { get; private set; }

    internal static bool HasTscDeadline { get; private set; }

    internal static bool HasInvariantTsc { get; private set; }

    internal static bool HasRdseed { get; private set; }

    internal static bool HasRdrand { get; private set; }

    /// <summary>EDX of leaf 1, for AT_HWCAP.</summary>
    internal static uint Leaf1Edx { get; private set; }

    /// <summary>Whether string instructions are emulated one element at a time (QEMU's TCG).</summary>
    internal static bool IsEmulated { get; private set; }

    /// <summary>Bits of a physical address: MAXPHYADDR.</summary>
    internal static int PhysicalAddressBits { get; private set; }

    internal static uint HypervisorMaximum { get; private set; }

    /// <summary>XCR0; 0 without XSAVE.</summary>
    internal static ulong EnabledComponents { get; private set; }

    /// <summary>Bytes of the XSAVE area for <see cref="EnabledComponents"/>; 512 (FXSAVE) without XSAVE.</summary>
    internal static uint ExtendedStateSize { get; private set; }

    internal static void DetectAndEnable()
    {
        uint* r = stackalloc uint[4];
        Instructions.Cpuid(0, 0, r);
        uint maximum = r[0];
        Instructions.Cpuid(1, 0, r);
        uint ecx = r[2];
        Leaf1Edx = r[3];
        HasXsave = (ecx & (1u << 26)) != 0;
        HasTscDeadline = (ecx & (1u << 24)) != 0;
        HasRdrand = (ecx & (1u << 30)) != 0;
        bool isVirtual = (ecx & (1u << 31)) != 0;

        uint leaf7Ebx = 0;
        uint leaf7Ecx = 0;
        if (maximum >= 7)
        {
            Instructions.Cpuid(7, 0, r);
            leaf7Ebx = r[1];
            leaf7Ecx = r[2];
        }

        HasFsGsBase = (leaf7Ebx & 1) != 0;
        HasSmap = (leaf7Ebx & (1u << 20)) != 0;
        HasRdseed = (leaf7Ebx & (1u << 18)) != 0;
        bool hasSmep = (leaf7Ebx & (1u << 7)) != 0;
        bool hasUmip = (leaf7Ecx & (1u << 2)) != 0;

        Instructions.Cpuid(0x8000_0000, 0, r);
        uint extended = r[0];
        PhysicalAddressBits = 36;
        if (extended >= 0x8000_0008)
        {
            Instructions.Cpuid(0x8000_0008, 0, r);
            PhysicalAddressBits = (int)(r[0] & 0xFF);
        }

        if (extended >= 0x8000_0007)
        {
            Instructions.Cpuid(0x8000_0007, 0, r);
            HasInvariantTsc = (r[3] & (1u << 8)) != 0;
        }

        if (isVirtual)
        {
            Instructions.Cpuid(0x4000_0000, 0, r);
            HypervisorMaximum = r[0];
            IsEmulated = r[1] == 0x54474354 && r[2] == 0x43544743 && r[3] == 0x47435447; // "TCGTCGTCGTCG"
        }

        // The whole of CR4: nothing of what a boot loader left on. In long mode PAE stays (Intel SDM Vol. 3A, 4.1.1).
        ulong cr4 = Cr4PhysicalAddressExtension | Cr4OsFxsr | Cr4OsXmmExceptions;
        cr4 |= HasXsave ? Cr4OsXsave : 0;
        cr4 |= (Leaf1Edx & (1u << 7)) != 0 ? Cr4MachineCheck : 0; // or a machine check would reset the machine without a word
        cr4 |= (Leaf1Edx & (1u << 13)) != 0 ? Cr4GlobalPages : 0; // no entry is global yet: the boot page tables have none
        cr4 |= HasFsGsBase ? Cr4FsGsBase : 0;
        cr4 |= hasSmep ? Cr4Smep : 0;
        cr4 |= HasSmap ? Cr4Smap : 0;
        cr4 |= hasUmip ? Cr4Umip : 0;
        Instructions.WriteCr4(cr4);
        Instructions.ResetDebugRegisters();
        if ((Leaf1Edx & (1u << 16)) != 0)
        {
            Instructions.WriteMsr(PageAttributesMsr, PageAttributesAtReset);
        }

        EnableExtendedState();
    }

    /// <summary>Points SYSCALL at Metal and GS at this CPU's data.</summary>
    internal static void InstallSystemCalls(PerCpu* cpu)
    {
        cpu->Self = cpu;
        cpu->MetalStackTop = Symbols.MetalStackTop();
        cpu->HasSmap = HasSmap ? 1UL : 0;
        cpu->HasFsGsBase = HasFsGsBase ? 1UL : 0;
        Instructions.WriteMsr(GsBaseMsr, (ulong)cpu);
        Instructions.WriteMsr(KernelGsBaseMsr, 0);
        Instructions.WriteMsr(StarMsr, ((ulong)DescriptorTables.SysretBase << 48) | ((ulong)DescriptorTables.KernelCs << 32));
        Instructions.WriteMsr(LstarMsr, HasFsGsBase ? Symbols.SyscallEntry() : Symbols.SyscallEntryByMsr());

        Instructions.WriteMsr(CstarMsr, Symbols.SyscallEntry32());

        // Cleared on entry: every flag that there is, those too that only a translator lets a guest have (VM).
        Instructions.WriteMsr(FmaskMsr, 0x3F_7FD5);

        // A null code segment makes SYSENTER a general protection fault (Intel SDM Vol. 2B, SYSENTER); AMD's CPUs do not know it in long
        // mode.
        if ((Leaf1Edx & (1u << 11)) != 0)
        {
            Instructions.WriteMsr(SysenterCsMsr, 0);
            Instructions.WriteMsr(SysenterEspMsr, 0);
            Instructions.WriteMsr(SysenterEipMsr, 0);
        }
    }

    /// <summary>
    /// Lifts SMAP for good: this CPU checks a guest's own access as the supervisor's
    /// (<see cref="Semitone.Metal.Runtime.DoorTable.LiftSmap"/>).
    /// </summary>
    /// <returns>Whether it was on.</returns>
    internal static bool LiftSmap()
    {
        ulong cr4 = Instructions.ReadCr4();
        if ((cr4 & Cr4Smap) == 0)
        {
            return false;
        }

        // STAC and CLAC stay what they are: they ask for the CPUID bit only (Intel SDM Vol. 2B, STAC).
        Instructions.WriteCr4(cr4 & ~Cr4Smap);
        return true;
    }

    /// <summary>The GS base of the guest that the CPU holds: it waits behind SWAPGS while ring 0 runs.</summary>
    internal static ulong ReadGuestGsBase() =>
        HasFsGsBase ? Instructions.ReadGuestGsBase() : Instructions.ReadMsr(KernelGsBaseMsr);

    internal static void WriteGuestGsBase(ulong value)
    {
        if (HasFsGsBase)
        {
            Instructions.WriteGuestGsBase(value);
        }
        else
        {
            Instructions.WriteMsr(KernelGsBaseMsr, value);
        }
    }

    /// <summary>Gives guests AVX and AVX-512. The kernel has no such instruction: the build looks (KernelImage.targets).</summary>
    private static void EnableExtendedState()
    {
        ExtendedStateSize = 512;
        if (!HasXsave)
        {
            return;
        }

        uint* r = stackalloc uint[4];
        Instructions.Cpuid(0xD, 0, r);
        ulong supported = ((ulong)r[3] << 32) | r[0];
        ulong enabled = supported & GuestComponents;
        if ((enabled & 0xE0) != 0xE0 || (enabled & 4) == 0)
        {
            enabled &= ~0xE0UL; // AVX-512 is all three components on top of AVX, or none (SDM Vol. 1, 13.3)
        }

        Instructions.WriteXcr0(enabled);
        Instructions.Cpuid(0xD, 0, r);
        EnabledComponents = enabled;
        ExtendedStateSize = r[1];
    }
}
