using System;
using System.Collections.Generic;
using System.Linq;
using Microsoft.CodeAnalysis;

namespace Semitone.Generators;

/// <summary>Reads a handler's declaration.</summary>
internal sealed class DeclarationReader
{
    private const int MaxArguments = 6;

    private static readonly SymbolDisplayFormat s_fullName = SymbolDisplayFormat.FullyQualifiedFormat;

    private readonly IMethodSymbol _method;
    private readonly LocationModel _location;
    private readonly List<DiagnosticModel> _diagnostics = new();
    private string _name = string.Empty;

    private DeclarationReader(IMethodSymbol method, Location location)
    {
        _method = method;
        _location = LocationModel.From(location);
    }

    public static DeclarationModel Read(GeneratorAttributeSyntaxContext syntax)
    {
        DeclarationReader reader = new((IMethodSymbol)syntax.TargetSymbol, syntax.TargetNode.GetLocation());
        HandlerModel? handler = reader.ReadHandler(syntax.Attributes[0]);
        return new DeclarationModel(
            reader._diagnostics.Count == 0 ? handler : null,
            new EquatableArray<DiagnosticModel>(reader._diagnostics));
    }

    private HandlerModel? ReadHandler(AttributeData attribute)
    {
        if (attribute.ConstructorArguments.Length != 2
            || attribute.ConstructorArguments[0].Value is not int number
            || attribute.ConstructorArguments[1].Value is not string name)
        {
            // The compiler reports it.
            return null;
        }

        _name = name;
        string returnType = _method.ReturnType.ToDisplayString(s_fullName);
        bool isAsync = returnType == "global::System.Threading.Tasks.ValueTask<global::Semitone.Abi.SysResult>";
        if (!_method.IsStatic
            || _method.IsGenericMethod
            || _method.DeclaredAccessibility is not (Accessibility.Public or Accessibility.Internal)
            || (!isAsync && returnType != "global::Semitone.Abi.SysResult")
            || _method.Parameters.Length == 0
            || _method.Parameters[0].Type.ToDisplayString(s_fullName) != "global::Semitone.Syscalls.SyscallContext")
        {
            Report(Rules.WrongShape, name);
            return null;
        }

        IParameterSymbol[] parameters = _method.Parameters.Skip(1).ToArray();
        if (parameters.Length > MaxArguments)
        {
            Report(Rules.TooManyArguments, name, parameters.Length.ToString());
            return null;
        }

        Returns returns = Returns.Status;
        foreach (KeyValuePair<string, TypedConstant> named in attribute.NamedArguments)
        {
            if (named.Key == "Returns" && named.Value.Value is int value)
            {
                returns = (Returns)value;
            }
        }

        List<ArgumentModel> arguments = new();
        for (int i = 0; i < parameters.Length; i++)
        {
            ArgumentModel? argument = ReadArgument(parameters, i, returns);
            if (argument is not null)
            {
                arguments.Add(argument);
            }
        }

        return new HandlerModel(
            number,
            name,
            _method.ContainingType.ToDisplayString(s_fullName) + "." + _method.Name,
            isAsync,
            returns,
            new EquatableArray<ArgumentModel>(arguments),
            _location);
    }

