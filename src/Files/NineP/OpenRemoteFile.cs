using Semitone.Abi;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>An open regular file of a server.</summary>
internal sealed class OpenRemoteFile(RemoteFile file, OpenFlags flags) : OpenRegularFile(file, flags)
{
    /// <summary>What is written through a mapping would have to reach the server: it does not yet.</summary>
    public override bool AllowsSharedWriting => false;

    /// <inheritdoc/>
    /// <remarks>As Linux answers where it does not write back (cache=none).</remarks>
    public override Errno SharedWritingError => Errno.EINVAL;

    private bool IsSynchronous => (Flags & OpenFlags.O_DSYNC) != 0;

    public override ChangeResult Synchronize() => file.Synchronize();

    public override IoResult Write(ref IoCursor source)
    {
        if (source.Remaining > long.MaxValue - Offset)
        {
            return Errno.EINVAL;
        }

        // Who appends must know the end.
        Errno error = IsAppending ? file.Node.CheckAttributes() : Errno.None;
        if (error != Errno.None)
        {
            return error;
        }

        long offset = IsAppending ? file.AppendOffset : Offset;
        error = file.Write(offset, ref source, IsSynchronous);
        Offset = offset + source.Moved;
        NoteWritten(source.Moved);
        return Finish(error, ref source);
    }

    public override IoResult WriteAt(ref IoCursor source, long offset)
    {
        Errno error = IsAppending ? file.Node.CheckAttributes() : Errno.None;
        if (error != Errno.None)
        {
            return error;
        }

        error = file.Write(IsAppending ? file.AppendOffset : offset, ref source, IsSynchronous);
        NoteWritten(source.Moved);
        return Finish(error, ref source);
    }

    public override PendingChange? TakeTransfer() => file.TakeTransfer();

    protected override void OnClosed()
    {
        base.OnClosed();
        file.OnClosed();
    }

    /// <summary>Tells that bytes are on their way, also where the rest of the buffer could not be read: that shows next time.</summary>
    private static IoResult Finish(Errno error, ref IoCursor source) =>
        error == InternalErrno.MustWait ? new IoResult(source.Moved, error) : source.ToResult(error);
}
