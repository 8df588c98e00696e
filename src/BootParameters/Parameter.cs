using System.Buffers.Text;

namespace Semitone.BootParameters;

/// <summary>One <c>NAME=VALUE</c> of the command line, or one element of a list of that name.</summary>
/// <remarks>The readers give the value that was there before when the text is none of theirs.</remarks>
internal readonly ref struct Parameter
{
    public Parameter(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, bool hasValue, bool isElement)
    {
        Name = name;
        Value = value;
        HasValue = hasValue;
        IsElement = isElement;
    }

    public ReadOnlySpan<byte> Name { get; }

    public ReadOnlySpan<byte> Value { get; }

    /// <summary>An equals sign was there, if only with nothing behind it.</summary>
    public bool HasValue { get; }

    /// <summary>The value comes out of a list, where a scalar parameter has none.</summary>
    public bool IsElement { get; }

    /// <summary>Reads a switch: <c>true|on|yes</c> or a number other than 0; <c>false|off|no</c> or 0. Without a value it is on.</summary>
    public bool ReadSwitch(bool before, out bool isGood)
    {
        isGood = !IsElement;
        if (!isGood)
        {
            return before;
        }

        if (!HasValue || Value.SequenceEqual("true"u8) || Value.SequenceEqual("on"u8) || Value.SequenceEqual("yes"u8))
        {
            return true;
        }

        if (Value.SequenceEqual("false"u8) || Value.SequenceEqual("off"u8) || Value.SequenceEqual("no"u8))
        {
            return false;
        }

        isGood = TryParseNumber(Value, out ulong number);
        return isGood ? number != 0 : before;
    }

    public StandardStream ReadStream(StandardStream before, out bool isGood)
    {
        isGood = !IsElement;
        if (isGood && Value.SequenceEqual("tty"u8))
        {
            return StandardStream.Tty;
        }

        if (isGood && Value.SequenceEqual("pipe"u8))
        {
            return StandardStream.Pipe;
        }

        isGood = isGood && Value.SequenceEqual("null"u8);
        return isGood ? StandardStream.Null : before;
    }

    public ushort ReadUInt16(ushort before, out bool isGood)
    {
        isGood = TryParseNumber(Value, out ulong number) && number <= ushort.MaxValue && !IsElement;
        return isGood ? (ushort)number : before;
    }

    /// <summary>Takes the first of the fields that colons part.</summary>
    internal static ReadOnlySpan<byte> TakeField(ref ReadOnlySpan<byte> rest)
    {
        int colon = rest.IndexOf((byte)':');
        ReadOnlySpan<byte> field = colon < 0 ? rest : rest[..colon];
        rest = colon < 0 ? [] : rest[(colon + 1)..];
        return field;
    }

    /// <summary>Reads a number: decimal, or hexadecimal after <c>0x</c>.</summary>
    internal static bool TryParseNumber(ReadOnlySpan<byte> text, out ulong value)
    {
        bool isHexadecimal = text.StartsWith("0x"u8);
        ReadOnlySpan<byte> digits = isHexadecimal ? text[2..] : text;

        // Utf8Parser takes a sign, which no parameter has.
        if (digits.IsEmpty || digits[0] is (byte)'+' or (byte)'-')
        {
            value = 0;
            return false;
        }

        return Utf8Parser.TryParse(digits, out value, out int consumed, isHexadecimal ? 'x' : 'g') && consumed == digits.Length;
    }
}
