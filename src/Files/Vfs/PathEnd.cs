namespace Semitone.Files;

/// <summary>What becomes of a symbolic link at the end of a path.</summary>
public enum LinkPolicy : byte
{
    /// <summary>It stands for itself: the call is about the name.</summary>
    Keep,

    /// <summary>It stands for itself, but for its target where a slash follows.</summary>
    FollowBeforeSlash,

    /// <summary>It stands for its target.</summary>
    Follow,
}

/// <summary>What the last component of a path is.</summary>
public enum PathEndKind : byte
{
    /// <summary>A name, which may or may not be there.</summary>
    Name,

    /// <summary>Nothing but slashes: the root.</summary>
    Root,
    Dot,
    DotDot,

    /// <summary>A link of /proc that leads to a file without naming it.</summary>
    Jump,
}

/// <summary>Where a path leads.</summary>
public ref struct PathEnd
{
    /// <summary>The directory that the last component is to be found in.</summary>
    public DirectoryInode Parent;

    /// <summary>The last component; empty unless <see cref="Kind"/> is <see cref="PathEndKind.Name"/>.</summary>
    public FileName Name;

    public PathEndKind Kind;

    /// <summary>The path says with a slash at its end that it wants a directory.</summary>
    public bool HasTrailingSlash;

    /// <summary>What is there; null when the last component does not exist.</summary>
    public Inode? Inode;
}
