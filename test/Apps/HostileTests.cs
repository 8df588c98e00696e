namespace Semitone.Apps;

/// <summary>
/// Programs that mean no good: whatever they do, the machine ends with a status of theirs, in time, and without a word about a bug.
/// </summary>
public sealed class HostileTests
{
    private static readonly string[] s_compiler = ["gcc", "-O1", "-static", "-pthread"];

    /// <summary>What the kernel has to refuse, with an errno, before its own memory or the machine's is used up.</summary>
    public static TheoryData<string> Refused =>
    [
        "files", "small-files", "long-names", "links", "symbolic-links", "folders", "deep-folders", "file", "sparse-file", "vectors",
        "memory-files", "pipes", "descriptors",
        "duplicates", "high-descriptors", "counters", "watches", "poll", "maps", "locks", "threads", "timers", "armed-timers", "signals",
        "mappings", "arguments",
    ];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Run_RandomSystemCalls_EndsByItself(int seed)
    {
        ProgramRun run = Guest.Run(
            [CompiledPrograms.Get("fuzz.c", s_compiler), "--", seed.ToString(System.Globalization.CultureInfo.InvariantCulture), "8", "3"]);
        CheckMachineSurvived(run);
    }

    [Theory]
    [MemberData(nameof(Refused))]
    public void Run_TakesAllOfOneThing_IsRefusedAndLives(string what)
    {
        ProgramRun run = Guest.Run(["-M", "32Mi", CompiledPrograms.Get("exhaust.c", s_compiler), "--", what]);
        Assert.True(run.Status == 0 && run.Output.StartsWith(what, StringComparison.Ordinal), run.Describe());
    }

    [Theory]
    [InlineData("memory")]
    [InlineData("shared-memory")]
    [InlineData("page-tables")]
    public void Run_TouchesMoreMemoryThanThereIs_IsKilledWithOneLine(string what)
    {
        ProgramRun run = Guest.Run(["-M", "32Mi", CompiledPrograms.Get("exhaust.c", s_compiler), "--", what]);
        Assert.True(run.Status == 137, run.Describe());
        Assert.Contains(
            "out of memory: killed",
            Assert.Single(run.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)),
            StringComparison.Ordinal);
    }

    /// <summary>The program may end in any way, of a signal too; the kernel may not.</summary>
    private static void CheckMachineSurvived(ProgramRun run)
    {
        Assert.True(run.Status is not (121 or 122), run.Describe());
        Assert.DoesNotContain("kernel bug", run.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("panic", run.Errors, StringComparison.Ordinal);
    }
}
