using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Semitone.Cli.Machines;
using Semitone.Cli.Posix;
using Semitone.Cli.Running;

namespace Semitone.Cli.Commands;

/// <summary><c>semitone ps</c>: its flags and columns are kraft's.</summary>
internal static class PsCommand
{
    private const int LongestArguments = 40;

    public static Command Build()
    {
        Option<bool> all = new("--all", "-a") { Description = "Those too that do not run" };
        Option<bool> quiet = new("--quiet", "-q") { Description = "Identifiers only" };
        Option<bool> isLong = new("--long", "-l") { Description = "More columns, nothing cut off" };
        Option<string> output =
            new("--output", "-o") { Description = "table, json, yaml or list", DefaultValueFactory = _ => "table", HelpName = "FORMAT" };
        Command command = new("ps", "List machines that have names") { all, quiet, isLong, output };
        command.Aliases.Add("list");
        command.Aliases.Add("ls");
        command.SetAction(result =>
        {
            List<Row> rows = [.. MachineStore.OfUser.List()
                .Select(machine => new Row(machine.Record, machine.Folder.ReadState()))
                .Where(row => result.GetValue(all) || row.State.IsUp)
                .OrderByDescending(row => row.Record.Created)];
            string text = result.GetValue(quiet) ? string.Concat(rows.Select(row => row.Record.ShortId + "\n"))
                : result.GetValue(output) switch
                {
                    "table" => MakeTable(rows, result.GetValue(isLong)),
                    "json" => MakeJson(rows),
                    "yaml" => string.Concat(rows.Select(row => MakeBlock(row, "- ", "  ", isQuoted: true))),
                    "list" => string.Join('\n', rows.Select(row => MakeBlock(row, "", "", isQuoted: false))),
                    string other => throw new CommandFailedException(
                        ExitStatus.Usage, $"--output: unknown format '{other}'; there are table, json, yaml and list"),
                    null => "",
                };
            Output.Write(text);
            return 0;
        });
        return command;
    }

    /// <summary>Says what a machine is doing: for one that has ended with its status.</summary>
    public static string DescribeStatus(MachineState state)
    {
        string status = state.Status.ToString().ToLowerInvariant();
        return state is { Status: MachineStatus.Exited, ExitStatus: { } exit }
            ? string.Create(CultureInfo.InvariantCulture, $"{status} ({exit})")
            : status;
    }

    private static string MakeTable(List<Row> rows, bool isLong)
    {
        TextTable table = isLong
            ? new TextTable("MACHINE ID", "NAME", "KERNEL", "ARGS", "CREATED", "STATUS", "MEM", "PORTS", "IP", "PID", "ARCH", "PLAT")
            : new TextTable("NAME", "KERNEL", "ARGS", "CREATED", "STATUS", "MEM", "PORTS", "PLAT");
        foreach (Row row in rows)
        {
            string age = AgeText.Describe(DateTimeOffset.UtcNow - row.Record.Created);
            string arguments = row.Arguments;
            string memory = MemorySize.Format(row.Record.MemoryBytes);
            if (isLong)
            {
                table.Add(
                    row.Record.ShortId, row.Record.Name, Row.Kernel, arguments, age, DescribeStatus(row.State), memory,
                    row.Ports, row.Record.Network.OwnAddress, row.Process, Row.Architecture, Row.Platform);
                continue;
            }

            arguments = arguments.Length <= LongestArguments ? arguments : string.Concat(arguments.AsSpan(0, LongestArguments - 3), "...");
            table.Add(row.Record.Name, Row.Kernel, arguments, age, DescribeStatus(row.State), memory, row.Ports, Row.Platform);
        }

        return table.ToString();
    }

    private static string MakeJson(List<Row> rows)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, s_indented))
        {
            writer.WriteStartArray();
            foreach (Row row in rows)
            {
                writer.WriteStartObject();
                foreach ((string name, string value) in row.Fields)
                {
                    writer.WriteString(name, Encoding.UTF8.GetBytes(value));
                }

                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        }

        return Encoding.UTF8.GetString(stream.ToArray()) + "\n";
    }

    private static readonly JsonWriterOptions s_indented = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes a machine a field a line. A string of JSON is one of YAML.</summary>
    private static string MakeBlock(Row row, string first, string next, bool isQuoted)
    {
        StringBuilder text = new();
        foreach ((string name, string value) in row.Fields)
        {
            string shown = isQuoted ? $"\"{JsonEncodedText.Encode(value, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"" : value;
            text.Append($"{(text.Length == 0 ? first : next)}{name}: {shown}".TrimEnd(' ')).Append('\n');
        }

        return text.ToString();
    }

    /// <summary>A machine as it is shown.</summary>
    private sealed record Row(MachineRecord Record, MachineState State)
    {
        public const string Kernel = "semitone_qemu-x86_64";
        public const string Architecture = "x86_64";
        public const string Platform = "qemu/x86_64";

        public string Arguments => string.Join(' ', Record.Command);

        public string Process => State.Qemu?.Process.ToString(CultureInfo.InvariantCulture) ?? "";

        public string Ports => string.Join(", ", (IEnumerable<PublishedPort>)Record.Network.Ports);

        /// <summary>For programs that read it.</summary>
        public IEnumerable<(string Name, string Value)> Fields =>
        [
            ("id", Record.Id),
            ("name", Record.Name),
            ("kernel", Kernel),
            ("args", Arguments),
            ("created", Record.Created.ToString("O", CultureInfo.InvariantCulture)),
            ("status", State.Status.ToString().ToLowerInvariant()),
            ("exit_code", State.ExitStatus?.ToString(CultureInfo.InvariantCulture) ?? ""),
            ("mem", MemorySize.Format(Record.MemoryBytes)),
            ("ports", Ports),
            ("ip", Record.Network.OwnAddress),
            ("pid", Process),
            ("arch", Architecture),
            ("plat", Platform),
        ];
    }
}
