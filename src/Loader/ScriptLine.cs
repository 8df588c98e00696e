namespace Semitone.Loader;

/// <summary>The first line of a script: <c>#!INTERPRETER [ARGUMENT]</c> (execve(2), "Interpreter scripts").</summary>
/// <param name="Interpreter">The interpreter's path.</param>
/// <param name="Argument">Everything after it, as one argument; null when there is nothing.</param>
internal readonly record struct ScriptLine(byte[] Interpreter, byte[]? Argument)
{
    /// <summary>Bytes of a file that are looked at (BINPRM_BUF_SIZE); a line has one byte less.</summary>
    public const int BufferSize = 256;

    /// <summary>Scripts may be interpreted by scripts so many times (execve(2), ELOOP).</summary>
    public const int MaxDepth = 5;

    public static bool IsScript(ReadOnlySpan<byte> start) => start.StartsWith("#!"u8);

    /// <summary>Takes the line apart.</summary>
    /// <param name="buffer">The first <see cref="BufferSize"/> bytes of the file, zeros beyond its end.</param>
    /// <param name="line">The line.</param>
    /// <returns>False, which is ENOEXEC, when no interpreter is named or its name may have been cut off.</returns>
    public static bool TryParse(ReadOnlySpan<byte> buffer, out ScriptLine line)
    {
        line = default;
        ReadOnlySpan<byte> text = buffer[2..];
        int newline = text.IndexOf((byte)'\n');
        if (newline >= 0)
        {
            text = text[..newline];
        }
        else
        {
            // The line goes on beyond the buffer: the argument may be cut, the interpreter's name may not.
            int start = text.IndexOfAnyExcept((byte)' ', (byte)'\t');
            if (start < 0 || text[start..].IndexOfAny((byte)' ', (byte)'\t', (byte)0) < 0)
            {
                return false;
            }

            text = text[..^1];
        }

        text = text.Trim(" \t"u8);
        int nameLength = text.IndexOfAny((byte)' ', (byte)'\t', (byte)0);
        ReadOnlySpan<byte> name = nameLength < 0 ? text : text[..nameLength];
        if (text.IsEmpty)
        {
            return false;
        }

        byte[]? argument = null;
        if (nameLength >= 0 && text[nameLength] != 0)
        {
            ReadOnlySpan<byte> rest = text[nameLength..].TrimStart(" \t"u8);
            int end = rest.IndexOf((byte)0);
            argument = (end < 0 ? rest : rest[..end]).ToArray();
        }

        line = new ScriptLine(name.ToArray(), argument);
        return true;
    }
}
