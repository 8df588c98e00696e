using Semitone.Abi;
using Semitone.Core;
using Semitone.Machine;
using Semitone.Memory;
using Semitone.NineP;

namespace Semitone.Files;

/// <summary>The pages of a server's file that are here: what read(2) copies from and what mappings show.</summary>
/// <remarks>
/// A page is absent, being filled, or here and clean. A fill whose range was written or cut meanwhile is thrown away, and whoever waits
/// asks again. Without a cache a page is good for the calls that had it fetched, and is kept longer only where it is mapped.
/// </remarks>
internal sealed partial class RemotePages(NinePFileSystem fileSystem, RemoteFile file) : MemoryObject
{
    private const int FirstAhead = 4;
    private const long NotRead = -1;

    private readonly Dictionary<long, RemotePageGroup> _groups = [];
    private readonly List<Fill> _fills = [];
    private readonly Dictionary<long, Errno> _failed = [];
    private long _length;
    private long _expected = NotRead;
    private long _aheadMark = long.MaxValue;
    private int _window = FirstAhead;
    private long _endStamp;

    public override long Length => _length;

    public override WaitQueue? Fetches => file.Node.Fetches;

    /// <summary>Pages that are here.</summary>
    public long PageCount { get; private set; }

    /// <summary>Whether pages are on their way.</summary>
    public bool IsBusy => _fills.Count != 0;

    private PageClock Pages => fileSystem.Services.Pages;

    private bool TrustsPages => fileSystem.Options.Cache != CacheMode.None;

    public override bool TryGetResident(long pageIndex, out Frame frame)
    {
        frame = Find(pageIndex) is { } group ? group.Frames[pageIndex & RemotePageGroup.Mask] : default;
        return !frame.IsNone;
    }

    public override Errno GetPage(long pageIndex, out Frame frame)
    {
        frame = default;
        if (pageIndex < 0 || pageIndex >= PagesOf(_length))
        {
            return Errno.ENXIO;
        }

        if (TryGetResident(pageIndex, out frame))
        {
            NoteUse(pageIndex);
            if (TryGetResident(pageIndex, out frame))
            {
                return Errno.None;
            }

            // What was asked for ahead has taken its place.
        }

        return TakeFailure(pageIndex, out Errno error) ? error : Fetch(pageIndex, FirstAhead, fileSystem.Clock.Ask());
    }

    /// <summary>Reads up to the end of the file.</summary>
    /// <returns>None; <see cref="InternalErrno.MustWait"/> where a page is lacking; what kept it away.</returns>
    public Errno Read(long offset, ref IoCursor destination)
    {
        FramePool frames = fileSystem.Services.Frames;
        while (destination.Remaining > 0)
        {
            if (offset >= _length)
            {
                Errno error = CheckEnd(offset);
                if (error != Errno.None || offset >= _length)
                {
                    return error;
                }
            }

            long page = offset >> Paging.PageShift;
            if (!IsReadable(page, out Frame frame))
            {
                fileSystem.Clock.Begin();
                long wanted = ((Math.Min(_length, offset + destination.Remaining) - 1) >> Paging.PageShift) + 1 - page;
                return TakeFailure(page, out Errno error) ? error : Fetch(page, wanted, fileSystem.Clock.Ask());
            }

            int inPage = (int)(offset & (long)Paging.PageMask);
            int count = (int)Math.Min(Math.Min(Paging.PageSize - inPage, _length - offset), destination.Remaining);

            // What is asked for ahead, and the reader's own pages, need memory, for which this page could go. One with 255 references
            // stays.
            bool isHeld = frames.TryAddReference(frame);
            int moved;
            try
            {
                NoteUse(page);
                moved = destination.Write(frames, frame, inPage, count);
            }
            finally
            {
                if (isHeld)
                {
                    frames.Release(frame);
                }
            }

            offset += moved;
            if (moved < count)
            {
                break;
            }
        }

        return Errno.None;
    }

    /// <summary>Takes over what the server says of the length, and of changes that somebody else has made.</summary>
    public void TakeOver(long size, bool isForeign)
    {
        if (isForeign)
        {
            DropPages(0, long.MaxValue);
        }

        if (size > _length)
        {
            // What followed was not there: the last page has zeros in its place.
            DropPages(_length >> Paging.PageShift, PagesOf(_length));
        }

        SetLength(size);
    }

    /// <summary>Sets the length. What is cut off is gone for mappings, too.</summary>
    public void SetLength(long length)
    {
        if (length < _length)
        {
            UnmapPages(PagesOf(length), long.MaxValue, privateCopiesToo: true);
            DropPages(PagesOf(length), long.MaxValue);
            Discard(length, long.MaxValue);
            if (TryGetResident(length >> Paging.PageShift, out Frame last))
            {
                int kept = (int)(length & (long)Paging.PageMask);
                fileSystem.Services.Frames.Clear(last, kept, Paging.PageSize - kept);
            }
        }

        _length = length;
    }

