using Semitone.Cli.Posix;

namespace Semitone.Cli.Packing;

/// <summary>The first line of a script: <c>#!INTERPRETER [ARGUMENT]</c>, execve(2).</summary>
/// <param name="Interpreter">As it stands there.</param>
/// <param name="Argument">All that follows, as one argument; null for nothing.</param>
internal sealed record ProgramScript(string Interpreter, string? Argument)
{
    // Linux looks at no more (BINPRM_BUF_SIZE).
    private const int LongestLine = 256;

    /// <summary>Reads the first line of a file.</summary>
    /// <returns>Null when it is no script or cannot be read.</returns>
    public static ProgramScript? Read(string path)
    {
        try
        {
            using FileStream file = HostFile.OpenStream(path);
            Span<byte> start = stackalloc byte[LongestLine];
            start = start[..file.ReadAtLeast(start, LongestLine, throwOnEndOfStream: false)];
            return Parse(start);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Gives the program that env(1) runs with this argument; null for none.</summary>
    public string? FindProgram() =>
        Argument?.Split(' ', StringSplitOptions.RemoveEmptyEntries).FirstOrDefault(word => !word.StartsWith('-') && !word.Contains('='));

    /// <summary>Writes an interpreter's name for a message.</summary>
    /// <remarks>In a file with lines of Windows' kind the carriage return, which nobody sees, is part of the name.</remarks>
    public string Describe(string name)
    {
        bool isFromWindows = name.EndsWith('\r') || Argument?.EndsWith('\r') == true;
        return isFromWindows ? $"{name.TrimEnd('\r')}^M (the first line ends in a carriage return, as on Windows)" : name;
    }

    internal static ProgramScript? Parse(ReadOnlySpan<byte> start)
    {
        if (!start.StartsWith("#!"u8))
        {
            return null;
        }

        int end = start.IndexOf((byte)'\n');
        string line = HostText.FromBytes(end < 0 ? start[2..] : start[2..end]).Trim(' ', '\t');
        int blank = line.AsSpan().IndexOfAny(' ', '\t');
        if (line.Length == 0)
        {
            return null;
        }

        return blank < 0 ? new ProgramScript(line, null) : new ProgramScript(line[..blank], line[blank..].TrimStart(' ', '\t'));
    }
}
