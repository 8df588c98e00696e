using Microsoft.CodeAnalysis;

namespace Semitone.Generators;

/// <summary>What the generator refuses.</summary>
internal static class Rules
{
    private const string Category = "Syscalls";

    public static readonly DiagnosticDescriptor WrongPair = new(
        "SEMI001",
        "A system call's number and name do not belong together",
        "System call {0} is not '{1}': Semitone.Abi.SyscallNumber says '{2}'",
        Category,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true);

    public static readonly DiagnosticDescriptor Duplicate = new(
        "SEMI002",
        "A system call has two handlers",
        "System call {0} ({1}) has another handler: {2}",
        Category,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true);

    public static readonly DiagnosticDescriptor NoAbiType = new(
        "SEMI003",
        "A parameter's type is no ABI type",
        "'{0}' of system call {1} is a {2}: use Fd, UserPtr<T>, UserCString, an enum, int, uint, long, ulong or nuint",
        Category,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true);

    public static readonly DiagnosticDescriptor TooManyArguments = new(
        "SEMI004",
        "A handler has more than six arguments",
        "System call {0} has {1} arguments: Linux passes six",
        Category,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true);

    public static readonly DiagnosticDescriptor WrongShape = new(
        "SEMI005",
        "A method has not the shape of a handler",
        "The handler of system call {0} must be a static method that others in the assembly can call, take a SyscallContext first and "
            + "return SysResult or ValueTask<SysResult>",
        Category,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true);

    public static readonly DiagnosticDescriptor NoSuchParameter = new(
        "SEMI006",
        "An attribute names a parameter that does not exist",
        "System call {0} has no parameter '{1}'",
        Category,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true);
}
