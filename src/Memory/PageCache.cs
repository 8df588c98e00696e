using System.Diagnostics;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Machine;

namespace Semitone.Memory;

/// <summary>
/// The bytes of a file that lives in memory, as pages: what read(2) copies from and mmap(2) maps. Also shared anonymous memory.
/// </summary>
/// <remarks>
/// <para>A page comes from one of three places, in this order: the <em>extent</em> (whole frames of the initrd that became the file's own,
/// without a copy and without a table), the sparse page table of this object, or the <em>source</em> (bytes of the initrd that do not fill
/// a frame of their own: they are read in place, and copied into a frame when the page is mapped or written). What is in none of them is a
/// hole, and reads as zeros.</para>
/// <para>Bytes of a page beyond the length are zeros, unless a shared mapping wrote there; growing clears them again.</para>
/// <para>Reading and writing allocate no managed memory, but for a leaf of the table per 64 new pages.</para>
/// </remarks>
public sealed partial class PageCache : MemoryObject
{
    private readonly FramePool _frames;
    private long _length;

    // The extent: pages 0 to _extentPages - 1.
    private long _extentPages;

    // The source: bytes 0 to _sourceLength - 1, of which the extent covers the first.
    private readonly PhysicalRange _source;
    private long _sourceLength;

    private bool _wasMapped;

    /// <summary>Makes an empty file.</summary>
    public PageCache(FramePool frames)
    {
        _frames = frames;
    }

    /// <summary>Makes a file of bytes that are in memory already: those of the initrd.</summary>
    /// <param name="frames">Where further frames come from.</param>
    /// <param name="contents">The bytes. Frames that they fill belong to the file from now on; a frame that they share with others is only
    /// read.</param>
    public PageCache(FramePool frames, PhysicalRange contents)
    {
        _frames = frames;
        _length = contents.Length;
        _source = contents;
        _sourceLength = contents.Length;
        if (contents.Offset == 0)
        {
            _extentPages = contents.Length >> Paging.PageShift;
        }
    }

    public override long Length => _length;

    /// <summary>Pages that are held in frames (for st_blocks).</summary>
    public long PageCount { get; private set; }

    /// <summary>Pages of the initrd that the file took over.</summary>
    public long ExtentPageCount => _extentPages;

    public override Errno GetPage(long pageIndex, out Frame frame)
    {
        if (pageIndex < 0 || pageIndex >= PagesOf(_length))
        {
            frame = default;
            return Errno.ENXIO;
        }

        _wasMapped = true;
        return TryBringIn(pageIndex, out frame) ? Errno.None : Errno.ENOMEM;
    }

    public override bool TryGetResident(long pageIndex, out Frame frame)
    {
        if ((ulong)pageIndex < (ulong)_extentPages)
        {
            frame = _source[pageIndex];
            return true;
        }

        return TryGetFromTable(pageIndex, out frame);
    }

    /// <summary>Reads from an offset until the cursor is full or the file ends.</summary>
    public IoResult Read(long offset, ref IoCursor target)
    {
        long before = target.Moved;
        while (target.Remaining > 0 && offset < _length)
        {
            int inPage = (int)(offset & (long)Paging.PageMask);
            int count = (int)Math.Min(Math.Min(Paging.PageSize - inPage, _length - offset), target.Remaining);
            int moved;
            if (TryGetResident(offset >> Paging.PageShift, out Frame frame))
            {
                moved = target.Write(_frames, frame, inPage, count);
            }
            else if (offset < _sourceLength)
            {
                frame = GetSource(offset, ref count, out int inFrame);
                moved = target.Write(_frames, frame, inFrame, count);
            }
            else
            {
                moved = (int)target.Zero(count);
            }

            offset += moved;
            if (moved < count)
            {
                break;
            }
        }

        return new IoResult(target.Moved - before, target.IsFaulted ? Errno.EFAULT : Errno.None);
    }

