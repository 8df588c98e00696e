using System.Collections.Immutable;

namespace Semitone.Cli.Kvm;

/// <summary>Finds out whether KVM runs our kind of code, by running some.</summary>
/// <remarks>
/// That a virtual machine can be made says little: there are devices behind /dev/kvm that interpret a guest until it makes a private
/// agreement with them, and stop at the first SSE instruction, and others that promise features that the machine around them does not have.
/// To be called in a process that may hang: see <see cref="KvmInspector"/>.
/// </remarks>
internal static class KvmProbe
{
    private const int StableApiVersion = 12;

    /// <summary>Each attempt leaves out one thing more; there are not that many.</summary>
    private const int MaximumAttempts = 12;

    private const string ArchitectureCapabilitiesFlag = "arch-capabilities";

    private static readonly CpuidBit s_architectureCapabilities = new(7, Register: 3, Bit: 29);

    /// <summary>Tries a device.</summary>
    /// <param name="path">The device.</param>
    /// <param name="tell">Hears what is tried next.</param>
    public static KvmAnswer Run(string path, Action<string> tell)
    {
        try
        {
            if (KvmDevice.Open(path, out KvmDevice? kvm) is not 0 and int error)
            {
                return KvmInspector.DescribeOpenError(path, error);
            }

            using (kvm)
            {
                return Run(kvm!, tell);
            }
        }
        catch (KvmFailedException failure)
        {
            return KvmAnswer.No(failure.State, failure.Message);
        }
    }

    private static KvmAnswer Run(KvmDevice kvm, Action<string> tell)
    {
        tell("its version");
        int version = kvm.Call(KvmDevice.GetApiVersion, 0, "it is no KVM device (KVM_GET_API_VERSION)");
        if (version != StableApiVersion)
        {
            return KvmAnswer.No(KvmState.Broken, $"it has API version {version}, not {StableApiVersion}");
        }

        tell("what it can give to guests");
        CpuidTable cpuid = CpuidTable.Read(kvm);
        byte[] guest = ReadGuest();
        ImmutableArray<string> removed = [];
        for (int attempt = 0; attempt < MaximumAttempts; attempt++)
        {
            tell("a virtual machine");
            using ProbeMachine machine = ProbeMachine.Create(kvm, cpuid, guest);
            if (!TrySetMsrs(machine, kvm, cpuid))
            {
                cpuid.Clear(s_architectureCapabilities);
                removed = removed.Add(ArchitectureCapabilitiesFlag);
                continue;
            }

            tell(ProbeMachine.FirstInstruction);
            if (machine.Run(step => tell(step.Name)) is not { } failure)
            {
                return KvmAnswer.Usable with { Removed = removed };
            }

            if (failure.Step.Flag.Length == 0 || !cpuid.Has(failure.Step.Condition))
            {
                return KvmAnswer.No(KvmState.Broken, $"{failure.Step.Name} {failure.How}");
            }

            cpuid.Clear(failure.Step.Condition);
            removed = removed.Add(failure.Step.Flag);
        }

        return KvmAnswer.No(KvmState.Broken, $"too much of what it promises does not work ({string.Join(", ", removed)})");
    }

    /// <summary>Sets what QEMU sets.</summary>
    /// <returns>False when the guest must do without IA32_ARCH_CAPABILITIES.</returns>
    private static bool TrySetMsrs(ProbeMachine machine, KvmDevice kvm, CpuidTable cpuid)
    {
        byte[] capabilities = Msr.Describe(Msr.ArchitectureCapabilities, 0);
        bool isKnown = cpuid.Has(s_architectureCapabilities) && kvm.TryCall(KvmDevice.GetMsrs, capabilities) == 1;
        return machine.TrySetMsrs(isKnown ? Msr.GetValue(capabilities) : null);
    }

    private static byte[] ReadGuest()
    {
        using Stream resource = typeof(KvmProbe).Assembly.GetManifestResourceStream("ProbeGuest")
            ?? throw new InvalidOperationException("the probe's guest is not in the executable");
        byte[] guest = new byte[resource.Length];
        resource.ReadExactly(guest);
        return guest;
    }
}
