using Semitone.Abi;
using Semitone.Machine;

namespace Semitone.Memory;

/// <summary>Something whose pages can be mapped into address spaces: a file's page cache, or shared anonymous memory.</summary>
public abstract class MemoryObject
{
    /// <summary>Bytes. A mapping may be longer; touching a page wholly beyond the length is SIGBUS (mmap(2)).</summary>
    public abstract long Length { get; }

    /// <summary>Gets the frame that holds a page, bringing it into being where it must.</summary>
    /// <param name="pageIndex">Offset / 4096.</param>
    /// <param name="frame">The frame; the object keeps its reference, and the caller adds one of its own when it maps the frame.</param>
    /// <returns>None, ENOMEM, EIO, or ENXIO beyond the end (a SIGBUS for a mapping).</returns>
    public abstract Errno GetPage(long pageIndex, out Frame frame);
}