    /// <summary>Writes at an offset until the cursor is empty; the file grows as it must.</summary>
    /// <returns>Bytes written, with ENOSPC when memory ran out (as tmpfs(5) has it), EFBIG beyond the largest offset, or EFAULT.</returns>
    public IoResult Write(long offset, ref IoCursor source)
    {
        Debug.Assert(offset >= 0);
        long before = source.Moved;
        Errno error = Errno.None;
        while (source.Remaining > 0)
        {
            int inPage = (int)(offset & (long)Paging.PageMask);
            int count = (int)Math.Min(Paging.PageSize - inPage, source.Remaining);
            count = (int)Math.Min(count, long.MaxValue - offset);
            if (count == 0)
            {
                error = Errno.EFBIG;
                break;
            }

            if (!TryGetForWriting(offset >> Paging.PageShift, count, out Frame frame, out bool isRaw))
            {
                error = Errno.ENOSPC;
                break;
            }

            if (offset > _length)
            {
                ClearTail();
            }

            int moved = source.Read(_frames, frame, inPage, count);
            if (isRaw && moved < count)
            {
                _frames.Clear(frame, moved, Paging.PageSize - moved);
            }

            offset += moved;
            if (offset > _length && moved > 0)
            {
                _length = offset;
            }

            if (moved < count)
            {
                error = Errno.EFAULT;
                break;
            }
        }

        return new IoResult(source.Moved - before, error);
    }

    /// <summary>Sets the length. What is cut off is gone for mappings too (SIGBUS); what is added reads as zeros.</summary>
    public void Truncate(long length)
    {
        Debug.Assert(length >= 0);
        if (length > _length)
        {
            ClearTail();
            _length = length;
            return;
        }

        if (length == _length)
        {
            return;
        }

        long pages = PagesOf(length);
        if (IsMapped)
        {
            UnmapPages(pages, long.MaxValue, privateCopiesToo: true);
        }

        _length = length;
        _sourceLength = Math.Min(_sourceLength, length);
        FreePages(pages, long.MaxValue);
        ReleaseExtent(pages);
        ClearTail(isShrinking: true);
    }

    /// <summary>
    /// Brings the pages of a range into being, so that writing them cannot run out of memory, and grows the file to its end.
    /// </summary>
    /// <param name="offset">First byte, not negative.</param>
    /// <param name="length">Bytes, more than 0.</param>
    /// <param name="keepLength">Leave the length alone (FALLOC_FL_KEEP_SIZE); then only pages inside it come into being.</param>
    /// <returns>None, EFBIG, or ENOSPC with nothing changed but pages that hold zeros.</returns>
    public Errno Allocate(long offset, long length, bool keepLength)
    {
        if (length > long.MaxValue - offset)
        {
            return Errno.EFBIG;
        }

        long end = offset + length;
        long visibleEnd = keepLength ? Math.Min(end, _length) : end;
        if (visibleEnd <= offset)
        {
            return Errno.None;
        }

        long first = offset >> Paging.PageShift;
        long last = PagesOf(visibleEnd);
        if (last - first > _frames.FreeCount + PageCount + _extentPages)
        {
            return Errno.ENOSPC;
        }

        for (long page = first; page < last; page++)
        {
            if (!TryBringIn(page, out _))
            {
                // Pages beyond the end of the file must not linger.
                FreePages(PagesOf(_length), long.MaxValue);
                return Errno.ENOSPC;
            }
        }

        if (visibleEnd > _length)
        {
            ClearTail();
            _length = visibleEnd;
        }

        return Errno.None;
    }

    /// <summary>Makes a range read as zeros and frees the pages that lie wholly inside it (fallocate(2), FALLOC_FL_PUNCH_HOLE).</summary>
    public override Errno PunchHole(long offset, long length)
    {
        long end = length > _length - offset ? _length : offset + length;
        while (offset < end)
        {
            int inPage = (int)(offset & (long)Paging.PageMask);
            int count = (int)Math.Min(Paging.PageSize - inPage, end - offset);
            long page = offset >> Paging.PageShift;
            bool isWhole = count == Paging.PageSize || offset + count == _length;
            if (page >= _extentPages && offset >= _sourceLength && isWhole && inPage == 0)
            {
                // The table's own pages up to the end of the range go at once.
                long endPage = end == _length ? PagesOf(end) : end >> Paging.PageShift;
                if (IsMapped)
                {
                    UnmapPages(page, endPage, privateCopiesToo: false);
                }

                FreePages(page, endPage);
                offset = Math.Min(end, endPage << Paging.PageShift);
                continue;
            }

            if (TryGetResident(page, out Frame frame) || offset < _sourceLength)
            {
                // The extent has no holes, and the source shows through them: zeros of their own.
                if (!TryBringIn(page, out frame))
                {
                    return Errno.ENOSPC;
                }

                _frames.Clear(frame, inPage, count);
            }

            offset += count;
        }

        return Errno.None;
    }