    private ArgumentModel? ReadArgument(IParameterSymbol[] parameters, int index, Returns returns)
    {
        IParameterSymbol parameter = parameters[index];
        ITypeSymbol type = parameter.Type;
        string typeName = type.ToDisplayString(s_fullName);
        bool isOut = false;
        bool hasCount = false;
        string? countName = null;
        int constantCount = 0;
        int onlyWith = -1;
        ulong onlyWithBits = 0;
        WriterModel? writer = null;
        foreach (AttributeData attribute in parameter.GetAttributes())
        {
            switch (attribute.AttributeClass?.ToDisplayString(s_fullName))
            {
                case "global::Semitone.Syscalls.OutAttribute":
                    isOut = true;
                    break;
                case "global::Semitone.Syscalls.BufferAttribute":
                    hasCount = true;
                    countName = attribute.ConstructorArguments[0].Value as string;
                    constantCount = attribute.NamedArguments.Length > 0 && attribute.NamedArguments[0].Value.Value is uint length
                        ? (int)length
                        : 0;
                    break;
                case "global::Semitone.Syscalls.TraceWithAttribute":
                    writer = ReadWriter(parameters, attribute);
                    break;
                case "global::Semitone.Syscalls.OnlyWithAttribute":
                    onlyWith = FindParameter(parameters, attribute.ConstructorArguments[0].Value as string ?? string.Empty);
                    onlyWithBits = (ulong)attribute.ConstructorArguments[1].Value!;
                    break;
            }
        }

        Format? format = GetFormat(parameter);
        ArgumentKind kind;
        string cast = string.Empty;
        string elementTypeName = string.Empty;
        ValueModel value = new(ValueKind.Opaque, Format.Address, null, null);
        CountKind count = CountKind.One;
        int countValue = -1;
        if (typeName == "global::Semitone.Abi.Fd")
        {
            kind = ArgumentKind.Fd;
        }
        else if (typeName == "global::Semitone.Abi.UserCString")
        {
            kind = ArgumentKind.CString;
        }
        else if (type is INamedTypeSymbol { IsGenericType: true } pointer
            && pointer.ConstructedFrom.ToDisplayString(s_fullName) == "global::Semitone.Abi.UserPtr<T>")
        {
            kind = ArgumentKind.Pointer;
            ITypeSymbol element = pointer.TypeArguments[0];
            elementTypeName = element.ToDisplayString(s_fullName);
            value = ReadValue(element, format == Format.Address ? null : format);
            (count, countValue) = constantCount > 0
                ? (CountKind.Constant, constantCount)
                : ReadCount(parameters, index, value.Kind, isOut, hasCount, countName, returns);
            if (format == Format.Address)
            {
                count = CountKind.Unknown;
            }
        }
        else if (type.TypeKind == TypeKind.Enum)
        {
            kind = ArgumentKind.Number;
            cast = ((INamedTypeSymbol)type).EnumUnderlyingType!.ToDisplayString(s_fullName);
            value = ReadValue(type, format);
        }
        else if (IsRegisterType(type))
        {
            kind = ArgumentKind.Number;
            cast = typeName;
            value = ReadValue(type, format ?? InferFormat(parameter));
        }
        else
        {
            Report(Rules.NoAbiType, parameter.Name, _name, type.ToDisplayString());
            return null;
        }

        return new ArgumentModel(
            parameter.Name, kind, typeName, cast, elementTypeName, value, isOut, count, countValue, onlyWith, onlyWithBits, writer);
    }

    private WriterModel ReadWriter(IParameterSymbol[] parameters, AttributeData attribute)
    {
        int argument = attribute.ConstructorArguments[1].Value is string other ? FindParameter(parameters, other) : -1;
        IEnumerable<EnumModel> enums = attribute.NamedArguments
            .Where(named => named.Key == "Enums")
            .SelectMany(named => named.Value.Values)
            .Select(type => ReadEnum((INamedTypeSymbol)type.Value!));
        return new WriterModel((string)attribute.ConstructorArguments[0].Value!, argument, new EquatableArray<EnumModel>(enums));
    }

    private (CountKind Kind, int Argument) ReadCount(
        IParameterSymbol[] parameters, int index, ValueKind element, bool isOut, bool hasCount, string? countName, Returns returns)
    {
        if (hasCount)
        {
            return countName is null ? (CountKind.Result, -1) : (CountKind.Argument, FindParameter(parameters, countName));
        }

        switch (element)
        {
            case ValueKind.Byte when isOut:
                return returns == Returns.Value ? (CountKind.Result, -1) : (CountKind.Unknown, -1);
            case ValueKind.Byte or ValueKind.IoVec:
                return index + 1 < parameters.Length && IsCount(parameters[index + 1])
                    ? (CountKind.Argument, index + 1)
                    : (CountKind.Unknown, -1);
            case ValueKind.CString:
                return (CountKind.NullTerminated, -1);
            case ValueKind.Opaque:
                return (CountKind.Unknown, -1);
            default:
                return (CountKind.One, -1);
        }
    }

