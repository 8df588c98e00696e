namespace Semitone.Abi;

/// <summary>What a system call leaves in RAX: a value, or an error as its negative number.</summary>
/// <remarks>Values from -4095 to -1 are errors (syscall(2), "Architecture-specific conventions").</remarks>
public readonly record struct SysResult(long Value)
{
    private const long LowestError = -4095;

    public static SysResult Success => default;

    public bool IsError => Value is >= LowestError and < 0;

    /// <summary>The error, or <see cref="Errno.None"/>.</summary>
    public Errno Error => IsError ? (Errno)(-Value) : Errno.None;

    public static implicit operator SysResult(Errno error) => new(-(long)error);

    public static implicit operator SysResult(int value) => new(value);

    public static implicit operator SysResult(long value) => new(value);

    public static implicit operator SysResult(nuint value) => new((long)value);
}
