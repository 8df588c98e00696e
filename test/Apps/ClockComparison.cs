using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Semitone.Apps;

/// <summary>One boot's clocks, read from the host's side at the beginning and at the end of a stretch of time.</summary>
internal sealed record ClockComparison
{
    /// <summary>A machine that nobody but its own devices tells the time.</summary>
    public const string Bare = "pc without the command";

    private const int Questions = 8;

    /// <summary>The guest's seconds for the host's, less 1: the least and the most that the readings allow.</summary>
    public required (double Least, double Most) RateError { get; init; }

    /// <summary>
    /// The guest's time of day less the host's, in seconds, as the program saw it first; the time from QEMU's start to its arrival is in
    /// it.
    /// </summary>
    public required (double Least, double Most) FirstWallError { get; init; }

    /// <summary>The same at the first question.</summary>
    public required (double Least, double Most) EarlyWallError { get; init; }

    /// <summary>The same at the end.</summary>
    public required (double Least, double Most) LateWallError { get; init; }

    /// <summary>Whether no reading of the monotonic clock, by the vDSO or by a system call, was before the one before it.</summary>
    public required bool IsOrdered { get; init; }

    /// <summary>How wrong the rate is at least.</summary>
    public double RateErrorAtLeast => AtLeast(RateError);

    /// <summary>How wrong the time of day is at least, in seconds.</summary>
    public double WallErrorAtLeast => Math.Max(EarlyWallErrorAtLeast, LateWallErrorAtLeast);

    /// <summary>The same at the first question.</summary>
    public double EarlyWallErrorAtLeast => AtLeast(EarlyWallError);

    /// <summary>The same at the end.</summary>
    public double LateWallErrorAtLeast => AtLeast(LateWallError);

    /// <param name="machine">A machine type of the command's; or <see cref="Bare"/>.</param>
    /// <param name="length">Of the stretch.</param>
    public static ClockComparison Run(string machine, TimeSpan length)
    {
        string program = CompiledPrograms.Get("clock.c", ["gcc", "-O2", "-static"]);
        bool isBare = machine == Bare;
        string archive = Path.Combine(Path.GetTempPath(), $"semitone-{Guid.NewGuid():N}.cpio");
        try
        {
            IReadOnlyList<string> command = isBare
                ? PlanBare(program, archive)
                : [Repository.Semitone, "run", "--timeout", "180", "--machine", machine, program];
            return Compare(command, length);
        }
        finally
        {
            File.Delete(archive);
        }
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"rate {RateError.Least * 1e6:F0} to {RateError.Most * 1e6:F0} ppm; wall at first {Format(FirstWallError)}, then "
            + $"{Format(EarlyWallError)}, at last {Format(LateWallError)} ms{(IsOrdered ? "" : "; NOT ORDERED")}");

    /// <summary>Describes many boots: how many were right, and the distribution of the middles.</summary>
    public static string Summarize(IReadOnlyCollection<ClockComparison> all, double rateTolerance, double wallTolerance)
    {
        StringBuilder text = new();
        text.AppendLine(
            CultureInfo.InvariantCulture,
            $"{all.Count} boots: rate right in {all.Count(one => one.RateErrorAtLeast <= rateTolerance)}, surely right in "
                + $"{all.Count(one => AtMost(one.RateError) <= rateTolerance)}; ");
        text.AppendLine(
            CultureInfo.InvariantCulture,
            $"time of day right in {all.Count(one => one.WallErrorAtLeast <= wallTolerance)}, surely in "
                + $"{all.Count(one => AtMost(one.EarlyWallError) <= wallTolerance && AtMost(one.LateWallError) <= wallTolerance)}");
        text.AppendLine("rate error, ppm: " + Describe(all.Select(one => Middle(one.RateError) * 1e6)));
        text.AppendLine("time of day when the program starts, ms: " + Describe(all.Select(one => one.FirstWallError.Least * 1e3)));
        text.AppendLine("time of day at the first question, ms: " + Describe(all.Select(one => Middle(one.EarlyWallError) * 1e3)));
        text.AppendLine("time of day at the end, ms: " + Describe(all.Select(one => Middle(one.LateWallError) * 1e3)));
        return text.ToString();
    }

    private static string Format((double Least, double Most) error) =>
        string.Create(CultureInfo.InvariantCulture, $"{error.Least * 1e3:F2} to {error.Most * 1e3:F2}");

    private static string Describe(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return string.Create(
            CultureInfo.InvariantCulture,
            $"least {sorted[0]:F2}, 5 % {sorted[sorted.Length / 20]:F2}, median {sorted[sorted.Length / 2]:F2}, 95 % "
                + $"{sorted[sorted.Length * 19 / 20]:F2}, most {sorted[^1]:F2}");
    }

    private static double AtLeast((double Least, double Most) error) => error.Least > 0 ? error.Least : error.Most < 0 ? -error.Most : 0;

