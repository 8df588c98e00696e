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
        writer.Open("switch (number)");
        foreach (NumberModel number in numbers)
        {
            writer.Line($"case {number.Number}: return \"{number.Name}\"u8;");
        }

        writer.Line("default: return default;");
        writer.Close();
        writer.Close();
        writer.Close();
        return writer.ToString();
    }
}
