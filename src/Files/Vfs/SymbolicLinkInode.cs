using Semitone.Abi;

namespace Semitone.Files;

/// <summary>A symbolic link.</summary>
public abstract class SymbolicLinkInode : Inode
{
    protected SymbolicLinkInode(FileSystem fileSystem, ulong number)
        : base(fileSystem, number, Mode.S_IFLNK | (Mode)0x1FF)
    {
    }

    /// <summary>Reads the target as readlink(2) gives it.</summary>
    /// <returns>None, <see cref="InternalErrno.MustWait"/>, or what the file system's own business brings.</returns>
    public abstract Errno GetTarget(out ReadOnlySpan<byte> target);

    /// <summary>Gets what the link stands for without going by the target's text, as the links of /proc/PID/fd do (proc(5)).</summary>
    /// <returns>False for an ordinary link.</returns>
    public virtual bool TryJump(out Inode? inode)
    {
        inode = null;
        return false;
    }

    /// <summary>Why <see cref="TryJump"/> found nothing.</summary>
    public virtual Errno JumpError => Errno.ENOENT;

    public override Errno Open(OpenFlags flags, out OpenFile? file)
    {
        file = null;
        return Errno.ELOOP;
    }
}
