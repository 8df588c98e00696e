using System.CommandLine;
using System.Text;
using Semitone.Cli.Benchmarks;
using Semitone.Cli.Kvm;
using Semitone.Cli.Posix;
using Semitone.Cli.Qemu;
using Semitone.Cli.Running;

namespace Semitone.Cli.Commands;

/// <summary><c>semitone bench</c>.</summary>
internal static class BenchCommand
{
    public static Command Build()
    {
        Option<int> runs =
            new("--runs") { Description = "Runs of each measurement, the systems in turn", DefaultValueFactory = _ => 5, HelpName = "N" };
        Option<bool> icount = new("--icount") { Description = "Count guest instructions (TCG) instead of measuring times" };
        Option<string?> json = new("--json") { Description = "Write every single value to this file too", HelpName = "FILE" };
        Option<bool> q35 = new("--q35") { Description = "Measure on q35 instead of microvm" };
        Option<bool> noAcceleration = new("--disable-acceleration", "-W") { Description = "Use TCG even where there is KVM" };
        Option<string[]> only =
            new("--only") { Description = "Measure only this part: " + string.Join(", ", Benchmark.Parts), HelpName = "PART" };
        Command command =
            new("bench", "Measure this kernel against Linux in the same virtual machine") { runs, only, icount, json, q35, noAcceleration };
        command.SetAction(result =>
        {
            bool countsInstructions = result.GetValue(icount);
            Accelerator? accelerator = countsInstructions || result.GetValue(noAcceleration)
                ? Accelerator.Tcg
                : RunCommand.ReadAcceleratorVariable();
            HostCapabilities host = HostCapabilities.Detect(asksForKvm: accelerator != Accelerator.Tcg);
            if (accelerator == Accelerator.Kvm && !host.Kvm.IsUsable)
            {
                throw new CommandFailedException(ExitStatus.MachineFailed, $"KVM cannot be used: {host.Kvm.Reason}");
            }

            if (accelerator is null && host.Kvm.State is not (KvmState.Usable or KvmState.Absent))
            {
                Say($"KVM is not used: {host.Kvm.Reason}");
            }

            BenchmarkOptions options = new()
            {
                QemuExecutable = host.QemuExecutable,
                KernelPath = host.KernelPath,
                Folder = Path.Combine(AppContext.BaseDirectory, "bench"),
                Machine = result.GetValue(q35) ? MachineType.Q35 : MachineType.MicroVm,
                Accelerator = host.Kvm.IsUsable ? Accelerator.Kvm : Accelerator.Tcg,
                KvmDevice = host.KvmDevice,
                RemovedCpuFlags = host.Kvm.Removed,
                Runs = Math.Max(1, result.GetValue(runs)),
                CountsInstructions = countsInstructions,
                Only = ReadParts(result.GetValue(only) ?? []),
            };
            Benchmark benchmark = new(options, Say);
            if (options.Accelerator == Accelerator.Kvm && accelerator is null && !benchmark.Boots())
            {
                Say("KVM is not used: the kernel does not start with it");
                benchmark = new Benchmark(options with { Accelerator = Accelerator.Tcg, KvmDevice = null, RemovedCpuFlags = [] }, Say);
            }

            Output.Write(benchmark.Run());
            if (result.GetValue(json) is { } path)
            {
                using FileStream file = File.Create(path);
                benchmark.Write(file);
            }

            return 0;
        });
        return command;
    }

    private static void Say(string line) => Descriptor.TryWrite(Descriptor.StandardError, Encoding.UTF8.GetBytes(line + "\n"));

    private static string[] ReadParts(string[] parts)
    {
        string? unknown = Array.Find(parts, part => !Benchmark.Parts.Contains(part));
        return unknown is null ? parts : throw new CommandFailedException(
            ExitStatus.Usage, $"--only: there is no part '{unknown}'; there are {string.Join(", ", Benchmark.Parts)}");
    }
}
