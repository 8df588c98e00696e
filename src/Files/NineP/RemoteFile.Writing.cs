using Semitone.Abi;
using Semitone.Core;
using Semitone.Machine;
using Semitone.Memory;
using Semitone.NineP;

namespace Semitone.Files;

/// <content>What is written: taken out of the caller's buffer into frames, sent, and put into the pages that are known.</content>
internal sealed partial class RemoteFile
{
    private PendingChange? _begun;
    private long _pendingEnd;
    private int _pendingWrites;

    /// <summary>Where a write that appends begins: behind all that are under way.</summary>
    public long AppendOffset => _pendingWrites == 0 ? Size : Math.Max(Size, _pendingEnd);

    /// <inheritdoc/>
    /// <remarks>
    /// Answers <see cref="InternalErrno.MustWait"/> when bytes have been taken: <see cref="TakeTransfer"/> tells what they will have come
    /// to.
    /// </remarks>
    public override Errno Write(long offset, ref IoCursor source) => Write(offset, ref source, synchronizes: false);

    /// <param name="synchronizes">Whether it is to be on the server's device before it counts (O_DSYNC in open(2)).</param>
    public Errno Write(long offset, ref IoCursor source, bool synchronizes)
    {
        if (source.Remaining == 0)
        {
            return Errno.None;
        }

        IFileCaller? caller = FileSystem.Services.Caller;
        long limit = caller?.FileSizeLimit ?? long.MaxValue;
        if (offset >= limit)
        {
            caller?.OnFileTooLarge();
            return Errno.EFBIG;
        }

        if (!KernelHeap.HasRoom(4096))
        {
            return Errno.ENOMEM;
        }

        long wanted = Math.Min(Math.Min(source.Remaining, limit - offset), _fileSystem.Client.MaximumTransfer);
        List<Segment> pieces = [];
        long taken = Take(wanted, ref source, pieces);
        if (taken == 0)
        {
            return source.IsFaulted ? Errno.None : Errno.ENOMEM;
        }

        _pendingWrites++;
        _pendingEnd = Math.Max(_pendingEnd, offset + taken);
        OpenCount++;
        Segment[] segments = [.. pieces];
        RemoteChange begun = new(Node.Changes, null, change => WriteAsync(change, offset, segments, synchronizes));
        _begun = begun;
        begun.Submit();
        return InternalErrno.MustWait;
    }

    /// <summary>Takes the write that the last call has begun.</summary>
    public PendingChange? TakeTransfer()
    {
        PendingChange? begun = _begun;
        _begun = null;
        return begun;
    }

    /// <summary>Takes bytes out of a buffer into frames.</summary>
    private long Take(long wanted, ref IoCursor source, List<Segment> pieces)
    {
        FramePool frames = _fileSystem.Services.Frames;
        long taken = 0;
        while (taken < wanted && _fileSystem.TryAllocateFrame(out Frame frame))
        {
            int count = (int)Math.Min(Paging.PageSize, wanted - taken);
            int moved = source.Read(frames, frame, 0, count);
            if (moved == 0)
            {
                frames.Release(frame);
                break;
            }

            pieces.Add(new Segment(frame, 0, moved));
            taken += moved;
            if (moved < count)
            {
                break;
            }
        }

        return taken;
    }

    private async ValueTask<Errno> WriteAsync(RemoteChange change, long offset, Segment[] segments, bool synchronizes)
    {
        int first = 0;
        int skip = 0;
        long written = 0;
        Errno error = Errno.None;
        Fid? fid = GetHandle(OpenFlags.O_WRONLY);
        fid?.AddReference();
        long total = segments.Sum(segment => (long)segment.Length);
        _pages.NoteWriting(offset, total);
        while (written < total && error == Errno.None)
        {
            Outcome<int> moved = fid is null
                ? Errno.EBADF
                : await _fileSystem.Client.WriteAsync(fid, offset + written, segments, first, segments.Length - first, skip);
            error = moved.Error;
            if (error == Errno.None && moved.Value == 0)
            {
                error = written == 0 ? Errno.ENOSPC : Errno.None;
                break;
            }

            written += error == Errno.None ? moved.Value : 0;
            skip += error == Errno.None ? moved.Value : 0;
            while (first < segments.Length && skip >= segments[first].Length)
            {
                skip -= segments[first++].Length;
            }
        }

        if (synchronizes && written > 0)
        {
            Errno failure = await _fileSystem.Client.SynchronizeAsync(fid!, dataOnly: true);
            written = failure == Errno.None ? written : 0;
            error = failure == Errno.None ? error : failure;
        }

        _pages.NoteWritten(offset, segments, written);
        foreach (Segment segment in segments)
        {
            _fileSystem.Services.Frames.Release(segment.Frame);
        }

        fid?.Release();
        if (written > 0)
        {
            Node.Invalidate();
        }

        _pendingEnd = --_pendingWrites == 0 ? 0 : _pendingEnd;
        OnClosed();
        change.NoteWritten(written);
        return written > 0 ? Errno.None : error;
    }
}