    /// <summary>Finds where data or a hole begins (lseek(2), SEEK_DATA and SEEK_HOLE).</summary>
    /// <returns>The offset, or -1 when only a hole follows (ENXIO). The end of the file counts as a hole.</returns>
    public long Seek(long offset, bool wantsData)
    {
        while (offset < _length)
        {
            long page = offset >> Paging.PageShift;
            bool isData = offset < _sourceLength || TryGetResident(page, out _);
            if (isData == wantsData)
            {
                return offset;
            }

            long next = (page + 1) << Paging.PageShift;
            if (wantsData)
            {
                // Skip to the next leaf that exists: a sparse file may be very long.
                int leaf = FindLeaf(page >> LeafShift);
                if (leaf < 0)
                {
                    leaf = ~leaf;
                    if (leaf == _leafCount)
                    {
                        return -1;
                    }

                    next = _leafKeys[leaf] << (LeafShift + Paging.PageShift);
                }
            }

            offset = next;
        }

        return wantsData ? -1 : _length;
    }

    protected override void Free()
    {
        ReleaseExtent(0);
        FreePages(0, long.MaxValue);
        _length = 0;
        _sourceLength = 0;
    }

    private static long PagesOf(long length) => (length >> Paging.PageShift) + ((length & (long)Paging.PageMask) != 0 ? 1 : 0);

    /// <summary>Where bytes of the source lie in one frame, from an offset on; cuts <paramref name="count"/> to them.</summary>
    private Frame GetSource(long offset, ref int count, out int inFrame)
    {
        long position = _source.Offset + offset;
        inFrame = (int)(position & (long)Paging.PageMask);
        count = (int)Math.Min(Math.Min(count, Paging.PageSize - inFrame), _sourceLength - offset);
        return _source[position >> Paging.PageShift];
    }

    /// <summary>Lets the extent's pages go, down to a number that stays.</summary>
    private void ReleaseExtent(long kept)
    {
        while (_extentPages > kept)
        {
            _extentPages--;
            _frames.Release(_source[_extentPages]);
        }
    }

    /// <summary>Finds a page's frame or makes it: from the source, or of zeros.</summary>
    private bool TryBringIn(long page, out Frame frame)
    {
        if (TryGetResident(page, out frame))
        {
            return true;
        }

        if (!KernelHeap.HasRoom() || !TryMakeRoomFor(page))
        {
            return false;
        }

        long offset = page << Paging.PageShift;
        if (offset >= _sourceLength)
        {
            if (!_frames.MakeRoomForStorage() || !_frames.TryAllocateZeroed(out frame))
            {
                return false;
            }
        }
        else
        {
            if (!_frames.TryAllocate(out frame))
            {
                return false;
            }

            int done = 0;
            while (done < Paging.PageSize && offset < _sourceLength)
            {
                int count = Paging.PageSize - done;
                Frame source = GetSource(offset, ref count, out int inFrame);
                _frames.Copy(source, inFrame, frame, done, count);
                done += count;
                offset += count;
            }

            _frames.Clear(frame, done, Paging.PageSize - done);
        }

        Insert(page, frame);
        return true;
    }

    /// <summary>As <see cref="TryBringIn"/>, but a page that is about to be overwritten as a whole is not prepared.</summary>
    private bool TryGetForWriting(long page, int count, out Frame frame, out bool isRaw)
    {
        isRaw = false;
        if (TryGetResident(page, out frame))
        {
            return true;
        }

        if (count < Paging.PageSize)
        {
            return TryBringIn(page, out frame);
        }

        if (!_frames.MakeRoomForStorage() || !KernelHeap.HasRoom() || !TryMakeRoomFor(page) || !_frames.TryAllocate(out frame))
        {
            return false;
        }

        isRaw = true;
        Insert(page, frame);
        return true;
    }

    /// <summary>Clears the last page beyond the length, where it may hold other bytes.</summary>
    private void ClearTail(bool isShrinking = false)
    {
        int inPage = (int)(_length & (long)Paging.PageMask);
        if (inPage != 0 && (isShrinking || _wasMapped) && TryGetResident(_length >> Paging.PageShift, out Frame frame))
        {
            _frames.Clear(frame, inPage, Paging.PageSize - inPage);
        }
    }
}
