using Semitone.Abi;

namespace Semitone.Files;

/// <summary>A change of attributes: chmod(2), chown(2), utimensat(2). What is null stays as it is.</summary>
public struct AttributeChange
{
    /// <summary>Type and permissions.</summary>
    public Mode? Mode { get; set; }

    public uint? UserId { get; set; }

    public uint? GroupId { get; set; }

    /// <summary>In nanoseconds since 1970.</summary>
    public long? AccessedNs { get; set; }

    public long? ModifiedNs { get; set; }
}
