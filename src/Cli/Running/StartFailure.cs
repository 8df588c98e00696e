namespace Semitone.Cli.Running;

/// <summary>Why a machine came to nothing before its guest's first byte.</summary>
/// <param name="Reason">What happened, as the rest of a sentence.</param>
/// <param name="MayPass">It may have been the host's load and not KVM.</param>
internal readonly record struct StartFailure(string Reason, bool MayPass);
