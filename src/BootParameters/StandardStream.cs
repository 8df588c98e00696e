namespace Semitone.BootParameters;

/// <summary>What one of the first program's standard descriptors looks like to it.</summary>
public enum StandardStream : byte
{
    /// <summary>A terminal: isatty(3) says yes, and the line discipline is at work.</summary>
    Tty,

    /// <summary>A pipe to the host: isatty(3) says no, and bytes pass unchanged.</summary>
    Pipe,

    /// <summary>/dev/null.</summary>
    Null,
}
