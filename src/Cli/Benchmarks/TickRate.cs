using System.Globalization;
using System.Text.RegularExpressions;

namespace Semitone.Cli.Benchmarks;

/// <summary>How fast the guest's time-stamp counter and its clock ran in one run, by the host's clock.</summary>
/// <param name="TicksPerNs">Ticks of the counter in a nanosecond of the host's.</param>
/// <param name="ClockError">By how much the guest's clock was fast: 0.01 is 1 %; negative when it was slow.</param>
internal sealed partial record TickRate(double TicksPerNs, double ClockError)
{
    /// <summary>
    /// From here on it is worth a word; a good clock is within 0.05 %, and this is what the marks can tell on a busy host.
    /// </summary>
    private const double NotableError = 0.005;

    /// <summary>Below this the delays of the marks are too much of what they measure.</summary>
    private const double ShortestMs = 500;

    public bool IsClockWrong => Math.Abs(ClockError) > NotableError;

    /// <summary>Finds the rates from the marks that bench.c writes at its start and at its end.</summary>
    /// <returns>Null when there are none, or no time lies between them.</returns>
    /// <remarks>
    /// A mark comes some time after it was taken: never earlier. So of the marks at each end the one counts that was held up least, which
    /// is the one whose arrival lies farthest before what the counter says.
    /// </remarks>
    public static TickRate? Find(string output, IReadOnlyList<(int End, double Ms)> arrivals)
    {
        List<TimeMark> marks = [];
        int arrival = 0;
        foreach (Match line in Line().Matches(output))
        {
            while (arrival < arrivals.Count && arrivals[arrival].End < line.Index + line.Length)
            {
                arrival++;
            }

            if (arrival < arrivals.Count && ulong.TryParse(line.Groups[1].Value, CultureInfo.InvariantCulture, out ulong ticks)
                && ulong.TryParse(line.Groups[2].Value, CultureInfo.InvariantCulture, out ulong clockNs))
            {
                marks.Add(new TimeMark(ticks, clockNs, arrivals[arrival].Ms));
            }
        }

        if (marks.Count < 2 || marks[^1].HostMs - marks[0].HostMs < ShortestMs)
        {
            return null;
        }

        double middle = (marks[0].HostMs + marks[^1].HostMs) / 2;
        TimeMark start = marks[0];
        TimeMark first = start;
        TimeMark last = marks[^1];

        // The first rate is from marks that may be late; the next from the right ones.
        const int Refinements = 3;
        for (int i = 0; i < Refinements; i++)
        {
            double ticksPerMs = (last.Ticks - first.Ticks) / (last.HostMs - first.HostMs);
            if (!(ticksPerMs > 0) || double.IsInfinity(ticksPerMs))
            {
                return null;
            }

            first = marks.Where(mark => mark.HostMs < middle).MinBy(Lateness);
            last = marks.Where(mark => mark.HostMs >= middle).MinBy(Lateness);

            double Lateness(TimeMark mark) => mark.HostMs - (mark.Ticks - start.Ticks) / ticksPerMs;
        }

        double hostNs = (last.HostMs - first.HostMs) * 1e6;
        return last.Ticks > first.Ticks
            ? new TickRate((last.Ticks - first.Ticks) / hostNs, (last.ClockNs - first.ClockNs) / hostNs - 1)
            : null;
    }

    [GeneratedRegex(@"^@ (\d+) (\d+)\r?\n", RegexOptions.Multiline)]
    private static partial Regex Line();

    /// <param name="Ticks">The guest's counter.</param>
    /// <param name="ClockNs">The guest's clock.</param>
    /// <param name="HostMs">When it came, by the host's clock.</param>
    private readonly record struct TimeMark(double Ticks, double ClockNs, double HostMs);
}