    private static double AtMost((double Least, double Most) error) => Math.Max(Math.Abs(error.Least), Math.Abs(error.Most));

    private static double Middle((double Least, double Most) error) => (error.Least + error.Most) / 2;

    private static ClockComparison Compare(IReadOnlyList<string> command, TimeSpan length)
    {
        ProcessStartInfo start =
            new(command[0], command.Skip(1)) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        double startTime = Now();
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        using Timer limit = new(_ => process.Kill(entireProcessTree: true), null, TimeSpan.FromMinutes(3), Timeout.InfiniteTimeSpan);
        Sample first = Sample.Read(process, startTime)
            ?? throw new InvalidOperationException($"the program said nothing: {errors.GetAwaiter().GetResult()}");
        List<Sample> samples = [first];
        samples.AddRange(Ask(process, errors));
        int early = samples.Count;
        Thread.Sleep(length);
        samples.AddRange(Ask(process, errors));
        process.StandardInput.Write("end\n");
        process.StandardInput.Flush();
        process.WaitForExit();

        Sample[] begin = [.. samples.Take(early).Skip(1)];
        Sample[] end = [.. samples.Skip(early)];
        (double Least, double Most) rate = (double.NegativeInfinity, double.PositiveInfinity);
        foreach (Sample a in begin)
        {
            foreach (Sample b in end)
            {
                // Every pair brackets the truth; together they do so most closely.
                double guest = b.Monotonic - a.Monotonic;
                rate = (Math.Max(rate.Least, guest / (b.After - a.Before) - 1), Math.Min(rate.Most, guest / (b.Before - a.After) - 1));
            }
        }

        return new ClockComparison
        {
            RateError = rate,
            FirstWallError = first.WallError,
            EarlyWallError = begin[0].WallError,
            LateWallError = Intersect(end.Select(sample => sample.WallError)),
            IsOrdered = samples.Zip(samples.Skip(1)).All(pair => pair.First.Raw <= pair.Second.Monotonic)
                && samples.All(sample => sample.Monotonic <= sample.Raw),
        };
    }

    private static (double Least, double Most) Intersect(IEnumerable<(double Least, double Most)> errors) =>
        (errors.Max(error => error.Least), errors.Min(error => error.Most));

    private static IEnumerable<Sample> Ask(Process process, Task<string> errors)
    {
        for (int i = 0; i < Questions; i++)
        {
            double before = Now();
            process.StandardInput.Write("\n");
            process.StandardInput.Flush();
            yield return Sample.Read(process, before)
                ?? throw new InvalidOperationException($"no answer: {errors.GetAwaiter().GetResult()}");
        }
    }

    private static IReadOnlyList<string> PlanBare(string program, string archive)
    {
        ProgramRun.Of([Repository.Semitone, "run", "--dry-run", "--keep-initrd", archive, program]);
        return
        [
            "/usr/bin/setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", "-cpu", "max", "-m", "64M", "-nodefaults", "-nographic",
            "-no-reboot", "-serial", "stdio",
            "-kernel", Path.Combine(Repository.Root, "out", "semitone_qemu-x86_64"), "-initrd", archive, "-append",
            $"semitone -- {program}",
        ];
    }

    private static double Now() => Stopwatch.GetElapsedTime(0).TotalSeconds;

    /// <param name="Before">The host's monotonic clock before the guest read its own.</param>
    /// <param name="After">And after.</param>
    private sealed record Sample(double Before, double After, double Monotonic, double Realtime, double Raw)
    {
        /// <summary>The host's time of day less its monotonic clock. (Nobody sets the host's clock during a test.)</summary>
        private static readonly double s_hostOffset = MeasureHostOffset();

        public (double Least, double Most) WallError => (Realtime - (After + s_hostOffset), Realtime - (Before + s_hostOffset));

        public static Sample? Read(Process process, double before)
        {
            while (process.StandardOutput.ReadLine() is { } line)
            {
                int start = line.IndexOf("clock ", StringComparison.Ordinal);
                if (start < 0)
                {
                    continue; // the echo of a terminal, a message of the firmware
                }

                double after = Now();
                double[] values = [.. line[(start + 6)..].Split(' ').Select(word => double.Parse(word, CultureInfo.InvariantCulture))];
                return new Sample(before, after, values[0], values[1], values[2]);
            }

            return null;
        }

        private static double MeasureHostOffset()
        {
            double best = double.PositiveInfinity;
            double offset = 0;
            for (int i = 0; i < 100; i++)
            {
                double before = Now();
                double realtime = (DateTime.UtcNow - DateTime.UnixEpoch).TotalSeconds;
                double after = Now();
                if (after - before < best)
                {
                    best = after - before;
                    offset = realtime - ((before + after) / 2);
                }
            }

            return offset;
        }
    }
}
