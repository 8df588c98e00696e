namespace Semitone.HostLink;

/// <summary>The streams that share the serial line from guest to host.</summary>
public enum LinkStream : byte
{
    /// <summary>Bytes outside any frame: firmware, the boot code, a kernel that dies before or below the link.</summary>
    Raw = 0,

    /// <summary>What the program writes to file descriptor 1 (and to a terminal).</summary>
    StandardOutput = 1,

    /// <summary>What the program writes to file descriptor 2.</summary>
    StandardError = 2,

    /// <summary>The kernel's own lines: warnings, strace, the line that says why a program was killed.</summary>
    KernelLog = 3,

    /// <summary>Messages to the command-line tool: a <see cref="ControlKind"/> byte and its body.</summary>
    Control = 4,
}
