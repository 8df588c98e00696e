namespace Semitone.NineP;

/// <summary>What kind of file a <see cref="Qid"/> stands for.</summary>
[Flags]
public enum QidType : byte
{
    /// <summary>A regular file, or anything else that has no bit of its own: a device, a fifo, a socket.</summary>
    File = 0,
    SymbolicLink = 0x02,
    Directory = 0x80,
}

/// <summary>A server's name for a file: two files that exist at once have different paths.</summary>
/// <param name="Version">Changes with the contents where the server knows of that; worth nothing with those that exist.</param>
public readonly record struct Qid(QidType Type, uint Version, ulong Path)
{
    /// <summary>Bytes in a message.</summary>
    public const int Size = 13;

    public bool IsDirectory => (Type & QidType.Directory) != 0;

    public bool IsSymbolicLink => (Type & QidType.SymbolicLink) != 0;
}
