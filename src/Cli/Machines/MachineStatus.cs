using System.Text.Json.Serialization;

namespace Semitone.Cli.Machines;

/// <summary>What a machine is doing, in kraft's and docker's words.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<MachineStatus>))]
internal enum MachineStatus
{
    /// <summary>It has not been started.</summary>
    [JsonStringEnumMemberName("created")]
    Created,

    /// <summary>Its virtual machine runs, or is about to.</summary>
    [JsonStringEnumMemberName("running")]
    Running,

    /// <summary>Its CPU stands still.</summary>
    [JsonStringEnumMemberName("paused")]
    Paused,

    /// <summary>Its program has ended, or its virtual machine has gone.</summary>
    [JsonStringEnumMemberName("exited")]
    Exited,
}
