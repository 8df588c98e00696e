using System.Text.Json.Serialization;

namespace Semitone.Cli.Machines;

/// <summary>What machines are written down as; compiled, as nothing can be looked up at run time.</summary>
[JsonSourceGenerationOptions(
    WriteIndented = true,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true,
    Converters = [typeof(HostTextConverter)])]
[JsonSerializable(typeof(MachineRecord))]
[JsonSerializable(typeof(MachineState))]
internal sealed partial class MachineJson : JsonSerializerContext;
