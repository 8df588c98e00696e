namespace Semitone.Syscalls;

/// <summary>Marks a pointer through which the kernel answers: strace shows what is there after the call.</summary>
/// <remarks>
/// A <c>UserPtr&lt;byte&gt;</c> so marked holds as many bytes as the call returns, unless <see cref="BufferAttribute"/> says otherwise.
/// </remarks>
[AttributeUsage(AttributeTargets.Parameter)]
public sealed class OutAttribute : Attribute;

/// <summary>Says how many elements a pointer points at.</summary>
/// <param name="count">The parameter that holds the number of elements; without it, the call's result is the number.</param>
/// <remarks>
/// A <c>UserPtr&lt;byte&gt;</c> that is followed by a <c>nuint</c> needs no such attribute to be read as that many bytes.
/// </remarks>
[AttributeUsage(AttributeTargets.Parameter)]
public sealed class BufferAttribute(string? count = null) : Attribute
{
    public string? Count { get; } = count;

    /// <summary>The number itself, where it is always the same.</summary>
    public uint Length { get; init; }
}

/// <summary>
/// Says that a parameter means something only when another has one of some bits set, as the mode of open(2) does with O_CREAT. strace
/// leaves it out otherwise.
/// </summary>
[AttributeUsage(AttributeTargets.Parameter)]
public sealed class OnlyWithAttribute(string parameter, ulong anyOfBits) : Attribute
{
    public string Parameter { get; } = parameter;

    public ulong AnyOfBits { get; } = anyOfBits;
}

/// <summary>Leaves a parameter to a method of <see cref="TraceLine"/>, where what it means is no matter of its type.</summary>
/// <param name="method">
/// The method: it is given the register, that of another parameter, and the result of the call where the kernel answers through the
/// parameter (<see cref="long.MaxValue"/> otherwise).
/// </param>
/// <param name="parameter">The other parameter.</param>
[AttributeUsage(AttributeTargets.Parameter)]
public sealed class TraceWithAttribute(string method, string? parameter = null) : Attribute
{
    public string Method { get; } = method;

    public string? Parameter { get; } = parameter;

    /// <summary>Enums whose names the method writes: <c>SyscallTracer.Write_</c> and the name of the enum does it.</summary>
    public Type[] Enums { get; init; } = [];
}
