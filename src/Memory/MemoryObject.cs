using Semitone.Abi;
using Semitone.Core;
using Semitone.Machine;

namespace Semitone.Memory;

/// <summary>Something whose pages can be mapped into address spaces: a file's page cache, or shared anonymous memory.</summary>
/// <remarks>Counted: the creator holds the first reference (a file: its inode), each vma that maps the object one more.
/// The last <see cref="Release"/> frees the pages.</remarks>
public abstract class MemoryObject
{
    private int _referenceCount = 1;

    /// <summary>The vmas that map this object, an intrusive list, so that truncation finds them.</summary>
    internal Vma? FirstMapping { get; set; }

    /// <summary>Bytes. A mapping may be longer; touching a page wholly beyond the length is SIGBUS (mmap(2)).</summary>
    public abstract long Length { get; }

    /// <summary>Who shows in /proc/PID/maps; null for shared anonymous memory.</summary>
    public IMappedFile? File { get; set; }

    /// <summary>Who is told when it is mapped and unmapped.</summary>
    public IMappingListener? MappingListener { get; set; }

    /// <summary>Whether any address space maps the object now.</summary>
    public bool IsMapped => FirstMapping is not null;

    /// <summary>Whether there is a mapping through which the object is written, or may be once mprotect(2) has been asked.</summary>
    public bool HasWritingMapping
    {
        get
        {
            for (Vma? vma = FirstMapping; vma is not null; vma = vma.NextMapping)
            {
                if (vma.IsShared && (vma.MaxAccess & PageAccess.Write) != 0)
                {
                    return true;
                }
            }

            return false;
        }
    }

    /// <summary>Gets the frame that holds a page, bringing it into being where it must.</summary>
    /// <param name="pageIndex">Offset / 4096.</param>
    /// <param name="frame">The frame; the object keeps its reference, and the caller adds one of its own when it maps the frame.</param>
    /// <returns>
    /// None, ENOMEM, EIO, ENXIO beyond the end (a SIGBUS for a mapping), or <see cref="InternalErrno.MustWait"/>: the page has been asked
    /// for, and who waits in <see cref="Fetches"/> and then asks again gets it, or the error that kept it away.
    /// </returns>
    public abstract Errno GetPage(long pageIndex, out Frame frame);

    /// <summary>Woken whenever a page has come that had to be fetched, or will not come; null where none ever has to be.</summary>
    public virtual WaitQueue? Fetches => null;

    /// <summary>
    /// Gets the frame that holds a page if it can be had at once, without memory or waiting: for mapping neighbours of a faulting page.
    /// </summary>
    public virtual bool TryGetResident(long pageIndex, out Frame frame)
    {
        frame = default;
        return false;
    }

    /// <summary>Frees a range of whole pages, whose bytes read as zeros from then on.</summary>
    /// <returns>None, or EOPNOTSUPP where the object cannot.</returns>
    public virtual Errno PunchHole(long offset, long length) => Errno.EOPNOTSUPP;

    public void AddReference() => _referenceCount++;

    /// <summary>Drops a reference; the last one frees the pages.</summary>
    public void Release()
    {
        if (--_referenceCount == 0)
        {
            Free();
        }
    }

    /// <summary>Gives all pages back. Nobody refers to the object any more.</summary>
    protected abstract void Free();

    /// <summary>Takes a range of pages out of every address space that maps them.</summary>
    /// <param name="firstPage">First page.</param>
    /// <param name="endPage">First page after the range.</param>
    /// <param name="privateCopiesToo">Whether copies that private mappings made go as well: they do when a file is truncated
    /// (mmap(2)).</param>
    protected void UnmapPages(long firstPage, long endPage, bool privateCopiesToo)
    {
        for (Vma? vma = FirstMapping; vma is not null; vma = vma.NextMapping)
        {
            vma.Space.DropObjectPages(vma, firstPage, endPage, privateCopiesToo);
        }
    }
}
