using System.Buffers.Binary;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Kvm;

/// <summary>A virtual machine with one CPU, which runs ProbeGuest.S.</summary>
internal sealed class ProbeMachine : IDisposable
{
    /// <summary>What is tried before the guest has told of a step.</summary>
    public const string FirstInstruction = "the first instruction";

    private const ulong LoadAddress = 0x1000;
    private const int MemorySize = 0x40000;
    private const ushort StepPort = 0xE0;
    private const ushort FailurePort = 0xE8;
    private const uint WrongResult = 0x20;

    // struct kvm_run
    private const ulong ExitReasonOffset = 8;
    private const ulong DetailOffset = 32;
    private const ulong PortOffset = 34;
    private const ulong DataPlaceOffset = 40;

    // struct kvm_regs and kvm_sregs, and of a segment in there its base and selector
    private const int RegistersSize = 144;
    private const int RipOffset = 128;
    private const int RflagsOffset = 136;
    private const int SpecialRegistersSize = 312;
    private const int SelectorOffset = 12;

    private readonly KvmDevice _vm;
    private readonly MappedMemory _memory;
    private readonly KvmDevice _cpu;
    private readonly MappedMemory _run;

    private ProbeMachine(KvmDevice vm, MappedMemory memory, KvmDevice cpu, MappedMemory run)
    {
        _vm = vm;
        _memory = memory;
        _cpu = cpu;
        _run = run;
    }

    private enum ExitReason : uint
    {
        Unknown = 0,
        Io = 2,
        Halt = 5,
        Mmio = 6,
        Shutdown = 8,
        FailedEntry = 9,
        Interrupted = 10,
        InternalError = 17,
    }

    /// <summary>Makes a machine whose CPU is about to execute the guest's first instruction, in real mode.</summary>
    /// <exception cref="KvmFailedException">KVM would not.</exception>
    public static ProbeMachine Create(KvmDevice kvm, CpuidTable cpuid, ReadOnlySpan<byte> guest)
    {
        // As QEMU does it: what Intel's CPUs before 2010 need for real mode, and the interrupt controllers in the kernel.
        nint tssAddress = unchecked((nint)0xFFFBD000);
        const ulong IdentityMapAddress = 0xFFFBC000;
        MappedMemory memory = MappedMemory.CreatePrivate(MemorySize) ?? throw new KvmFailedException(KvmState.Busy, "there is no memory");
        memory.WriteSpan(LoadAddress, guest);
        KvmDevice vm = kvm.Create(KvmDevice.CreateVm, 0, "KVM_CREATE_VM");
        vm.Call(KvmDevice.SetTssAddress, tssAddress, "KVM_SET_TSS_ADDR");
        byte[] address = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(address, IdentityMapAddress);
        vm.Call(KvmDevice.SetIdentityMapAddress, address, "KVM_SET_IDENTITY_MAP_ADDR");
        vm.Call(KvmDevice.CreateIrqChip, 0, "KVM_CREATE_IRQCHIP");

        // struct kvm_userspace_memory_region: slot, flags, guest address, size, our address
        byte[] region = new byte[32];
        BinaryPrimitives.WriteUInt64LittleEndian(region.AsSpan(16), MemorySize);
        BinaryPrimitives.WriteUInt64LittleEndian(region.AsSpan(24), memory.Address);
        vm.Call(KvmDevice.SetUserMemoryRegion, region, "KVM_SET_USER_MEMORY_REGION");

        int runSize = kvm.Call(KvmDevice.GetVcpuMmapSize, 0, "KVM_GET_VCPU_MMAP_SIZE");
        KvmDevice cpu = vm.Create(KvmDevice.CreateVcpu, 0, "KVM_CREATE_VCPU");
        MappedMemory run = MappedMemory.Share(cpu.Descriptor, (nuint)runSize)
            ?? throw new KvmFailedException(KvmState.Broken, "mmap of a virtual CPU failed");
        ProbeMachine machine = new(vm, memory, cpu, run);
        cpuid.Install(cpu);
        machine.SetRegisters();
        return machine;
    }

