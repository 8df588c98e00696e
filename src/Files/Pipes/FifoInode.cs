using Semitone.Abi;

namespace Semitone.Files;

/// <summary>A fifo (fifo(7)), or a pipe, which is a fifo without a name.</summary>
public class FifoInode(FileSystem fileSystem, ulong number, Mode mode) : Inode(fileSystem, number, mode)
{
    private Pipe? _pipe;

    public override string? Description => HasName ? null : $"pipe:[{Number}]";

    /// <summary>Whether it is a fifo: who opens a pipe again, through /proc/PID/fd, waits for nobody (fifo(7)).</summary>
    internal bool HasName => FileSystem is not AnonymousFileSystem;

    public override Errno Open(OpenFlags flags, out OpenFile? file)
    {
        file = null;
        bool onlyWrites = (flags & OpenFlags.O_ACCMODE) == OpenFlags.O_WRONLY;
        if (HasName && onlyWrites && (flags & OpenFlags.O_NONBLOCK) != 0 && (_pipe is null || _pipe.Readers == 0))
        {
            return Errno.ENXIO;
        }
        file = new OpenPipe(this, flags);
        return Errno.None;
    }

    internal Pipe GetPipe() => _pipe ??= new Pipe(FileSystem.Services.Frames);
}
