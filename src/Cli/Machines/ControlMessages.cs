using System.Text.Json.Serialization;

namespace Semitone.Cli.Machines;

/// <summary>What can be asked of a machine's supervisor.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ControlAction>))]
internal enum ControlAction
{
    /// <summary>Send the program a signal; SIGKILL ends the machine.</summary>
    [JsonStringEnumMemberName("signal")]
    Signal,

    /// <summary>Tell the program to end, then end the machine; answered when it has.</summary>
    [JsonStringEnumMemberName("stop")]
    Stop,

    [JsonStringEnumMemberName("pause")]
    Pause,

    [JsonStringEnumMemberName("unpause")]
    Unpause,

    /// <summary>Answered when the machine has ended.</summary>
    [JsonStringEnumMemberName("wait")]
    Wait,

    /// <summary>Answered at once, then a byte for news in the log, and <see cref="AttachFrame"/>s the other way.</summary>
    [JsonStringEnumMemberName("attach")]
    Attach,
}

/// <summary>A request: one line of JSON.</summary>
internal sealed record ControlRequest
{
    public required ControlAction Action { get; init; }

    /// <summary>Its number; 0 for the machine's own.</summary>
    public int Signal { get; init; }

    /// <summary>How long the program may take to end; null for as long as the machine was made with.</summary>
    public double? TimeoutSeconds { get; init; }
}

/// <summary>The answer: one line of JSON.</summary>
internal sealed record ControlReply
{
    /// <summary>Null when it was done.</summary>
    public string? Error { get; init; }

    /// <summary>The program's, where the machine has ended.</summary>
    public int? ExitStatus { get; init; }
}

/// <summary>The first byte of what is sent into a machine by those who attach; two bytes of length follow, low byte first.</summary>
internal enum AttachFrame : byte
{
    /// <summary>Bytes for standard input.</summary>
    Input = 1,

    /// <summary>Standard input has ended.</summary>
    EndOfInput = 2,

    /// <summary>Rows and columns of the terminal, 2 bytes each, low byte first.</summary>
    WindowSize = 3,

    /// <summary>A signal for the program, 1 byte.</summary>
    Signal = 4,
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ControlRequest))]
[JsonSerializable(typeof(ControlReply))]
internal sealed partial class ControlJson : JsonSerializerContext;