    /// <summary>Sets the model-specific registers that QEMU sets on every start.</summary>
    /// <param name="architectureCapabilities">What KVM has for IA32_ARCH_CAPABILITIES; null when it does not know that register.</param>
    /// <returns>False when the CPU does not take the capabilities that it is said to have.</returns>
    /// <exception cref="KvmFailedException">Another one cannot be set.</exception>
    public bool TrySetMsrs(ulong? architectureCapabilities)
    {
        // SYSENTER's three, PAT, STAR, CSTAR, KERNEL_GS_BASE, FMASK, LSTAR
        foreach (uint index in (uint[])[0x174, 0x175, 0x176, 0x277, 0xC000_0081, 0xC000_0083, 0xC000_0102, 0xC000_0084, 0xC000_0082])
        {
            byte[] register = Msr.Describe(index, 0);
            if (_cpu.Call(KvmDevice.GetMsrs, register, "KVM_GET_MSRS") != 1 || _cpu.Call(KvmDevice.SetMsrs, register, "KVM_SET_MSRS") != 1)
            {
                throw new KvmFailedException(KvmState.Broken, $"the model-specific register 0x{index:x} cannot be set");
            }
        }

        return architectureCapabilities is not { } value
            || _cpu.Call(KvmDevice.SetMsrs, Msr.Describe(Msr.ArchitectureCapabilities, value), "KVM_SET_MSRS") == 1;
    }

    /// <summary>Runs the guest to its end.</summary>
    /// <param name="tell">Hears of each step before it is tried.</param>
    /// <returns>Null when everything worked; else the step that did not, and how.</returns>
    public (ProbeStep Step, string How)? Run(Action<ProbeStep> tell)
    {
        ProbeStep step = new(FirstInstruction, default, "");
        while (true)
        {
            _cpu.Call(KvmDevice.Run, 0, "KVM_RUN");
            var reason = (ExitReason)_run.Read<uint>(ExitReasonOffset);
            if (reason == ExitReason.Interrupted)
            {
                continue;
            }

            if (reason != ExitReason.Io)
            {
                return (step, Describe(reason));
            }

            uint value = ReadPortData();
            switch (_run.Read<ushort>(PortOffset))
            {
                case StepPort when value == 0:
                    return null;
                case StepPort:
                    step = ProbeStep.Read(_memory, value);
                    tell(step);
                    break;
                case FailurePort:
                    return (step, value == WrongResult ? "gave a wrong result" : $"raised exception {value}");
                default:
                    return (step, "made an access to a port that was not in the program");
            }
        }
    }

    public void Dispose()
    {
        _run.Dispose();
        _cpu.Dispose();
        _vm.Dispose();
        _memory.Dispose();
    }

    private uint ReadPortData()
    {
        ulong place = _run.Read<ulong>(DataPlaceOffset);
        return place <= _run.ByteLength - sizeof(uint)
            ? _run.Read<uint>(place)
            : throw new KvmFailedException(KvmState.Broken, "KVM_RUN gave an answer that makes no sense");
    }

    private string Describe(ExitReason reason) => reason switch
    {
        ExitReason.InternalError => $"made KVM stop with an internal error (suberror {_run.Read<uint>(DetailOffset)})",
        ExitReason.FailedEntry => $"could not be entered (hardware reason 0x{_run.Read<ulong>(DetailOffset):x})",
        ExitReason.Shutdown => "reset the machine (a triple fault)",
        ExitReason.Mmio => "made an access to memory that is not there",
        _ => $"ended KVM_RUN with exit reason {(uint)reason}",
    };

    private void SetRegisters()
    {
        byte[] special = new byte[SpecialRegistersSize];
        _cpu.Call(KvmDevice.GetSpecialRegisters, special, "KVM_GET_SREGS");
        special.AsSpan(0, sizeof(ulong)).Clear();
        special.AsSpan(SelectorOffset, sizeof(ushort)).Clear();
        _cpu.Call(KvmDevice.SetSpecialRegisters, special, "KVM_SET_SREGS");
        byte[] registers = new byte[RegistersSize];
        BinaryPrimitives.WriteUInt64LittleEndian(registers.AsSpan(RipOffset), LoadAddress);
        BinaryPrimitives.WriteUInt64LittleEndian(registers.AsSpan(RflagsOffset), 2); // the bit that is always 1
        _cpu.Call(KvmDevice.SetRegisters, registers, "KVM_SET_REGS");
    }
}