    /// <summary>A write begins: what is fetched at the same time may be old.</summary>
    public void NoteWriting(long offset, long count) => Discard(offset, offset + count);

    /// <summary>A write is over: pages that are here get what was written.</summary>
    public void NoteWritten(long offset, Segment[] segments, long written)
    {
        Discard(offset, offset + written);
        long end = offset + written;
        if (written > 0 && end > _length)
        {
            _length = end;
        }

        foreach (Segment segment in segments)
        {
            int from = 0;
            int length = (int)Math.Min(segment.Length, end - offset);
            while (from < length)
            {
                int inPage = (int)(offset & (long)Paging.PageMask);
                int count = Math.Min(Paging.PageSize - inPage, length - from);
                if (TryGetResident(offset >> Paging.PageShift, out Frame frame))
                {
                    fileSystem.Services.Frames.Copy(segment.Frame, segment.Offset + from, frame, inPage, count);
                }

                from += count;
                offset += count;
            }
        }
    }

    /// <summary>Gives up pages of a group that nobody uses.</summary>
    /// <param name="unmaps">Whether those go, too, that are mapped.</param>
    /// <returns>How many were freed.</returns>
    public int Reclaim(RemotePageGroup group, bool unmaps)
    {
        FramePool frames = fileSystem.Services.Frames;
        long first = group.Key << RemotePageGroup.Shift;
        if (unmaps && IsMapped)
        {
            UnmapPages(first, first + RemotePageGroup.Size, privateCopiesToo: false);
        }

        int freed = 0;
        foreach (ref Frame frame in group.Frames.AsSpan())
        {
            if (!frame.IsNone && frames.IsExclusive(frame))
            {
                frames.Release(frame);
                frame = default;
                freed++;
            }
        }

        NoteGone(group, freed);
        return freed;
    }

    /// <summary>Gives pages back that are not mapped, for others who need memory.</summary>
    private void DropUnused()
    {
        if (!IsMapped)
        {
            DropPages(0, long.MaxValue);
        }
    }

    /// <summary>Gives all pages back.</summary>
    public void DropAll()
    {
        Discard(0, long.MaxValue);
        DropPages(0, long.MaxValue);
    }

    protected override void Free() => DropAll();

    private static long PagesOf(long length) => (length >> Paging.PageShift) + ((length & (long)Paging.PageMask) != 0 ? 1 : 0);

    /// <summary>Looks whether the end of the file is still where it was.</summary>
    private Errno CheckEnd(long offset)
    {
        if (TrustsPages)
        {
            return file.Node.CheckAttributes();
        }

        // Only a read tells: the length of some files is 0, and they have something in them.
        FetchClock clock = fileSystem.Clock;
        if (clock.IsFresh(_endStamp))
        {
            return Errno.None;
        }

        clock.Begin();
        long page = offset >> Paging.PageShift;
        return TakeFailure(page, out Errno error) ? error : Fetch(page, 1, clock.Ask(), beyondEnd: true);
    }

    private bool IsReadable(long page, out Frame frame) =>
        TryGetResident(page, out frame)
            && (TrustsPages || fileSystem.Clock.IsFresh(Find(page)!.Stamps[page & RemotePageGroup.Mask]));

    private RemotePageGroup? Find(long page) =>
        _groups.TryGetValue(page >> RemotePageGroup.Shift, out RemotePageGroup? group) ? group : null;

    private bool TakeFailure(long page, out Errno error)
    {
        // Those who waited hear it once; who comes later asks again.
        return _failed.Remove(page, out error);
    }

    private void DropPages(long first, long end)
    {
        if (PageCount == 0 || first >= end)
        {
            return;
        }

        if (IsMapped)
        {
            UnmapPages(first, end, privateCopiesToo: false);
        }

        foreach ((long key, RemotePageGroup group) in _groups)
        {
            long start = key << RemotePageGroup.Shift;
            if (start >= end || start + RemotePageGroup.Size <= first)
            {
                continue;
            }

            int gone = 0;
            for (int i = 0; i < RemotePageGroup.Size; i++)
            {
                ref Frame frame = ref group.Frames[i];
                if (start + i >= first && start + i < end && !frame.IsNone)
                {
                    fileSystem.Services.Frames.Release(frame);
                    frame = default;
                    gone++;
                }
            }

            NoteGone(group, gone);
        }
    }

    private void NoteGone(RemotePageGroup group, int count)
    {
        PageCount -= count;
        Pages.PageCount -= count;
        group.Count -= count;
        if (group.Count == 0)
        {
            _groups.Remove(group.Key);
            Pages.Remove(group);
        }
    }
}
