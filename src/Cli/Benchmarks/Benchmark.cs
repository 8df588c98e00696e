using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Semitone.Cli.Packing;

namespace Semitone.Cli.Benchmarks;

/// <summary>Measures our kernel against Linux in the same machine, in turn.</summary>
internal sealed partial class Benchmark
{
    /// <summary>What can be measured by itself.</summary>
    public static readonly string[] Parts = ["boot", "calls", "allocations", "memory", "image"];

    private const string HelloText = "Hello from the guest";
    private const string LastLine = "\ndone";
    private const long BootMemory = 256L << 20;

    private static readonly TimeSpan s_trialLimit = TimeSpan.FromSeconds(10);

    private readonly BenchmarkOptions _options;
    private readonly Action<string> _say;
    private readonly GuestSystem _semitone;
    private readonly GuestSystem _linux;
    private readonly GuestSystem _empty;
    private readonly List<GuestWorkload> _hellos;
    private readonly GuestWorkload _calls;
    private readonly List<BenchmarkTable> _tables = [];
    private readonly List<string> _notes = [];

    /// <param name="say">Shows progress.</param>
    public Benchmark(BenchmarkOptions options, Action<string> say)
    {
        _options = options;
        _say = say;
        _semitone = GuestSystem.Semitone(options.KernelPath);
        _linux = GuestSystem.Linux(Require("vmlinuz"));
        _empty = GuestSystem.Empty(Require("empty"));
        string dynamicHello = Require("hello-dynamic");
        _hellos =
        [
            GuestWorkload.Pack("static hello", "/hello", "", writer => writer.AddFileAs(Require("hello-static"), "/hello")),
            GuestWorkload.Pack("dynamic hello", dynamicHello, "", writer =>
                new ProgramPacker(writer, new PackingReport(writer)).Pack(dynamicHello, [], [])),
        ];
        string python = Path.Combine(options.Folder, "python");
        if (Directory.Exists(python))
        {
            _hellos.Add(GuestWorkload.Pack("python3 hello", "/usr/bin/python3.11", "/hello.py", writer =>
            {
                writer.AddTree(python);
                writer.AddFileAs(Require("hello.py"), "/hello.py");
            }));
        }

        _calls = GuestWorkload.Pack("calls", "/bench", "", writer =>
        {
            writer.AddFileAs(Require("bench"), "/bench");
            writer.AddFileAs(Require("bench.data"), "/bench.data");
        });
    }

    /// <summary>
    /// Whether our kernel gets to a program's first line on these machines at all: what KVM does for a probe it may not do for QEMU.
    /// </summary>
    public bool Boots() =>
        GuestRun.Measure(_options, _semitone, _hellos[0], HelloText, BootMemory, limit: s_trialLimit).FirstLineMs is not null;

    /// <summary>Measures everything.</summary>
    /// <returns>The tables as text.</returns>
    public string Run()
    {
        bool countsInstructions = _options.CountsInstructions;
        Do("boot", countsInstructions ? CountBootInstructions : MeasureBoot);
        Do("calls", countsInstructions
            ? () => MeasureCalls("insn", "Guest instructions per operation", "instructions", runs: 1)
            : () => MeasureCalls("time", "Time per operation", "ns", _options.Runs));
        if (!countsInstructions)
        {
            Do("allocations", MeasureAllocations);
            Do("memory", MeasureLeastMemory);
            Do("image", MeasureImages);
        }

        return string.Concat(_tables.Select(table => table.Print()))
            + (_notes.Count == 0 ? "" : "\nTimes are by the host's clock. " + string.Join("\n", _notes) + "\n");
    }

    public void Write(Stream stream)
    {
        using Utf8JsonWriter json = new(stream, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteString("machine", _options.Machine.ToString());
        json.WriteString("accelerator", _options.Accelerator.ToString());
        foreach (BenchmarkTable table in _tables)
        {
            table.Write(json);
        }

        json.WriteEndObject();
    }

    private void Do(string part, Action measure)
    {
        if (_options.Only.Count == 0 || _options.Only.Contains(part))
        {
            measure();
        }
    }

    private void MeasureBoot()
    {
        BenchmarkTable table = AddTable("QEMU's start to the first line", "ms", _semitone, _linux, _empty);
        for (int run = 1; run <= _options.Runs; run++)
        {
            foreach (GuestWorkload hello in _hellos)
            {
                foreach (GuestSystem system in (GuestSystem[])[_semitone, _linux, _empty])
                {
                    _say($"run {run} of {_options.Runs}: {hello.Name}, {system.Name}");
                    if (GuestRun.Measure(_options, system, hello, HelloText, BootMemory).FirstLineMs is { } time)
                    {
                        table.Add(hello.Name, system.Name, time);
                    }
                }
            }
        }
    }

    private void CountBootInstructions()
    {
        BenchmarkTable table = AddTable("From the machine's start to the program's first line", "instructions", _semitone, _linux, _empty);
        foreach (GuestWorkload hello in _hellos.Where(hello => hello.Arguments.Length == 0))
        {
            foreach (GuestSystem system in (GuestSystem[])[_semitone, _linux, _empty])
            {
                _say($"{hello.Name}, {system.Name}");
                Match match = Counter().Match(GuestRun.Measure(_options, system, hello, HelloText, BootMemory).Output);
                if (match.Success)
                {
                    string digits = match.Groups[2].Value;
                    table.Add(hello.Name, system.Name, match.Groups[1].Success
                        ? long.Parse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)
                        : long.Parse(digits, CultureInfo.InvariantCulture));
                }
            }
        }
    }

