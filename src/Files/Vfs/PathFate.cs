namespace Semitone.Files;

/// <summary>What came of putting a file's path together.</summary>
public enum PathFate : byte
{
    /// <summary>The path leads to the file.</summary>
    Linked,

    /// <summary>The file was removed: the path is the one that it had, or empty where that is not known.</summary>
    Removed,

    /// <summary>The file lies outside the root: the path is the one from the very top.</summary>
    Unreachable,

    /// <summary>The buffer is too small.</summary>
    TooLong,
}
