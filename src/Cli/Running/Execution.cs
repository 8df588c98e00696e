using Semitone.Cli.Kvm;
using Semitone.Cli.Qemu;

namespace Semitone.Cli.Running;

/// <summary>A machine's run from its start to its end, with a second start where KVM does not do what it promised.</summary>
internal sealed record Execution
{
    /// <summary>What was asked for; null for KVM where it can be used.</summary>
    public Accelerator? Accelerator { get; init; }

    public string? CpuModel { get; init; }

    /// <summary>Nothing is said that is no error.</summary>
    public bool IsQuiet { get; init; }

    /// <summary>System calls that are missing are told of also where the program did without.</summary>
    public bool TellsMissingCalls { get; init; }

    /// <summary>The kernel's counters are told of.</summary>
    public bool HasStatistics { get; init; }

    /// <summary>Called with the machine as soon as QEMU runs.</summary>
    public Action<VirtualMachine>? HasMachine { get; init; }

    /// <summary>Runs a machine to its end.</summary>
    /// <remarks>To be called on the main thread, see <see cref="Posix.ChildProcess.Start"/>.</remarks>
    public RunOutcome Run(MachineSetup setup, HostCapabilities host)
    {
        Array.ForEach(setup.Options.Network.Ports, port => port.CheckFree());

        // Said when the guest runs: where it never does, something else is the matter.
        bool isSlow = Accelerator is null && host.Kvm.State is not (KvmState.Usable or KvmState.Absent);
        string? slowness = isSlow ? host.Kvm.Reason : null;

        // The second net: what KVM does for a probe it may yet not do for QEMU.
        StartFailure? problem = null;
        bool mayFallBack = setup.Options.Accelerator == Qemu.Accelerator.Kvm && Accelerator is null;
        VirtualMachine machine = new(setup with { FallBack = mayFallBack ? FallBack : null, HasStarted = SaySlowness });
        HasMachine?.Invoke(machine);
        RunOutcome outcome = machine.RunToEnd();
        GuestReport report = machine.Report;
        if (problem is { } seen && report.IsReady && CpuModel is null)
        {
            KvmInspector.Correct(KvmInspector.Device, setup.Options.Executable, seen.Reason, seen.MayPass);
        }

        if (report.MissingCalls is { } calls && (report.Status is not (null or 0) || TellsMissingCalls))
        {
            // Programs seldom say that it was this.
            Say($"the program made system calls that are not there yet: {calls}");
        }

        if (HasStatistics && report.Statistics is { } statistics)
        {
            setup.Console.Say(statistics);
        }

        return outcome;

        QemuOptions FallBack(StartFailure failure)
        {
            problem = failure;
            slowness = failure.Reason;
            return RunPlan.WithoutKvm(setup.Options);
        }

        void SaySlowness()
        {
            if (slowness is { } reason)
            {
                Say($"KVM is not used, the program runs more slowly: {reason}");
            }
        }

        void Say(string line)
        {
            if (!IsQuiet)
            {
                setup.Console.Say($"semitone: {line}");
            }
        }
    }
}
