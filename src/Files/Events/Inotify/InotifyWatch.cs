using Semitone.Abi;

namespace Semitone.Files;

/// <summary>One file that an inotify instance watches.</summary>
internal sealed class InotifyWatch(OpenInotify owner, Inode inode, int descriptor, InotifyMask mask)
{
    public OpenInotify Owner { get; } = owner;

    public Inode Inode { get; } = inode;

    /// <summary>The number that events name it by.</summary>
    public int Descriptor { get; } = descriptor;

    /// <summary>The events asked for, with IN_EXCL_UNLINK and IN_ONESHOT.</summary>
    public InotifyMask Mask { get; set; } = mask;

    /// <summary>The next watch of the same file, in whatever instance.</summary>
    public InotifyWatch? NextOfInode { get; set; }
}
