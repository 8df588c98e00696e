using Semitone.Abi;

namespace Semitone.Files;

/// <summary>A name in a remote directory: there, not there, or being asked for.</summary>
internal sealed class CachedName(RemoteDirectory owner, byte[] bytes, uint hash) : ClockMember<CachedName>
{
    public RemoteDirectory Owner { get; } = owner;

    public byte[] Bytes { get; } = bytes;

    public uint Hash { get; } = hash;

    /// <summary>The file; null for a name that is not there, or of which nothing is known.</summary>
    public Inode? Inode { get; set; }

    /// <summary>When it was asked for what is known (<see cref="FetchClock"/>); 0 when nothing is.</summary>
    public long Stamp { get; set; }

    /// <summary>The same, on the monotonic clock.</summary>
    public long TimeNs { get; set; }

    /// <summary>Since when it is being asked for; 0 when it is not.</summary>
    public long AskStamp { get; set; }

    /// <summary>What kept the last answer away.</summary>
    public Errno Error { get; set; }

    public long ErrorStamp { get; set; }

    /// <summary>The next one in its directory's bucket.</summary>
    public CachedName? NextInBucket { get; set; }

    /// <summary>Whether it may be forgotten: nobody waits for it, and nobody uses the file in a way that would be lost.</summary>
    public bool CanBeForgotten => AskStamp == 0 && (Inode as IRemoteInode)?.Node.CanBeForgotten != false;
}
