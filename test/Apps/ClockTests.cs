using System.Globalization;

namespace Semitone.Apps;

/// <summary>The guest's clocks beside the host's.</summary>
/// <remarks>
/// A guest's reading belongs to some moment between the host's question and the answer's arrival, so a busy host makes the verdict less
/// sharp and never wrong. A test fails only when no moment within those brackets makes the clock right. <c>./semitone clocks</c> takes the
/// distribution over many boots beside two busy loops.
/// </remarks>
public sealed class ClockTests
{
    /// <summary>Half a part in a thousand.</summary>
    private const double RateTolerance = 0.0005;

    private const double WallTolerance = 0.005;

    /// <summary>
    /// A busy host may be slow to answer the first questions, and the program is not kept waiting for quick ones for long.
    /// </summary>
    private const double EarlyWallTolerance = 0.25;

    /// <summary>
    /// Seconds after which the time of day is corrected, at most, while other tests keep the host busy; <c>./semitone clocks</c> asks for
    /// <see cref="WallTolerance"/>.
    /// </summary>
    private const double LateWallTolerance = 0.05;

    /// <summary>
    /// QEMU's clock chip starts at a whole second and stays behind the host by the fraction: nobody else tells a bare machine the time.
    /// </summary>
    private const double ChipTolerance = 1.05;

    private readonly ITestOutputHelper _output;

    public ClockTests(ITestOutputHelper output) => _output = output;

    public static TheoryData<string> Machines => ["microvm", "q35", ClockComparison.Bare];

    [Theory]
    [MemberData(nameof(Machines))]
    public void Clocks_BesideTheHosts_AreRight(string machine)
    {
        bool isBare = machine == ClockComparison.Bare;
        ClockComparison comparison = ClockComparison.Run(machine, TimeSpan.FromSeconds(2));
        _output.WriteLine(comparison.ToString());
        Assert.True(comparison.RateErrorAtLeast <= RateTolerance, comparison.ToString());
        Assert.True(comparison.EarlyWallErrorAtLeast <= (isBare ? ChipTolerance : EarlyWallTolerance), comparison.ToString());
        Assert.True(comparison.LateWallErrorAtLeast <= (isBare ? ChipTolerance : LateWallTolerance), comparison.ToString());
        Assert.True(comparison.IsOrdered, comparison.ToString());
    }

    /// <summary>
    /// Run by <c>./semitone clocks</c>: SEMITONE_CLOCK_BOOTS boots of SEMITONE_CLOCK_SECONDS seconds each, beside SEMITONE_CLOCK_LOOPS busy
    /// loops.
    /// </summary>
    [Fact(Explicit = true)]
    public void Clocks_ManyBoots_AreRightInEach()
    {
        int boots = ReadNumber("SEMITONE_CLOCK_BOOTS", 200);
        TimeSpan length = TimeSpan.FromSeconds(ReadNumber("SEMITONE_CLOCK_SECONDS", 10));
        string machine = Environment.GetEnvironmentVariable("SEMITONE_CLOCK_MACHINE") ?? "microvm";
        string results = Path.Combine(Repository.Root, "out", "clocks.txt");
        File.WriteAllText(results, "");
        List<ClockComparison> all = [];
        using BusyLoops loops = new(ReadNumber("SEMITONE_CLOCK_LOOPS", 2));
        for (int boot = 0; boot < boots; boot++)
        {
            ClockComparison comparison = ClockComparison.Run(machine, length);
            all.Add(comparison);
            File.AppendAllText(results, comparison + "\n");
        }

        _output.WriteLine(ClockComparison.Summarize(all, RateTolerance, WallTolerance));
        File.AppendAllText(results, ClockComparison.Summarize(all, RateTolerance, WallTolerance) + "\n");
        Assert.All(all, comparison => Assert.True(
            comparison.RateErrorAtLeast <= RateTolerance
                && comparison.WallErrorAtLeast <= WallTolerance
                && comparison.IsOrdered, comparison.ToString()));
    }

    private static int ReadNumber(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out int value) ? value : otherwise;
}
