using System.Text;

namespace Semitone.Generators;

/// <summary>Writes the names of all system calls that Linux has.</summary>
internal static class NamesEmitter
{
    public static string Emit(EquatableArray<NumberModel> numbers)
    {
        SourceWriter writer = SourceWriter.BeginFile();
        writer.Line("/// <summary>What Linux calls its system calls.</summary>");
        writer.Open("public static class SyscallNames");
        writer.Line("/// <summary>One more than the highest number that has a name.</summary>");
        int limit = 0;
        foreach (NumberModel number in numbers)
        {
            limit = number.Number >= limit ? number.Number + 1 : limit;
        }

        writer.Line($"public const int Limit = {limit};");
        writer.Line();
        writer.Line("/// <summary>Gets the name of a number, in ASCII; empty when Linux has no such call.</summary>");
        writer.Open("public static global::System.ReadOnlySpan<byte> Get(uint number)");

        // Data, not a switch, which would be 8 KB of code; and only traces and reports ask.
        string[] names = new string[limit];
        foreach (NumberModel number in numbers)
        {
            names[number.Number] = number.Name;
        }

        StringBuilder lengths = new();
        StringBuilder text = new();
        foreach (string? name in names)
        {
            text.Append(name);
            lengths.Append(name?.Length ?? 0).Append(", ");
        }

        writer.Line($"global::System.ReadOnlySpan<byte> names = \"{text}\"u8;");
        writer.Line($"global::System.ReadOnlySpan<byte> lengths = [{lengths}];");
        writer.Open("if (number >= Limit)");
        writer.Line("return default;");
        writer.Close();
        writer.Line();
        writer.Line("int start = 0;");
        writer.Open("foreach (byte length in lengths[..(int)number])");
        writer.Line("start += length;");
        writer.Close();
        writer.Line();
        writer.Line("return names.Slice(start, lengths[(int)number]);");
        writer.Close();
        writer.Close();
        return writer.ToString();
    }
}
