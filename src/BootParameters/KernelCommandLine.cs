namespace Semitone.BootParameters;

/// <summary>The kernel command line: <c>KERNELNAME [PREFIX.PARAMETER=VALUE]... -- [PROGRAM [ARGUMENT]...]</c>.</summary>
/// <remarks>
/// Parameters are looked for only when a word <c>--</c> is there; otherwise everything after the kernel's name belongs to the program.
/// </remarks>
public static class KernelCommandLine
{
    /// <summary>What to tell someone whose command line names no program.</summary>
    public const string ProgramNameMissing = "Program name missing (no argv[1])";

    /// <summary>Bytes that a line may have: Metal reads no more (BootData.CommandLineCapacity).</summary>
    public const int MaximumLength = 65535;

    /// <summary>Separates the kernel's parameters from the program.</summary>
    private static ReadOnlySpan<byte> Stop => "--"u8;

    /// <summary>Takes a command line apart. Whatever stands there, something comes out: what is not understood becomes a warning.</summary>
    public static BootOptions Parse(ReadOnlySpan<byte> text)
    {
        var options = new BootOptions();
        Span<byte> buffer = text.Length <= 1024 ? stackalloc byte[text.Length] : new byte[text.Length];
        bool hasParameters = HasStop(text, buffer);
        var reader = new CommandLineReader(text, buffer);
        if (!reader.TryRead(out CommandLineWord word))
        {
            return options;
        }

        // `-- /prog` without a kernel name is what a boot loader leaves that drops the name.
        bool isStop = word.IsSpecial(Stop);
        options.KernelName = isStop ? [] : word.Bytes.ToArray();
        if (hasParameters && !isStop)
        {
            ReadParameters(ref reader, options);
        }

        while (reader.TryRead(out word))
        {
            WarnIfUnterminated(options, word);
            options.ProgramArguments.Add(word.Bytes.ToArray());
        }

        if (!hasParameters
            && options.ProgramArguments.Count == 1
            && options.ProgramArguments[0].AsSpan().SequenceEqual(ParameterTable.Help))
        {
            options.ProgramArguments.Clear();
            options.Help = true;
        }

        return options;
    }

    private static bool HasStop(ReadOnlySpan<byte> text, Span<byte> buffer)
    {
        var reader = new CommandLineReader(text, buffer);
        while (reader.TryRead(out CommandLineWord word))
        {
            if (word.IsSpecial(Stop))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Reads parameters up to and with the stop.</summary>
    private static void ReadParameters(ref CommandLineReader reader, BootOptions options)
    {
        while (reader.TryRead(out CommandLineWord word) && !word.IsSpecial(Stop))
        {
            WarnIfUnterminated(options, word);
            int equals = word.Bytes.IndexOf((byte)'=');
            ReadOnlySpan<byte> name = equals < 0 ? word.Bytes : word.Bytes[..equals];
            ReadOnlySpan<byte> value = equals < 0 ? [] : word.Bytes[(equals + 1)..];
            if (!value.IsEmpty && value[0] == '[' && equals + 1 < word.PlainLength)
            {
                if (!ReadList(ref reader, options, word, name, value[1..]))
                {
                    return;
                }

                continue;
            }

            Apply(options, new Parameter(name, value, hasValue: equals >= 0, isElement: false), word.Bytes);
        }
    }

    /// <summary>Reads <c>[ A B ]</c> or <c>[A B]</c> from behind the bracket.</summary>
    /// <returns>False when the stop came before the end of the list.</returns>
    private static bool ReadList(
        ref CommandLineReader reader,
        BootOptions options,
        CommandLineWord opening,
        ReadOnlySpan<byte> name,
        ReadOnlySpan<byte> firstElement)
    {
        // Only a list whose first element touches the bracket ends at one that touches its last: `[ A=[x] ]` has one element.
        bool isTight = !firstElement.IsEmpty;
        CommandLineWord word = opening;
        ReadOnlySpan<byte> element = firstElement;
        bool isElement = isTight;
        while (true)
        {
            bool closes = isTight && word.EndsPlain && word.Bytes[^1] == ']';
            if (closes)
            {
                element = element[..^1];
            }

            if (isElement && !(closes && element.IsEmpty))
            {
                Apply(options, new Parameter(name, element, hasValue: true, isElement: true), word.Bytes);
            }

            if (closes)
            {
                return true;
            }

            if (!reader.TryRead(out word) || word.IsSpecial(Stop))
            {
                options.Warnings.Add(new BootWarning(BootWarningKind.Unterminated, name.ToArray()));
                return false;
            }

            WarnIfUnterminated(options, word);
            if (word.IsSpecial("]"u8))
            {
                return true;
            }

            element = word.Bytes;
            isElement = true;
        }
    }

    private static void Apply(BootOptions options, Parameter parameter, ReadOnlySpan<byte> word)
    {
        BootWarningKind? problem = ParameterTable.Apply(options, parameter);
        if (problem is not { } kind)
        {
            return;
        }

        if (kind == BootWarningKind.UnknownParameter)
        {
            // A list says its name once, however many elements it has.
            byte[] name = parameter.Name.ToArray();
            if (options.Warnings.Count == 0 || !options.Warnings[^1].Text.AsSpan().SequenceEqual(name))
            {
                options.Warnings.Add(new BootWarning(kind, name));
            }

            return;
        }

        options.Warnings.Add(new BootWarning(kind, word.ToArray()));
    }

    private static void WarnIfUnterminated(BootOptions options, CommandLineWord word)
    {
        if (word.IsUnterminated)
        {
            options.Warnings.Add(new BootWarning(BootWarningKind.Unterminated, word.Bytes.ToArray()));
        }
    }
}
