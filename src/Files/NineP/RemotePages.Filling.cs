using Semitone.Abi;
using Semitone.Core;
using Semitone.Machine;
using Semitone.Memory;
using Semitone.NineP;

namespace Semitone.Files;

/// <content>Fetching pages, and some more before they are asked for.</content>
internal sealed partial class RemotePages
{
    private const int GroupBytes = 1024;

    private int MaximumPages => Math.Max(1, fileSystem.Client.MaximumTransfer >> Paging.PageShift);

    /// <summary>Asks for a page and some that follow.</summary>
    /// <returns><see cref="InternalErrno.MustWait"/>, or ENOMEM.</returns>
    private Errno Fetch(long page, long wanted, long stamp, bool beyondEnd = false)
    {
        foreach (Fill fill in _fills)
        {
            if (page >= fill.Page && page < fill.Page + fill.Count)
            {
                // It is on its way. One that is too old for this call is followed by another question.
                return InternalErrno.MustWait;
            }
        }

        long count = Math.Min(wanted, MaximumPages);
        if (TrustsPages)
        {
            _window = page == _expected ? Math.Min(_window * 2, MaximumPages) : FirstAhead;
            count = Math.Max(count, _window);
        }

        count = beyondEnd ? 1 : Math.Min(count, PagesOf(_length) - page);
        int begun = Start(page, (int)Math.Max(1, Math.Min(count, MaximumPages)), stamp);
        if (begun == 0)
        {
            return Errno.ENOMEM;
        }

        _expected = page + begun;
        _aheadMark = TrustsPages && _window > FirstAhead ? page + (begun / 2) : long.MaxValue;
        return InternalErrno.MustWait;
    }

    /// <summary>A reader has come to a page: one that reads on has the next ones on their way before it comes to them.</summary>
    private void NoteUse(long page)
    {
        Find(page)!.IsUsed = true;
        if (page < _aheadMark || page >= _expected)
        {
            return;
        }

        _aheadMark = long.MaxValue;
        long count = Math.Min(Math.Min(_window * 2, MaximumPages), PagesOf(_length) - _expected);
        if (count > 0 && fileSystem.Services.Frames.MakeRoomForStorage())
        {
            _window = Math.Min(_window * 2, MaximumPages);
            int begun = Start(_expected, (int)count, fileSystem.Clock.Ask());
            _aheadMark = begun > 0 ? _expected : long.MaxValue;
            _expected += begun;
        }
    }

    /// <summary>Begins to fetch pages, as many of them as are neither here nor on their way, and as there is memory for.</summary>
    private int Start(long page, int count, long stamp)
    {
        if (!KernelHeap.HasRoom((count * 64) + GroupBytes))
        {
            return 0;
        }

        if (!TrustsPages && PageCount > 2 * MaximumPages)
        {
            DropUnused();
        }

        List<Segment> segments = [];
        while (segments.Count < count)
        {
            long next = page + segments.Count;
            bool isWanted = segments.Count == 0 || !((TrustsPages && TryGetResident(next, out _)) || IsOnItsWay(next));
            if (!isWanted || !fileSystem.TryAllocateFrame(out Frame frame))
            {
                break;
            }

            segments.Add(new Segment(frame, 0, Paging.PageSize));
        }

        if (segments.Count > 0)
        {
            Fill fill = new(page, segments.Count, stamp);
            _fills.Add(fill);
            Segment[] pieces = [.. segments];
            fileSystem.Start(() => FillAsync(fill, pieces));
        }

        return segments.Count;
    }

    private bool IsOnItsWay(long page)
    {
        foreach (Fill fill in _fills)
        {
            if (page >= fill.Page && page < fill.Page + fill.Count)
            {
                return true;
            }
        }

        return false;
    }