    private static bool IsCount(IParameterSymbol parameter) =>
        parameter.Type.SpecialType is SpecialType.System_UIntPtr or SpecialType.System_UInt64
        || (parameter.Type.SpecialType is SpecialType.System_Int32 or SpecialType.System_UInt32
            && parameter.Name.EndsWith("ount", StringComparison.Ordinal));

    private static bool IsRegisterType(ITypeSymbol type) => type.SpecialType is
        SpecialType.System_Int32 or SpecialType.System_UInt32
        or SpecialType.System_Int64 or SpecialType.System_UInt64
        or SpecialType.System_IntPtr or SpecialType.System_UIntPtr
        or SpecialType.System_UInt16;

    /// <summary>Reads how a name alone says that a number is to be written.</summary>
    private static Format? InferFormat(IParameterSymbol parameter)
    {
        string name = parameter.Name;
        if (parameter.Type.SpecialType == SpecialType.System_Int32)
        {
            return name is "pid" or "tid" or "tgid" or "pgid" or "sid" or "processId" or "threadId" ? Format.Pid : null;
        }

        if (parameter.Type.SpecialType is SpecialType.System_UInt64 or SpecialType.System_UIntPtr)
        {
            return name.EndsWith("ddress", StringComparison.Ordinal) ? Format.Address : null;
        }

        return null;
    }

    private static Format? GetFormat(ISymbol symbol)
    {
        foreach (AttributeData attribute in symbol.GetAttributes())
        {
            if (attribute.AttributeClass?.ToDisplayString(s_fullName) == "global::Semitone.Abi.TraceAttribute"
                && attribute.ConstructorArguments[0].Value is int format)
            {
                return (Format)format;
            }
        }

        return null;
    }

    private static int GetOrder(IFieldSymbol field) => field.GetAttributes()
        .Where(attribute => attribute.AttributeClass?.ToDisplayString(s_fullName) == "global::Semitone.Abi.TraceAttribute")
        .SelectMany(attribute => attribute.NamedArguments)
        .Select(argument => argument.Key == "Order" && argument.Value.Value is int order ? order : 0)
        .FirstOrDefault();

    private static ValueModel ReadValue(ITypeSymbol type, Format? format)
    {
        Format written = format ?? Format.Decimal;
        switch (type.SpecialType)
        {
            case SpecialType.System_Byte:
                return new ValueModel(ValueKind.Byte, written, null, null);
            case SpecialType.System_SByte or SpecialType.System_Int16 or SpecialType.System_Int32 or SpecialType.System_Int64
                or SpecialType.System_IntPtr:
                return new ValueModel(ValueKind.Signed, written, null, null);
            case SpecialType.System_UInt16 or SpecialType.System_UInt32 or SpecialType.System_UInt64 or SpecialType.System_UIntPtr:
                return new ValueModel(ValueKind.Unsigned, written, null, null);
        }

        if (type.TypeKind == TypeKind.Enum)
        {
            EnumModel model = ReadEnum((INamedTypeSymbol)type);
            return new ValueModel(ValueKind.Enum, format ?? model.Format, model, null);
        }

        switch (type.ToDisplayString(s_fullName))
        {
            case "global::Semitone.Abi.SignalSet":
                return new ValueModel(ValueKind.SignalSet, written, null, null);
            case "global::Semitone.Abi.Iovec" or "global::Semitone.Abi.UserSpan":
                return new ValueModel(ValueKind.IoVec, written, null, null);
            case "global::Semitone.Abi.UserCString":
                return new ValueModel(ValueKind.CString, written, null, null);
        }

        AttributeData? inlineArray = type.GetAttributes().FirstOrDefault(
            attribute =>
                attribute.AttributeClass?.ToDisplayString(s_fullName) == "global::System.Runtime.CompilerServices.InlineArrayAttribute");
        if (inlineArray is not null)
        {
            bool isBytes = type.GetMembers()
                .OfType<IFieldSymbol>()
                .Any(field => !field.IsConst && field.Type.SpecialType == SpecialType.System_Byte);
            return new ValueModel(isBytes ? ValueKind.Characters : ValueKind.Opaque, written, null, null);
        }

        if (type.TypeKind == TypeKind.Struct && type.ContainingNamespace?.ToDisplayString() == "Semitone.Abi")
        {
            return new ValueModel(ValueKind.Struct, written, null, ReadStruct(type));
        }

        return new ValueModel(ValueKind.Opaque, written, null, null);
    }

