using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Semitone.Cli.Machines;
using Semitone.Cli.Posix;
using Semitone.Cli.Running;

namespace Semitone.Cli.Commands;

/// <summary><c>semitone inspect</c>: its fields are docker's where docker has them.</summary>
internal static partial class InspectCommand
{
    private static readonly JsonWriterOptions s_indented = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static Command Build()
    {
        Argument<string[]> machines = MachineArguments.Several();
        Option<string?> format = new("--format", "-f")
        {
            Description = "Fields to print, such as {{.State.Status}} or {{json .Config.Env}}",
            HelpName = "TEMPLATE"
        };
        Command command = new("inspect", "Show all that is known of machines") { machines, format };
        command.SetAction(result =>
        {
            List<JsonObject> found = [];
            string? template = result.GetValue(format);
            int status = MachineArguments.ForEach(
                result.GetValue(machines)!,
                isAll: false,
                state => true,
                (folder, record) =>
                {
                    JsonObject machine = Describe(folder, record, folder.ReadState());
                    found.Add(machine);
                    return template is null ? null : Fill(template, machine);
                });
            if (template is null)
            {
                MachineArguments.Print(Write(new JsonArray([.. found])));
            }

            return status;
        });
        return command;
    }

    /// <summary>Fills a template's holes, <c>{{.PATH}}</c> and <c>{{json .PATH}}</c>.</summary>
    /// <exception cref="CommandFailedException">There is no such field.</exception>
    internal static string Fill(string template, JsonObject machine) => Hole().Replace(template, hole =>
    {
        JsonNode? node = machine;
        foreach (string name in hole.Groups["path"].Value.Split('.', StringSplitOptions.RemoveEmptyEntries))
        {
            node = node is JsonObject parent && parent.TryGetPropertyValue(name, out JsonNode? child)
                ? child
                : throw new CommandFailedException(ExitStatus.General, $"--format: there is no field '{name}' in {hole.Value}");
        }

        bool isText = !hole.Groups["json"].Success && node is JsonValue;
        return isText ? node!.ToString() : node is null ? "" : Write(node, isIndented: false);
    });

    [GeneratedRegex(@"\{\{\s*(?<json>json\s+)?(?<path>\.[A-Za-z0-9_.]*)\s*\}\}", RegexOptions.CultureInvariant)]
    private static partial Regex Hole();

    private static JsonObject Describe(MachineFolder folder, MachineRecord record, MachineState state) => new()
    {
        ["Id"] = record.Id,
        ["Created"] = Format(record.Created),
        ["Path"] = Text(record.Command[0]),
        ["Args"] = MakeArray(record.Command.AsSpan(1)),
        ["State"] = new JsonObject
        {
            ["Status"] = state.Status.ToString().ToLowerInvariant(),
            ["Running"] = state.IsUp,
            ["Paused"] = state.Status == MachineStatus.Paused,
            ["Pid"] = state.Qemu?.Process ?? 0,
            ["ExitCode"] = state.ExitStatus ?? 0,
            ["Error"] = Text(state.Error ?? ""),
            ["StartedAt"] = Format(state.Started),
            ["FinishedAt"] = Format(state.Finished),
        },
        ["Name"] = record.Name,
        ["LogPath"] = Text(folder.LogFile),
        ["Platform"] = "qemu/x86_64",
        ["Config"] = new JsonObject
        {
            ["Hostname"] = Text(record.HostName ?? ""),
            ["User"] = Text(record.User ?? ""),
            ["Env"] = MakeArray(record.Environment),
            ["WorkingDir"] = Text(record.WorkingDirectory ?? ""),
            ["OpenStdin"] = record.IsInteractive,
            ["Tty"] = record.HasTerminal,
            ["StopSignal"] = record.StopSignal,
            ["StopTimeout"] = record.StopTimeoutSeconds,
            ["RootFS"] = Text(record.RootFileSystem ?? ""),
            ["KernelCommandLine"] = Text(record.KernelCommandLine),
        },
        ["HostConfig"] = new JsonObject
        {
            ["Memory"] = record.MemoryBytes,
            ["AutoRemove"] = record.RemovesItself,
            ["Machine"] = record.Board.ToString().ToLowerInvariant(),
            ["Accelerator"] = record.Accelerator?.ToString().ToLowerInvariant() ?? "auto",
            ["NetworkMode"] = Text(
                record.Network.Name.Length > 0 ? record.Network.Name : record.Network.Kind.ToString().ToLowerInvariant()),
        },
        ["Mounts"] = new JsonArray([.. record.Volumes.Select(DescribeVolume)]),
        ["NetworkSettings"] = new JsonObject
        {
            ["IPAddress"] = record.Network.OwnAddress,
            ["MacAddress"] = record.Network.HardwareAddress ?? "",
            ["Ports"] = DescribePorts(record.Network.Ports),
        },
    };

    private static JsonNode DescribeVolume(Volume volume) => new JsonObject
    {
        ["Type"] = "bind",
        ["Source"] = Text(volume.Source),
        ["Destination"] = Text(volume.Target),
        ["RW"] = !volume.IsReadOnly,
    };

    /// <summary>By the machine's port, as docker has it.</summary>
    private static JsonObject DescribePorts(PublishedPort[] ports)
    {
        JsonObject described = [];
        foreach (IGrouping<string, PublishedPort> group in ports.GroupBy(
            port => string.Create(CultureInfo.InvariantCulture, $"{port.GuestPort}/{port.Protocol}")))
        {
            described[group.Key] = new JsonArray([.. group.Select(port => (JsonNode)new JsonObject
            {
                ["HostIp"] = port.Address,
                ["HostPort"] = port.HostPort.ToString(CultureInfo.InvariantCulture),
            })]);
        }

        return described;
    }

    /// <summary>As docker has it: a time that was not yet is the year 1.</summary>
    private static string Format(DateTimeOffset? time) =>
        (time ?? DateTimeOffset.MinValue).UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffffffZ", CultureInfo.InvariantCulture);

    private static JsonArray MakeArray(ReadOnlySpan<string> words)
    {
        JsonArray array = [];
        foreach (string word in words)
        {
            array.Add((JsonNode)Text(word));
        }

        return array;
    }

    /// <summary>Bytes that are no text are U+FFFD here, as JSON has no place for them.</summary>
    private static string Text(string text) => Encoding.UTF8.GetString(HostText.ToBytes(text));

    private static string Write(JsonNode node, bool isIndented = true)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, s_indented with { Indented = isIndented }))
        {
            node.WriteTo(writer);
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }
}
