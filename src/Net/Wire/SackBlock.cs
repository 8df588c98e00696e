namespace Semitone.Net;

/// <summary>A run of bytes that has arrived (RFC 2018, 3).</summary>
/// <param name="Start">The first byte.</param>
/// <param name="End">The one behind the last.</param>
public readonly record struct SackBlock(SequenceNumber Start, SequenceNumber End);
