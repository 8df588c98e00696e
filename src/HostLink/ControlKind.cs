namespace Semitone.HostLink;

/// <summary>The first byte of a frame on <see cref="LinkStream.Control"/>.</summary>
public enum ControlKind : byte
{
    /// <summary>The kernel is up and about to enter the program. No body.</summary>
    Ready = 1,

    /// <summary>The program has called exit_group(2). Body: its status, one byte.</summary>
    Exited = 2,

    /// <summary>A signal has ended the program. Body: the signal's number, one byte.</summary>
    Killed = 3,

    /// <summary>The program could not be started. Body: 126 or 127 as a shell would exit, one byte; the kernel log says why.</summary>
    LoadFailed = 4,

    /// <summary>The kernel is dying of a bug of its own. Body: the reason, UTF-8.</summary>
    Panic = 5,

    /// <summary>The figures that <c>--stats</c> prints. Body: one JSON object, UTF-8.</summary>
    Statistics = 6,

    /// <summary>The program is about to end and has made system calls that the kernel does not have. Body: their names, UTF-8.</summary>
    MissingCalls = 7,

    /// <summary>
    /// A read of standard input waits. Body: how many bytes it takes, 4 bytes, low byte first; 0 asks only to be told when there is
    /// something (<see cref="InputEventKind.Readable"/>).
    /// </summary>
    WantInput = 8,

    /// <summary>
    /// The terminal can take more than it was sent. Body: how many bytes more, 4 bytes, low byte first; it starts with
    /// <see cref="LinkFormat.TerminalRoom"/>.
    /// </summary>
    TerminalRoom = 9,

    /// <summary>A signal has stopped the program, which goes on with SIGCONT. Body: the signal's number, one byte.</summary>
    Stopped = 10,

    /// <summary>
    /// The kernel asks for the time. Body: a sequence number, one byte, which the answer (<see cref="InputEventKind.Time"/>) repeats.
    /// </summary>
    TimeRequest = 11,

    /// <summary>
    /// The program has ended: how much of standard input that is no terminal it has taken. Body: bytes modulo 2^32, 4 bytes, low byte
    /// first.
    /// </summary>
    InputTaken = 12,
}
