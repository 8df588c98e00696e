namespace Semitone.Abi;

/// <summary>What a transfer achieved: the bytes moved, and the error that ended it early, if any.</summary>
/// <remarks>Both may be set: a buffer that runs into an unmapped page moves some bytes and then faults.
/// <see cref="ToSysResult"/> is the one place where the two are merged.</remarks>
public readonly record struct IoResult(long Bytes, Errno Error)
{
    public static implicit operator IoResult(Errno error) => new(0, error);

    public static implicit operator IoResult(long bytes) => new(bytes, Errno.None);

    /// <summary>Merges as Linux does: bytes that moved win over the error that followed them.</summary>
    public SysResult ToSysResult() => Bytes > 0 ? Bytes : Error;
}
