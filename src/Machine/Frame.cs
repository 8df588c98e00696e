namespace Semitone.Machine;

/// <summary>A physical page of 4096 bytes, by its number (physical address / 4096).</summary>
public readonly record struct Frame(uint Number);