    private void MeasureCalls(string mode, string title, string unit, int runs)
    {
        BenchmarkTable table = AddTable(title, unit, _semitone, _linux);
        for (int run = 1; run <= runs; run++)
        {
            foreach (GuestSystem system in (GuestSystem[])[_semitone, _linux])
            {
                _say($"run {run} of {runs}: {title}, {system.Name}");
                GuestRun measured = GuestRun.Measure(_options, system, _calls, LastLine, BootMemory, mode);
                string output = measured.Output;
                double unitsPerTick = 1;
                if (!_options.CountsInstructions)
                {
                    // By the host's clock, as the guest's is one of the things that may be wrong.
                    if (TickRate.Find(output, measured.Arrivals) is not { } rate)
                    {
                        _say($"{system.Name} did not tell its time; this run does not count");
                        continue;
                    }

                    unitsPerTick = 1 / rate.TicksPerNs;
                    if (rate.IsClockWrong)
                    {
                        _notes.Add($"run {run}: the clock of {system.Name}'s guest ran {Math.Abs(rate.ClockError) * 100:0.0} % "
                            + $"{(rate.ClockError > 0 ? "fast" : "slow")} by the host's");
                    }
                }

                foreach (Match line in Row().Matches(output))
                {
                    table.Add(
                        line.Groups[1].Value,
                        system.Name,
                        double.Parse(line.Groups[2].Value, CultureInfo.InvariantCulture) * unitsPerTick);
                }

                if (!output.Contains(LastLine, StringComparison.Ordinal))
                {
                    _say($"{system.Name} did not come to the end; its console ends so:\n{output[Math.Max(0, output.Length - 1000)..]}");
                }
            }
        }
    }

    /// <summary>Finds what our kernel allocates on its own heap for each operation, by running many and many more.</summary>
    private void MeasureAllocations()
    {
        const int Few = 1_000;
        const int Many = 11_000;
        BenchmarkTable table = AddTable("Allocated on the kernel's heap per operation", "bytes", _semitone);
        foreach (string row in ReadRows())
        {
            _say($"allocations: {row}");
            if (ReadAllocatedKib(row, Few) is { } before && ReadAllocatedKib(row, Many) is { } after)
            {
                table.Add(row, _semitone.Name, Math.Max(0, after - before) * 1024.0 / (Many - Few));
            }
        }
    }

    private IEnumerable<string> ReadRows() => GuestRun.Measure(_options, _semitone, _calls, LastLine, BootMemory, "rows").Output
        .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Where(line => line != LastLine.Trim());

    private long? ReadAllocatedKib(string row, int operations)
    {
        GuestSystem counting = _semitone with { DescribeProgram = (program, arguments) => $"semitone stats=1 -- {program} {arguments}" };
        string output = GuestRun.Measure(_options, counting, _calls, "gc_allocated_kib", BootMemory, $"time '{row}' {operations}").Output;
        Match match = Allocated().Match(output);
        return match.Success ? long.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) : null;
    }

    private void MeasureLeastMemory()
    {
        BenchmarkTable table = AddTable("Least memory that works", "MiB", _semitone, _linux);
        foreach (GuestWorkload hello in _hellos)
        {
            table.Add(hello.Name, _semitone.Name, FindLeastMemory(_semitone, hello, 64L << 20));
            table.Add(hello.Name, _linux.Name, FindLeastMemory(_linux, hello, 256L << 20));
        }
    }

    private double FindLeastMemory(GuestSystem system, GuestWorkload workload, long enough)
    {
        const long Step = 128 << 10;
        TimeSpan limit = TimeSpan.FromSeconds(15);
        _say($"least memory: {workload.Name}, {system.Name}");
        long tooLittle = 1 << 20;
        while (enough - tooLittle > Step)
        {
            long middle = (tooLittle + enough) / 2 / Step * Step;
            bool works = GuestRun.Measure(_options, system, workload, HelloText, middle, limit: limit).FirstLineMs is not null;
            (tooLittle, enough) = works ? (tooLittle, middle) : (middle, enough);
        }

        return enough / (double)(1 << 20);
    }

    private void MeasureImages()
    {
        BenchmarkTable table = AddTable("Size of the image", "MiB", _semitone, _linux);
        foreach (GuestSystem system in (GuestSystem[])[_semitone, _linux])
        {
            table.Add("image", system.Name, new FileInfo(system.KernelPath).Length / (double)(1 << 20));
        }
    }

    private BenchmarkTable AddTable(string title, string unit, params GuestSystem[] systems)
    {
        BenchmarkTable table = new(title, unit, [.. systems.Select(system => system.Name)]);
        _tables.Add(table);
        return table;
    }

    private string Require(string name)
    {
        string path = Path.Combine(_options.Folder, name);
        return File.Exists(path)
            ? path
            : throw new CommandFailedException(ExitStatus.Usage, $"{path} is missing; ./semitone bench makes it");
    }

    [GeneratedRegex(@"tsc (0x)?([0-9A-Fa-f]+)")]
    private static partial Regex Counter();

    [GeneratedRegex(@"""gc_allocated_kib"":(\d+)")]
    private static partial Regex Allocated();

    [GeneratedRegex(@"^([^\t\r\n]+)\t([0-9.]+)", RegexOptions.Multiline)]
    private static partial Regex Row();
}
