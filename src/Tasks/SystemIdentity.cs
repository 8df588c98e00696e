namespace Semitone.Tasks;

/// <summary>What uname(2) and /proc say that the system is.</summary>
public static class SystemIdentity
{
    public static ReadOnlySpan<byte> SystemName => "Linux"u8;

    /// <summary>C libraries refuse to run on a Linux that is too old for them: the number says whose system calls these are.</summary>
    public static ReadOnlySpan<byte> Release => "6.12.0-semitone"u8;

    public static ReadOnlySpan<byte> Version => "#1 Semitone"u8;

    public static ReadOnlySpan<byte> Hardware => "x86_64"u8;
}
