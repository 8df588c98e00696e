using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;

namespace Semitone.Generators;

/// <summary>How a number is written; the names are those of Semitone.Abi.TraceFormat.</summary>
internal enum Format
{
    Decimal,
    Octal,
    Hex,
    Address,
    Fd,
    Pid,
    Hidden,
}

/// <summary>What a success means; the names are those of Semitone.Syscalls.Returns.</summary>
internal enum Returns
{
    Status,
    Value,
    Fd,
    Pid,
    Address,
    Mode,
    Never,
}

/// <summary>How a register becomes an argument.</summary>
internal enum ArgumentKind
{
    Fd,
    CString,
    Pointer,
    Number,
}

/// <summary>Where the number of elements behind a pointer is.</summary>
internal enum CountKind
{
    /// <summary>One element.</summary>
    One,

    /// <summary>Nobody knows: only the address is written.</summary>
    Unknown,

    /// <summary>The call's result.</summary>
    Result,

    /// <summary>Another argument.</summary>
    Argument,

    /// <summary>Always the same.</summary>
    Constant,

    /// <summary>A NULL ends them.</summary>
    NullTerminated,
}

/// <summary>What a value is to a trace.</summary>
internal enum ValueKind
{
    Signed,
    Unsigned,
    Enum,
    Struct,
    SignalSet,

    /// <summary>An inline array of bytes with a NUL-terminated string.</summary>
    Characters,

    /// <summary>An iovec, whose bytes are written.</summary>
    IoVec,

    /// <summary>A pointer to a string.</summary>
    CString,

    /// <summary>Raw bytes.</summary>
    Byte,

    /// <summary>Nothing that a trace could write.</summary>
    Opaque,
}

internal sealed record EnumMember(string Name, ulong Value, ulong Mask);

internal sealed record EnumModel(string FullName, string Underlying, bool IsFlags, Format Format, EquatableArray<EnumMember> Members);

internal sealed record FieldModel(string Name, ValueModel Value);

internal sealed record StructModel(string FullName, string Name, bool IsPartial, EquatableArray<FieldModel> Fields);

internal sealed record ValueModel(ValueKind Kind, Format Format, EnumModel? Enum, StructModel? Struct);

/// <param name="TypeName">The C# type of the parameter, in full.</param>
/// <param name="Cast">For numbers: the primitive type that the register is cut to.</param>
/// <param name="ElementTypeName">For pointers: what they point at, in full.</param>
/// <param name="Value">What is written: of the argument, or of what a pointer points at.</param>
/// <param name="CountValue">Index of the argument that holds the count, or the count.</param>
/// <param name="Writer">What writes the argument, when that is none of the rules.</param>
/// <param name="OnlyWithArgument">Index of the argument without some bit of which this one means nothing, or -1.</param>
internal sealed record ArgumentModel(
    string Name,
    ArgumentKind Kind,
    string TypeName,
    string Cast,
    string ElementTypeName,
    ValueModel Value,
    bool IsOut,
    CountKind Count,
    int CountValue,
    int OnlyWithArgument,
    ulong OnlyWithBits,
    WriterModel? Writer);

/// <param name="Method">The method of TraceLine that writes the argument.</param>
/// <param name="Argument">Index of another argument that it needs, or -1.</param>
/// <param name="Enums">Enums whose names it writes.</param>
internal sealed record WriterModel(string Method, int Argument, EquatableArray<EnumModel> Enums);

internal sealed record HandlerModel(
    int Number,
    string Name,
    string Method,
    bool IsAsync,
    Returns Returns,
    EquatableArray<ArgumentModel> Arguments,
    LocationModel Location);

internal sealed record LocationModel(string Path, TextSpan Span, LinePositionSpan Lines)
{
    public static LocationModel From(Location location) =>
        new(location.SourceTree?.FilePath ?? string.Empty, location.SourceSpan, location.GetLineSpan().Span);

    public Location ToLocation() => Location.Create(Path, Span, Lines);
}

internal sealed record DiagnosticModel(DiagnosticDescriptor Descriptor, LocationModel Location, EquatableArray<string> Arguments)
{
    public Diagnostic ToDiagnostic()
    {
        object[] arguments = new object[Arguments.Count];
        for (int i = 0; i < arguments.Length; i++)
        {
            arguments[i] = Arguments[i];
        }

        return Diagnostic.Create(Descriptor, Location.ToLocation(), arguments);
    }
}

/// <summary>A handler, or what is wrong with it.</summary>
internal sealed record DeclarationModel(HandlerModel? Handler, EquatableArray<DiagnosticModel> Diagnostics);

internal sealed record NumberModel(int Number, string Name);
