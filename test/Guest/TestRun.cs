using System.Diagnostics.CodeAnalysis;
using System.Text;
using Semitone.Machine.X64;

namespace Semitone.Guest;

/// <summary>Runs every case and says on the console how many there will be, how each went, and that the end was reached.</summary>
/// <remarks>With <c>fatal=NAME</c> on the command line it runs one case that the machine must not survive instead.</remarks>
internal sealed class TestRun
{
    private readonly X64Machine _machine;

    internal TestRun(X64Machine machine) => _machine = machine;

    /// <summary>Finds <c>name=value</c> on the kernel command line.</summary>
    internal static bool TryGetOption(X64Machine machine, string name, [NotNullWhen(true)] out string? value)
    {
        string prefix = name + "=";
        string? word = Array.Find(
            Encoding.UTF8.GetString(machine.Boot.CommandLine).Split(' '), word => word.StartsWith(prefix, StringComparison.Ordinal));
        value = word?[prefix.Length..];
        return value is not null;
    }

    internal bool RunAll()
    {
        if (TryGetOption(_machine, "fatal", out string? fatal))
        {
            RunFatal(fatal);
            return false;
        }

        if (TryFuzz(out bool isClean))
        {
            return isClean;
        }

        (string Name, Action<X64Machine> Body)[] cases =
        [
            .. RuntimeCases.All, .. PageTableCases.All, .. FrameCases.All, .. KernelPageCases.All, .. RunLoopCases.All,
            .. MemoryCases.All, .. SegmentCases.All, .. DeviceCases.All,
            .. PlatformCases.All, .. DriverCases.All,
        ];
        Print($"1..{cases.Length}");
        int failed = 0;
        for (int i = 0; i < cases.Length; i++)
        {
            try
            {
                cases[i].Body(_machine);
                Print($"ok {i + 1} {cases[i].Name}");
            }
            catch (CheckFailedException failure)
            {
                failed++;
                Print($"not ok {i + 1} {cases[i].Name}: {failure.Message}");
            }
        }

        Print($"done, {failed} failed");
        return failed == 0;
    }

    /// <summary>With <c>fuzz=SEED:COUNT</c> on the command line, nothing else is run.</summary>
    private bool TryFuzz(out bool isClean)
    {
        isClean = false;
        try
        {
            if (!InstructionFuzzer.TryRun(_machine, Print))
            {
                return false;
            }

            Print("fuzz is clean");
            isClean = true;
        }
        catch (CheckFailedException failure)
        {
            Print($"fuzz found: {failure.Message}");
        }

        return true;
    }

    private void RunFatal(string name)
    {
        foreach ((string candidate, Action<X64Machine> body) in FatalCases.All)
        {
            if (candidate == name)
            {
                Print($"fatal {name}");
                body(_machine);
                Print("survived");
                return;
            }
        }

        Print("unknown");
    }

    private void Print(string line) => _machine.Console.Write(Encoding.UTF8.GetBytes(line + "\n"));
}

/// <summary>A case found what it did not expect.</summary>
internal sealed class CheckFailedException(string message) : Exception(message);

internal static class Check
{
    internal static void Equal<T>(T expected, T actual, string what)
        where T : IEquatable<T>
    {
        if (!expected.Equals(actual))
        {
            throw new CheckFailedException($"{what}: expected {expected}, got {actual}");
        }
    }

    internal static void True([DoesNotReturnIf(false)] bool condition, string what)
    {
        if (!condition)
        {
            throw new CheckFailedException(what);
        }
    }
}
