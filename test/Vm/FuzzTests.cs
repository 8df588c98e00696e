using System.Globalization;
using System.Text.RegularExpressions;
using Semitone.Cli.Qemu;

namespace Semitone.Vm;

/// <summary>
/// Hostile instructions in ring 3 (test/Guest/InstructionFuzzer.cs): a million streams of them here; <c>./semitone fuzz</c> runs any
/// number.
/// </summary>
public sealed partial class FuzzTests
{
    private const ulong DefaultCount = 1_000_000;

    /// <summary>Between two lines that say how far the fuzzer is.</summary>
    private const ulong Interval = 4096;

    /// <summary>How many streams one machine runs; more machines find more of what only a fresh one shows.</summary>
    private const ulong PerMachine = 500_000;

    /// <summary>FIRST:COUNT, in place of what the tests always run.</summary>
    private const string Variable = "SEMITONE_FUZZ";

    /// <summary>What a process ends with that SIGSEGV ends. QEMU itself: a guest that faults three times makes it end with 0.</summary>
    private const int SegmentationFault = 128 + 11;

    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(10);

    [Fact]
    public void Run_StreamsOfHostileInstructions_LeaveTheKernelAndABystanderUntouched()
    {
        string[] option = (Environment.GetEnvironmentVariable(Variable) ?? $"1:{DefaultCount}").Split(':');
        ulong first = ulong.Parse(option[0], CultureInfo.InvariantCulture);
        ulong end = first + ulong.Parse(option[1], CultureInfo.InvariantCulture);
        ulong skipped = 0;
        string[] processors = ["max", "qemu64", "max,-fsgsbase", "max,-smap,-smep,-umip"];
        for (ulong next = first; next < end;)
        {
            ulong count = Math.Min(PerMachine, end - next);
            string cpu = processors[(next - first) / PerMachine % (ulong)processors.Length];
            Variant machine = new("fuzz", MachineType.MicroVm) { Cpu = cpu };
            MachineRun run = MachineRun.Boot(machine, string.Create(CultureInfo.InvariantCulture, $"fuzz={next}:{count}"), s_limit);
            if (run.Console.Contains("fuzz is clean", StringComparison.Ordinal) && run.Status == 0)
            {
                next += count;
                continue;
            }

            // QEMU has faults of its own in what programs do not do; that is no fault of the kernel's, but those streams were not run.
            bool hasFailed = run.Status == SegmentationFault || TranslatorFailure().IsMatch(run.Problems);
            bool isQemu = !run.HasHung && !run.HasPanicked && hasFailed;
            Assert.True(
                isQemu, $"-cpu {cpu}, streams from {next} on, of which the last line names the {Interval} that hold it: {run.Describe()}");
            ulong last = ulong.Parse(Progress().Matches(run.Console)[^1].Groups[1].Value, CultureInfo.InvariantCulture);
            ulong lost = Math.Min(Interval, end - last);
            skipped += lost;
            next = last + lost;
        }

        Assert.InRange(skipped, 0UL, (end - first) / 10);
        TestContext.Current.SendDiagnosticMessage($"{end - first - skipped} streams were run, {skipped} left out");
    }

    [GeneratedRegex(@"fuzz at (\d+)")]
    private static partial Regex Progress();

    [GeneratedRegex("tcg fatal error|Assertion .* failed|code should not be reached")]
    private static partial Regex TranslatorFailure();
}
