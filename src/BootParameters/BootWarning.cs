using System.Text;

namespace Semitone.BootParameters;

/// <summary>What is wrong with a part of the command line.</summary>
public enum BootWarningKind : byte
{
    /// <summary>No parameter has this name.</summary>
    UnknownParameter,

    /// <summary>The parameter exists but cannot have this value.</summary>
    BadValue,

    /// <summary>A quote or a list that nothing closes.</summary>
    Unterminated,
}

/// <summary>One part of the command line that was passed over.</summary>
/// <param name="Text">The word as it stood there, quotes removed.</param>
public readonly record struct BootWarning(BootWarningKind Kind, byte[] Text)
{
    public override string ToString()
    {
        string text = Encoding.Latin1.GetString(Text);
        return Kind switch
        {
            BootWarningKind.UnknownParameter => "Unknown parameter ignored: " + text,
            BootWarningKind.BadValue => "Parameter with a value that it cannot have ignored: " + text,
            _ => "Quote or list that nothing closes: " + text,
        };
    }
}