    private static StructModel ReadStruct(ITypeSymbol type)
    {
        List<FieldModel> fields = new();
        bool isPartial = false;
        foreach (IFieldSymbol field in type.GetMembers().OfType<IFieldSymbol>().OrderBy(GetOrder))
        {
            if (field.IsStatic || field.IsConst || field.DeclaredAccessibility != Accessibility.Public)
            {
                continue;
            }

            Format? format = GetFormat(field);
            ValueModel value = ReadValue(field.Type, format);
            if (format == Format.Hidden || value.Kind == ValueKind.Opaque)
            {
                isPartial = true;
                continue;
            }

            fields.Add(new FieldModel(field.Name, value));
        }

        return new StructModel(
            type.ToDisplayString(s_fullName), type.Name.ToLowerInvariant(), isPartial, new EquatableArray<FieldModel>(fields));
    }

    private static EnumModel ReadEnum(INamedTypeSymbol type)
    {
        bool isFlags =
            type.GetAttributes().Any(attribute => attribute.AttributeClass?.ToDisplayString(s_fullName) == "global::System.FlagsAttribute");
        List<ulong> masks = new();
        List<IFieldSymbol> members = new();
        foreach (IFieldSymbol field in type.GetMembers().OfType<IFieldSymbol>().Where(field => field.HasConstantValue))
        {
            if (field.GetAttributes().Any(
                attribute => attribute.AttributeClass?.ToDisplayString(s_fullName) == "global::Semitone.Abi.FieldMaskAttribute"))
            {
                masks.Add(ToBits(field.ConstantValue!));
            }
            else
            {
                members.Add(field);
            }
        }

        List<EnumMember> models = new();
        HashSet<ulong> seen = new();
        foreach (IFieldSymbol field in members)
        {
            ulong value = ToBits(field.ConstantValue!);

            // A name of ours for "no flag" is no name of Linux's.
            if (field.Name == "None" || !seen.Add(value))
            {
                continue;
            }

            ulong mask = masks.FirstOrDefault(candidate => (value & ~candidate) == 0);
            models.Add(new EnumMember(field.Name, value, mask != 0 ? mask : value));
        }

        return new EnumModel(
            type.ToDisplayString(s_fullName),
            type.EnumUnderlyingType!.ToDisplayString(s_fullName),
            isFlags,
            GetFormat(type) ?? Format.Decimal,
            new EquatableArray<EnumMember>(models));
    }

    private static ulong ToBits(object constant) => constant switch
    {
        ulong value => value,
        long value => unchecked((ulong)value),
        int value => unchecked((ulong)value),
        short value => unchecked((ulong)value),
        sbyte value => unchecked((ulong)value),
        _ => Convert.ToUInt64(constant),
    };

    private int FindParameter(IParameterSymbol[] parameters, string name)
    {
        for (int i = 0; i < parameters.Length; i++)
        {
            if (parameters[i].Name == name)
            {
                return i;
            }
        }

        Report(Rules.NoSuchParameter, _name, name);
        return -1;
    }

    private void Report(DiagnosticDescriptor descriptor, params string[] arguments) =>
        _diagnostics.Add(new DiagnosticModel(descriptor, _location, new EquatableArray<string>(arguments)));
}
