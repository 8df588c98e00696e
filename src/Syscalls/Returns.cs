namespace Semitone.Syscalls;

/// <summary>What the value of a successful system call means, and so how strace writes it.</summary>
public enum Returns
{
    /// <summary>0, written as OK.</summary>
    Status,

    /// <summary>A number: bytes, a count, an offset.</summary>
    Value,

    /// <summary>A file descriptor.</summary>
    Fd,

    /// <summary>A process or thread.</summary>
    Pid,

    /// <summary>An address.</summary>
    Address,

    /// <summary>A file mode, in octal.</summary>
    Mode,

    /// <summary>Nothing: the call does not return.</summary>
    Never,
}
