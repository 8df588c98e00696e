using System.Collections.Generic;
using System.Linq;
using System.Text;

namespace Semitone.Generators;

/// <summary>Writes the strace printer.</summary>
/// <remarks>
/// What a call takes is written before it runs, up to the first parameter that the kernel answers through; the rest after it. So
/// the arguments of execve(2) are written while their memory still exists.
/// </remarks>
internal sealed class TraceEmitter
{
    private const string Parameters = "global::Semitone.Syscalls.TraceLine line, in global::Semitone.Syscalls.SyscallArguments arguments";
    private const string Result = "global::Semitone.Abi.SysResult result";

    private readonly SortedDictionary<string, EnumModel> _enums = new(System.StringComparer.Ordinal);
    private readonly SortedDictionary<string, StructModel> _structs = new(System.StringComparer.Ordinal);

    public string Emit(IReadOnlyCollection<HandlerModel> handlers)
    {
        SourceWriter writer = SourceWriter.BeginFile();
        writer.Line("/// <summary>Writes the arguments and results of system calls.</summary>");
        writer.Open("internal static class SyscallTracer");
        EmitBefore(writer, handlers);
        writer.Line();
        EmitAfter(writer, handlers);
        foreach (HandlerModel handler in handlers)
        {
            int firstOut = GetFirstOut(handler);
            EmitArguments(writer, handler, "Before", 0, firstOut);
            EmitArguments(writer, handler, "After", firstOut, handler.Arguments.Count);
        }

        // Structures name enums and other structures: go on until nothing new turns up.
        HashSet<string> written = new();
        while (_structs.Keys.FirstOrDefault(name => !written.Contains(name)) is { } next)
        {
            written.Add(next);
            EmitStruct(writer, _structs[next]);
        }

        foreach (EnumModel model in _enums.Values)
        {
            EmitEnum(writer, model);
        }

        writer.Close();
        return writer.ToString();
    }

    private static void EmitBefore(SourceWriter writer, IReadOnlyCollection<HandlerModel> handlers)
    {
        writer.Open($"public static void Before({Parameters})");
        writer.Line("line.Begin(in arguments);");
        writer.Open("switch (arguments.Number)");
        foreach (HandlerModel handler in handlers.Where(handler => GetFirstOut(handler) > 0))
        {
            writer.Line($"case {handler.Number}: Before_{handler.Name}(line, in arguments); break;");
        }

        string others = string.Concat(handlers.Where(handler => GetFirstOut(handler) == 0).Select(handler => $"case {handler.Number}: "));
        if (others.Length > 0)
        {
            writer.Line(others + "break;");
        }

        writer.Line("default: line.Registers(in arguments); break;");
        writer.Close();
        writer.Close();
    }

    private static void EmitAfter(SourceWriter writer, IReadOnlyCollection<HandlerModel> handlers)
    {
        writer.Open($"public static void After({Parameters}, {Result})");
        writer.Open("switch (arguments.Number)");
        foreach (HandlerModel handler in handlers.Where(handler => GetFirstOut(handler) < handler.Arguments.Count))
        {
            writer.Line($"case {handler.Number}: After_{handler.Name}(line, in arguments, result); break;");
        }

        writer.Close();
        writer.Line();
        writer.Line("line.End(GetReturns(arguments.Number), result);");
        writer.Close();
        writer.Line();
        writer.Open("private static global::Semitone.Syscalls.Returns GetReturns(uint number)");
        writer.Open("switch (number)");
        foreach (IGrouping<Returns, HandlerModel> group in handlers.GroupBy(handler => handler.Returns)
            .Where(group => group.Key != Returns.Value)
            .OrderBy(group => group.Key))
        {
            writer.Line(
                $"{string.Concat(group.Select(handler => $"case {handler.Number}: "))}return "
                    + $"global::Semitone.Syscalls.Returns.{group.Key};");
        }

        writer.Line("default: return global::Semitone.Syscalls.Returns.Value;");
        writer.Close();
        writer.Close();
    }

    /// <summary>Index of the first argument that the kernel answers through; the number of arguments if there is none.</summary>
    private static int GetFirstOut(HandlerModel handler)
    {
        int index = 0;
        while (index < handler.Arguments.Count && !handler.Arguments[index].IsOut)
        {
            index++;
        }

        return index;
    }

