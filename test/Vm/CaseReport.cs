using System.Globalization;
using System.Text.RegularExpressions;

namespace Semitone.Vm;

/// <summary>One case, as the guest reported it.</summary>
/// <param name="Failure">Null when it passed.</param>
internal sealed record GuestCase(int Number, string Name, string? Failure);

/// <summary>
/// What the guest said of its cases: <c>1..N</c>, <c>ok i NAME</c> or <c>not ok i NAME: why</c>, and <c>done, N failed</c>.
/// </summary>
internal sealed partial record CaseReport(int? Announced, IReadOnlyList<GuestCase> Cases, bool HasReachedTheEnd)
{
    public static CaseReport Parse(string console)
    {
        // The firmware of a PC leaves the cursor in the middle of a line.
        Match plan = Plan().Match(console);
        List<GuestCase> cases = [];
        foreach (Match line in Case().Matches(console))
        {
            string name = line.Groups["name"].Value;
            string? failure = line.Groups["not"].Success ? line.Groups["why"].Value : null;
            cases.Add(new GuestCase(int.Parse(line.Groups["number"].Value, CultureInfo.InvariantCulture), name, failure));
        }

        return new CaseReport(
            plan.Success ? int.Parse(plan.Groups[1].Value, CultureInfo.InvariantCulture) : null, cases, End().IsMatch(console));
    }

    /// <summary>Says what is wrong with a run as a whole, the single cases aside.</summary>
    /// <returns>Null when every case that was announced has been run, and the machine has ended as it should.</returns>
    public static string? FindFault(MachineRun run)
    {
        CaseReport report = Parse(run.Console);
        bool hasFailures = report.Cases.Any(guestCase => guestCase.Failure is not null);
        const int StatusOfFailures = (1 << 1) | 1;
        return report switch
        {
            _ when run.HasHung => "it hung",
            _ when run.HasPanicked => "it panicked",
            { Announced: null } => "it announced no cases",
            { Announced: 0 } => "there are no cases",
            _ when report.Cases.Count != report.Announced => $"it ran {report.Cases.Count} of {report.Announced} cases",
            _ when report.Cases.Select(guestCase => guestCase.Number)
                .Order()
                .SequenceEqual(Enumerable.Range(1, report.Cases.Count)) == false => "it numbered its cases wrong",
            { HasReachedTheEnd: false } => "it did not reach the end",
            _ when run.Status != (hasFailures ? StatusOfFailures : 0) => $"QEMU ended with {run.Status}",
            _ => null,
        };
    }

    [GeneratedRegex(@"1\.\.(\d+)\r?$", RegexOptions.Multiline)]
    private static partial Regex Plan();

    [GeneratedRegex(@"^(?<not>not )?ok (?<number>\d+) (?<name>\w+)(: (?<why>.*))?\r?$", RegexOptions.Multiline)]
    private static partial Regex Case();

    [GeneratedRegex(@"^done, \d+ failed\r?$", RegexOptions.Multiline)]
    private static partial Regex End();
}
