using System.Collections.Generic;
using System.Linq;

namespace Semitone.Generators;

/// <summary>Writes the switch from number to handler, with the decoding of registers into arguments.</summary>
internal static class DispatcherEmitter
{
    private const string Parameters =
        "global::Semitone.Syscalls.SyscallContext context, "
        + "ref global::Semitone.Machine.GuestRegisters registers";

    private static readonly string[] s_registers = ["Rdi", "Rsi", "Rdx", "R10", "R8", "R9"];

    public static string Emit(IReadOnlyCollection<HandlerModel> handlers)
    {
        SourceWriter writer = SourceWriter.BeginFile();
        writer.Open("partial class SyscallDispatcher");
        writer.Open($"private static global::Semitone.Abi.SysResult Call({Parameters})");
        writer.Open("switch (unchecked((uint)registers.Rax))");
        HashSet<int> handled = new(handlers.Select(handler => handler.Number));
        foreach (HandlerModel handler in handlers)
        {
            writer.Line($"case {handler.Number}: return Call_{handler.Name}(context, ref registers);");
        }

        // The numbers in between have cases of their own: without gaps the compiler makes one jump table, and not a tree of them.
        int last = handled.Count == 0 ? -1 : handled.Max();
        string missing =
            string.Concat(Enumerable.Range(0, last + 1).Where(number => !handled.Contains(number)).Select(number => $"case {number}: "));
        if (missing.Length > 0)
        {
            writer.Line($"{missing}return CallMissing(context, ref registers);");
        }

        writer.Line("default: return CallMissing(context, ref registers);");
        writer.Close();
        writer.Close();
        foreach (HandlerModel handler in handlers)
        {
            EmitThunk(writer, handler);
        }

        writer.Close();
        return writer.ToString();
    }

    private static void EmitThunk(SourceWriter writer, HandlerModel handler)
    {
        string arguments =
            string.Concat(handler.Arguments.Select((argument, index) => ", " + Decode(argument, "registers." + s_registers[index])));
        string call = $"{handler.Method}(context{arguments})";
        writer.Line();
        writer.Line(
            "[global::System.Runtime.CompilerServices.MethodImpl(global::System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]");
        writer.Open($"private static global::Semitone.Abi.SysResult Call_{handler.Name}({Parameters})");
        writer.Line(handler.IsAsync ? $"return context.Wait({call});" : $"return {call};");
        writer.Close();
    }

    public static string Decode(ArgumentModel argument, string register) => argument.Kind switch
    {
        ArgumentKind.Fd => $"new global::Semitone.Abi.Fd(unchecked((int){register}))",
        ArgumentKind.CString or ArgumentKind.Pointer => $"new {argument.TypeName}({register})",
        _ => DecodeNumber(argument, register),
    };

    private static string DecodeNumber(ArgumentModel argument, string register)
    {
        string number = argument.Cast == "ulong" ? register : $"unchecked(({argument.Cast}){register})";
        return argument.TypeName == argument.Cast ? number : $"({argument.TypeName}){number}";
    }
}