    private void EmitArguments(SourceWriter writer, HandlerModel handler, string phase, int first, int limit)
    {
        if (first == limit)
        {
            return;
        }

        writer.Line();
        writer.Open($"private static void {phase}_{handler.Name}({Parameters}{(phase == "After" ? ", " + Result : string.Empty)})");
        for (int i = first; i < limit; i++)
        {
            ArgumentModel argument = handler.Arguments[i];
            if (argument.Value.Format == Format.Hidden)
            {
                continue;
            }

            bool isConditional = argument.OnlyWithArgument >= 0;
            if (isConditional)
            {
                writer.Open($"if ((arguments.A{argument.OnlyWithArgument} & 0x{argument.OnlyWithBits:x}UL) != 0)");
            }

            writer.Line("line.Next();");
            EmitArgument(writer, handler, argument, $"arguments.A{i}");
            if (isConditional)
            {
                writer.Close();
            }
        }

        writer.Close();
    }

    private void EmitArgument(SourceWriter writer, HandlerModel handler, ArgumentModel argument, string register)
    {
        if (argument.Writer is { } writing)
        {
            EmitWriter(writer, argument, writing, register);
            return;
        }

        switch (argument.Kind)
        {
            case ArgumentKind.Fd:
                writer.Line($"line.Fd(unchecked((int){register}));");
                break;
            case ArgumentKind.CString:
                writer.Line($"line.CString({register});");
                break;
            case ArgumentKind.Pointer:
                EmitPointer(writer, handler, argument, register);
                break;
            default:
                writer.Line(WriteValue(argument.Value, Cut(argument, register)));
                break;
        }
    }

    /// <summary>Leaves an argument to a method of TraceLine.</summary>
    private void EmitWriter(SourceWriter writer, ArgumentModel argument, WriterModel writing, string register)
    {
        foreach (EnumModel model in writing.Enums)
        {
            _enums[model.FullName] = model;
        }

        string other = writing.Argument < 0 ? "0" : $"arguments.A{writing.Argument}";
        if (!argument.IsOut)
        {
            writer.Line($"line.{writing.Method}({register}, {other}, long.MaxValue);");
            return;
        }

        writer.Line($"line.Out({register});");
        writer.Open("if (result.IsError)");
        EmitBareAddress(writer, string.Empty, register);
        writer.Close();
        writer.Open("else");
        writer.Line($"line.{writing.Method}({register}, {other}, result.Value);");
        writer.Close();
    }

    private void EmitPointer(SourceWriter writer, HandlerModel handler, ArgumentModel argument, string register)
    {
        string prefix = argument.Value.Kind == ValueKind.Struct ? argument.Value.Struct!.Name + ":" : string.Empty;
        if (argument.IsOut)
        {
            writer.Line($"line.Out({register});");
            writer.Open("if (result.IsError)");
            EmitBareAddress(writer, prefix, register);
            writer.Close();
            writer.Open("else");
        }

        string count = argument.Count switch
        {
            CountKind.Result => "result.Value",
            CountKind.Argument => Cut(handler.Arguments[argument.CountValue], $"arguments.A{argument.CountValue}"),
            CountKind.Constant => argument.CountValue.ToString(),
            _ => string.Empty,
        };
        switch (argument.Value.Kind)
        {
            case ValueKind.Opaque:
            case var _ when argument.Count == CountKind.Unknown:
                EmitBareAddress(writer, prefix, register);
                break;
            case ValueKind.CString:
                writer.Line($"line.StringArray({register});");
                break;
            case ValueKind.Byte when argument.Count != CountKind.One:
                writer.Line($"line.Buffer({register}, unchecked((ulong){count}));");
                break;
            case ValueKind.IoVec when argument.Count != CountKind.One:
                string limit = argument.IsOut ? "unchecked((ulong)result.Value)" : "ulong.MaxValue";
                writer.Line($"line.IoVec({register}, unchecked((ulong){count}), {limit});");
                break;
            default:
                if (argument.Count == CountKind.One)
                {
                    EmitElement(writer, argument, prefix, register);
                }
                else
                {
                    EmitArray(writer, argument, register, count);
                }

                break;
        }

        if (argument.IsOut)
        {
            writer.Close();
        }
    }

    /// <summary>Cuts a register to the bits that the handler sees.</summary>
    private static string Cut(ArgumentModel argument, string register) =>
        argument.Cast == "ulong" ? register : $"unchecked(({argument.Cast}){register})";

    private static void EmitBareAddress(SourceWriter writer, string prefix, string register) =>
        writer.Line(prefix.Length == 0 ? $"line.Address({register});" : $"line.StructAddress(\"{prefix}\"u8, {register});");

    private void EmitElement(SourceWriter writer, ArgumentModel argument, string prefix, string register)
    {
        writer.Open(
            $"if (line.Memory.TryRead(new {argument.TypeName}({register}), out "
                + $"{argument.ElementTypeName} value{register.Substring(register.Length - 1)}))");
        string value = "value" + register.Substring(register.Length - 1);
        if (prefix.Length > 0)
        {
            writer.Line($"line.Text(\"{prefix}\"u8);");
            writer.Line(WriteValue(argument.Value, value));
        }
        else
        {
            writer.Line("line.Text(\"[\"u8);");
            writer.Line(WriteValue(argument.Value, value));
            writer.Line("line.Text(\"]\"u8);");
        }

        writer.Close();
        writer.Open("else");
        EmitBareAddress(writer, prefix, register);
        writer.Close();
    }

