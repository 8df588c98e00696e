using System.Globalization;
using System.Reflection;
using System.Text;
using Semitone.Abi;
using Semitone.Syscalls;
using Semitone.Unit.Support;

namespace Semitone.Unit.Syscalls;

/// <summary>Keeps docs/syscalls.md as the handlers declare it.</summary>
public sealed class SyscallDocumentTests
{
    [Fact]
    public void Document_SaysWhatTheHandlersDeclare()
    {
        Dictionary<int, SyscallAttribute> handlers = GetHandlers().ToDictionary(handler => handler.Number);
        int partial = handlers.Values.Count(handler => handler.Missing is not null);
        SyscallNumber[] numbers = Enum.GetValues<SyscallNumber>();
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"""
            # System calls

            Made from the handlers' declarations by a unit test; `SEMITONE_UPDATE_GOLDEN=1 dotnet run --project test/Unit` writes it anew.

            {handlers.Count} of the {numbers.Length} system calls of Linux 6.10 on x86-64 have a handler; {partial} of those lack something that is named here.
            A call without a handler answers ENOSYS and is counted: `semitone run --strace` lists them at the end.

            | Number | Name | Handled | Missing |
            |---:|---|---|---|

            """);
        foreach (SyscallNumber number in numbers.Order())
        {
            handlers.TryGetValue((int)number, out SyscallAttribute? handler);
            string level = handler is null ? "no" : handler.Missing is null ? "yes" : "partly";
            text.Append(CultureInfo.InvariantCulture, $"| {(int)number} | {number} | {level} | {handler?.Missing} |\n");
        }

        GoldenFile.Verify(text.ToString(), "../../../docs/syscalls.md");
    }

    private static IEnumerable<SyscallAttribute> GetHandlers() =>
        typeof(SyscallAttribute).Assembly.GetTypes()
            .SelectMany(type => type.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic))
            .Select(method => method.GetCustomAttribute<SyscallAttribute>())
            .OfType<SyscallAttribute>();
}
