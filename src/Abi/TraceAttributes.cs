namespace Semitone.Abi;

/// <summary>How a trace writes a number.</summary>
public enum TraceFormat
{
    Decimal,

    /// <summary>With a leading 0, as modes are written.</summary>
    Octal,

    /// <summary>With a leading 0x.</summary>
    Hex,

    /// <summary><c>va:0x...</c> or <c>NULL</c>.</summary>
    Address,

    /// <summary><c>fd:N</c>.</summary>
    Fd,

    /// <summary><c>pid:N</c>.</summary>
    Pid,

    /// <summary>Not at all; three dots stand at the end of the structure for what was left out.</summary>
    Hidden,
}

/// <summary>Says how a trace writes a parameter, a field of a structure, or every value of an enum.</summary>
[AttributeUsage(AttributeTargets.Parameter | AttributeTargets.Field | AttributeTargets.Enum)]
public sealed class TraceAttribute(TraceFormat format) : Attribute
{
    public TraceFormat Format { get; } = format;

    /// <summary>For fields: those with a lower number are written first. Fields with the same are written as they lie in memory.</summary>
    public int Order { get; init; }
}

/// <summary>Marks a member of a flags enum as a mask whose bits hold one of several values, as O_ACCMODE does.</summary>
/// <remarks>A trace writes the member that equals the masked bits, and never the mask itself.</remarks>
[AttributeUsage(AttributeTargets.Field)]
public sealed class FieldMaskAttribute : Attribute;
