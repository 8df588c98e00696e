namespace Semitone.Abi;

/// <summary>A file descriptor as a guest gave it, not checked.</summary>
public readonly record struct Fd(int Number)
{
    /// <summary>The calling task's working directory stands in for a descriptor (openat(2)).</summary>
    public static readonly Fd AtFdCwd = new(-100);
}