    private void EmitArray(SourceWriter writer, ArgumentModel argument, string register, string count)
    {
        string suffix = register.Substring(register.Length - 1);
        string pointer = $"new {argument.TypeName}({register} + (i{suffix} * {SizeOf(argument)}))";
        writer.Line($"ulong count{suffix} = line.BeginArray({register}, unchecked((ulong){count}));");
        writer.Open(
            $"for (ulong i{suffix} = 0; i{suffix} < count{suffix} && line.Memory.TryRead({pointer}, out "
                + $"{argument.ElementTypeName} value{suffix}); i{suffix}++)");
        writer.Line($"line.NextElement(i{suffix});");
        writer.Line(WriteValue(argument.Value, "value" + suffix));
        writer.Close();
        writer.Line($"line.EndArray({register}, unchecked((ulong){count}));");
    }

    private static string SizeOf(ArgumentModel argument) =>
        $"global::Semitone.Syscalls.TraceLine.SizeOf<{argument.ElementTypeName}>()";

    /// <summary>Makes the statement that writes a value.</summary>
    private string WriteValue(ValueModel value, string expression)
    {
        switch (value.Kind)
        {
            case ValueKind.Enum:
                if (value.Format != Format.Decimal)
                {
                    return WriteNumber(value.Format, expression, isSigned: false);
                }

                EnumModel model = value.Enum!;
                _enums[model.FullName] = model;
                return $"{EnumMethod(model)}(line, {ToBits(model, expression)});";
            case ValueKind.Struct:
                _structs[value.Struct!.FullName] = value.Struct;
                return $"Write(line, in {expression});";
            case ValueKind.SignalSet:
                return $"line.SignalSet({expression});";
            case ValueKind.Characters:
                return $"line.Characters({expression});";
            case ValueKind.IoVec:
                return $"line.IoVec({expression});";
            case ValueKind.CString:
                return $"line.CString({expression}.Address);";
            default:
                return WriteNumber(value.Format, expression, value.Kind == ValueKind.Signed);
        }
    }

    private static string ToBits(EnumModel model, string expression) => $"unchecked((ulong)({model.Underlying}){expression})";

    private static string WriteNumber(Format format, string expression, bool isSigned) => format switch
    {
        Format.Octal => $"line.Octal(unchecked((ulong){expression}));",
        Format.Hex => $"line.Hex(unchecked((ulong){expression}));",
        Format.Address => $"line.Address(unchecked((ulong){expression}));",
        Format.Fd => $"line.Fd(unchecked((int){expression}));",
        Format.Pid => $"line.Pid(unchecked((int){expression}));",
        _ => isSigned ? $"line.Signed({expression});" : $"line.Unsigned({expression});",
    };

    private static string EnumMethod(EnumModel model) => "Write_" + model.FullName.Substring(model.FullName.LastIndexOf('.') + 1);

    private void EmitStruct(SourceWriter writer, StructModel model)
    {
        writer.Line();
        writer.Open($"private static void Write(global::Semitone.Syscalls.TraceLine line, in {model.FullName} value)");
        string separator = "{";
        foreach (FieldModel field in model.Fields)
        {
            writer.Line($"line.Text(\"{separator}{field.Name}=\"u8);");
            writer.Line(WriteValue(field.Value, "value." + field.Name));
            separator = ", ";
        }

        writer.Line($"line.Text(\"{(model.IsPartial ? ", ...}" : "}")}\"u8);");
        writer.Close();
    }

    private static void EmitEnum(SourceWriter writer, EnumModel model)
    {
        writer.Line();
        writer.Open($"public static void {EnumMethod(model)}(global::Semitone.Syscalls.TraceLine line, ulong value)");
        string values = string.Join(", ", model.Members.Select(member => $"0x{member.Value:x}"));
        StringBuilder names = new();
        foreach (EnumMember member in model.Members)
        {
            names.Append(member.Name).Append("\\0");
        }

        writer.Line($"global::System.ReadOnlySpan<ulong> values = [{values}];");
        if (model.IsFlags)
        {
            string masks = string.Join(", ", model.Members.Select(member => $"0x{member.Mask:x}"));
            writer.Line($"global::System.ReadOnlySpan<ulong> masks = [{masks}];");
            writer.Line($"line.Flags(value, values, masks, \"{names}\"u8);");
        }
        else
        {
            writer.Line($"line.Name(value, values, \"{names}\"u8);");
        }

        writer.Close();
    }
}
