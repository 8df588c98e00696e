namespace Semitone.BootParameters;

/// <summary>A word of the command line, quotes removed, with what is left to know about them.</summary>
internal readonly ref struct CommandLineWord
{
    public CommandLineWord(ReadOnlySpan<byte> bytes, int plainLength, bool isPlain, bool endsPlain, bool isUnterminated)
    {
        Bytes = bytes;
        PlainLength = plainLength;
        IsPlain = isPlain;
        EndsPlain = endsPlain;
        IsUnterminated = isUnterminated;
    }

    public ReadOnlySpan<byte> Bytes { get; }

    /// <summary>Bytes before the first quote or escape.</summary>
    public int PlainLength { get; }

    /// <summary>No part of it was quoted or escaped.</summary>
    public bool IsPlain { get; }

    /// <summary>The last byte was neither quoted nor escaped.</summary>
    public bool EndsPlain { get; }

    /// <summary>The line ended within a quote.</summary>
    public bool IsUnterminated { get; }

    /// <summary>Says whether the word is this one and was not quoted, so that it has its special meaning.</summary>
    public bool IsSpecial(ReadOnlySpan<byte> special) => IsPlain && Bytes.SequenceEqual(special);
}
