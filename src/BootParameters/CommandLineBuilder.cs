using System.Buffers;

namespace Semitone.BootParameters;

/// <summary>Writes a kernel command line that <see cref="KernelCommandLine.Parse"/> takes apart into what went in.</summary>
/// <remarks>Quotes as a shell does, with '...' and "..." only: loaders that know no backslash read it the same way.</remarks>
public sealed class CommandLineBuilder
{
    private readonly ArrayBufferWriter<byte> _text = new();

    /// <param name="kernelName">The first word.</param>
    public CommandLineBuilder(ReadOnlySpan<byte> kernelName)
    {
        AppendWord(kernelName);
    }

    /// <summary>Adds <c>NAME=VALUE</c>.</summary>
    public CommandLineBuilder Add(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        _text.Write(" "u8);
        _text.Write(name);
        _text.Write("="u8);
        AppendWord(value);
        return this;
    }

    /// <summary>Adds <c>NAME=[ VALUE... ]</c>.</summary>
    public CommandLineBuilder AddList(ReadOnlySpan<byte> name, IEnumerable<byte[]> values)
    {
        _text.Write(" "u8);
        _text.Write(name);
        _text.Write("=["u8);
        foreach (byte[] value in values)
        {
            _text.Write(" "u8);
            AppendWord(value);
        }

        _text.Write(" ]"u8);
        return this;
    }

    /// <summary>Adds parameters that are written as the kernel reads them.</summary>
    public CommandLineBuilder AddVerbatim(ReadOnlySpan<byte> parameters)
    {
        _text.Write(" "u8);
        _text.Write(parameters);
        return this;
    }

    /// <summary>Ends the parameters and gives the whole line.</summary>
    /// <param name="arguments">The program's argument vector, its name first.</param>
    public byte[] Build(IEnumerable<byte[]> arguments)
    {
        _text.Write(" --"u8);
        foreach (byte[] argument in arguments)
        {
            _text.Write(" "u8);
            AppendWord(argument);
        }

        return _text.WrittenSpan.ToArray();
    }

    private void AppendWord(ReadOnlySpan<byte> word)
    {
        if (word.Contains((byte)0))
        {
            throw new ArgumentException("A kernel command line cannot carry a NUL byte.", nameof(word));
        }

        if (IsPlain(word))
        {
            _text.Write(word);
            return;
        }

        // '...' holds everything but its own quote; that one stands in "...", and the pieces touch.
        ReadOnlySpan<byte> rest = word;
        do
        {
            int run = rest.IndexOf((byte)'\'');
            if (run != 0)
            {
                run = run < 0 ? rest.Length : run;
                AppendQuoted("'"u8, rest[..run]);
                rest = rest[run..];
            }

            run = rest.IndexOfAnyExcept((byte)'\'');
            run = run < 0 ? rest.Length : run;
            if (run > 0)
            {
                AppendQuoted("\""u8, rest[..run]);
                rest = rest[run..];
            }
        }
        while (!rest.IsEmpty);
    }

    private void AppendQuoted(ReadOnlySpan<byte> quote, ReadOnlySpan<byte> text)
    {
        _text.Write(quote);
        _text.Write(text);
        _text.Write(quote);
    }

    /// <summary>Says whether a word means itself everywhere on the line: as a value, in a list, as an argument.</summary>
    private static bool IsPlain(ReadOnlySpan<byte> word)
    {
        if (word.IsEmpty || word.SequenceEqual("--"u8))
        {
            return false;
        }

        foreach (byte value in word)
        {
            bool isPlain = char.IsAsciiLetterOrDigit((char)value) || "-_./:=,+@%^~"u8.Contains(value);
            if (!isPlain)
            {
                return false;
            }
        }

        return true;
    }
}
