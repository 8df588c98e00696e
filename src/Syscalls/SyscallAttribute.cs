namespace Semitone.Syscalls;

/// <summary>
/// Makes a static method the handler of a system call. The generator emits dispatch, decoding, strace and documentation from it.
/// </summary>
/// <param name="number">The number in RAX.</param>
/// <param name="name">Linux's name of that number; the generator checks the pair.</param>
[AttributeUsage(AttributeTargets.Method)]
public sealed class SyscallAttribute(int number, string name) : Attribute
{
    public int Number { get; } = number;

    public string Name { get; } = name;

    /// <summary>What the value of a success means.</summary>
    public Returns Returns { get; init; }

    /// <summary>What Linux does here that this handler does not, in a few words; stands in docs/syscalls.md.</summary>
    public string? Missing { get; init; }
}
