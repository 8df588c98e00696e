namespace Semitone.Memory;

/// <summary>What mremap(2) may do besides resizing in place.</summary>
[Flags]
public enum RemapOptions
{
    None = 0,

    /// <summary>Look for another place when there is no room to grow.</summary>
    MayMove = 1,

    /// <summary>Move to a given address, in place of whatever is there.</summary>
    Fixed = 2,

    /// <summary>Leave the old range mapped, without its pages.</summary>
    DontUnmap = 4,
}
