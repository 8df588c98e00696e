namespace Semitone.HostLink;

/// <summary>What the host tells the guest's console; the value is the second byte of the escape sequence.</summary>
public enum InputEventKind : byte
{
    /// <summary>Bytes of standard input. Not a sequence: they travel as they are, a marker among them twice.</summary>
    Data = 0,

    /// <summary>Standard input has ended: read(2) answers 0 from here on.</summary>
    EndOfFile = 1,

    /// <summary>
    /// The terminal has this size (TIOCGWINSZ); sent at the start and with every change. Rows, then columns, 2 bytes each, low byte first.
    /// </summary>
    WindowSize = 2,

    /// <summary>The command got a signal that is meant for the first process. Its number, 1 byte.</summary>
    Signal = 3,

    /// <summary>What has come since the last <see cref="ControlKind.WantInput"/> is all that was read for it.</summary>
    Answered = 4,

    /// <summary>
    /// Standard input could be read without waiting. How many bytes are known to be there, 4 bytes, low byte first; 0 where the host cannot
    /// tell, and at the end.
    /// </summary>
    Readable = 5,

    /// <summary>The host's clocks, in answer to <see cref="ControlKind.TimeRequest"/>: the sequence number, 1 byte; the time of day in
    /// nanoseconds since 1970, 8 bytes; the monotonic clock in microseconds, the low 5 bytes of it. Low byte first.</summary>
    Time = 6,
}