    private async ValueTask FillAsync(Fill fill, Segment[] segments)
    {
        long start = fill.Page << Paging.PageShift;
        long total = (long)segments.Length << Paging.PageShift;
        long moved = 0;
        bool isAtEnd = false;
        Outcome<Fid> fid = await file.GetReadingFidAsync();
        Errno error = fid.Error;
        while (error == Errno.None && moved < total && !isAtEnd)
        {
            // A short answer is legal anywhere; only nothing is the end.
            int first = (int)(moved >> Paging.PageShift);
            Outcome<int> read = await fileSystem.Client.ReadAsync(
                fid.Value, start + moved, segments, first, segments.Length - first, (int)(moved & (long)Paging.PageMask), file.Node);
            error = read.Error;
            moved += error == Errno.None ? read.Value : 0;
            isAtEnd = error == Errno.None && read.Value == 0;
            isAtEnd |= error == Errno.None && TrustsPages && start + moved >= _length;
        }

        if (fid.Error == Errno.None)
        {
            fid.Value.Release();
        }

        _fills.Remove(fill);
        Finish(fill, segments, moved, isAtEnd, error);
        file.Node.Fetches.WakeAll();
    }

    private void Finish(Fill fill, Segment[] segments, long moved, bool isAtEnd, Errno error)
    {
        FramePool frames = fileSystem.Services.Frames;
        long start = fill.Page << Paging.PageShift;
        if (!fill.IsDiscarded && error == Errno.None)
        {
            NoteEnd(start + moved, isAtEnd, fill.Stamp);
        }

        for (int i = 0; i < segments.Length; i++)
        {
            Frame frame = segments[i].Frame;
            long here = Math.Clamp(moved - ((long)i << Paging.PageShift), 0, Paging.PageSize);
            bool isWhole = here == Paging.PageSize || (here > 0 && isAtEnd);
            if (fill.IsDiscarded || !isWhole)
            {
                frames.Release(frame);
                if (error != Errno.None && error != Errno.EINTR && !fill.IsDiscarded && i == 0)
                {
                    _failed[fill.Page] = error;
                }

                continue;
            }

            frames.Clear(frame, (int)here, Paging.PageSize - (int)here);
            Insert(fill.Page + i, frame, fill.Stamp);
        }
    }

    /// <summary>Takes note of where the file ends, as a read has shown it.</summary>
    private void NoteEnd(long end, bool isAtEnd, long stamp)
    {
        if (isAtEnd)
        {
            _endStamp = stamp;
            if (end < _length)
            {
                // Somebody has cut it off.
                SetLength(end);
                return;
            }
        }

        if (!TrustsPages && end > _length)
        {
            SetLength(end);
        }
    }

    private void Insert(long page, Frame frame, long stamp)
    {
        FramePool frames = fileSystem.Services.Frames;
        RemotePageGroup? group = Find(page);
        if (group is null)
        {
            group = new RemotePageGroup(this, page >> RemotePageGroup.Shift);
            _groups.Add(group.Key, group);
            Pages.Add(group);
        }

        // It was asked for, and is to last until it has been read.
        group.IsUsed = true;
        int slot = (int)(page & RemotePageGroup.Mask);
        ref Frame here = ref group.Frames[slot];
        group.Stamps[slot] = stamp;
        if (here.IsNone)
        {
            here = frame;
            group.Count++;
            PageCount++;
            Pages.PageCount++;
        }
        else
        {
            // It may be mapped: what it holds becomes new where it is.
            frames.Copy(frame, 0, here, 0, Paging.PageSize);
            frames.Release(frame);
        }
    }

    /// <summary>Makes fills worthless that have to do with a range of bytes.</summary>
    private void Discard(long start, long end)
    {
        foreach (Fill fill in _fills)
        {
            long first = fill.Page << Paging.PageShift;
            fill.IsDiscarded |= first < end && first + ((long)fill.Count << Paging.PageShift) > start;
        }
    }

    /// <summary>Pages that are on their way.</summary>
    private sealed class Fill(long page, int count, long stamp)
    {
        public long Page { get; } = page;

        public int Count { get; } = count;

        public long Stamp { get; } = stamp;

        /// <summary>Whether what comes is too old.</summary>
        public bool IsDiscarded { get; set; }
    }
}
