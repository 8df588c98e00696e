using Semitone.Abi;
using Semitone.Elf;
using Semitone.Machine;
using Semitone.Memory;

namespace Semitone.Loader;

/// <summary>The bytes of a memory object, for the ELF reader: read in the page cache, not copied into a buffer first.</summary>
internal sealed class MemoryObjectSource(MemoryObject pages, FramePool frames) : IElfSource
{
    /// <summary>Whether a read failed because a page must be fetched first, whatever the reader made of that.</summary>
    public bool HasLack { get; private set; }

    public IoResult ReadAt(long offset, Span<byte> destination)
    {
        long available = Math.Max(0, pages.Length - offset);
        if (destination.Length > available)
        {
            destination = destination[..(int)available];
        }

        long done = 0;
        while (!destination.IsEmpty)
        {
            Errno error = pages.GetPage((offset + done) >> Paging.PageShift, out Frame frame);
            if (error != Errno.None)
            {
                HasLack |= error == InternalErrno.MustWait;
                return new IoResult(done, error);
            }

            int inPage = (int)((offset + done) & (long)Paging.PageMask);
            int count = Math.Min(destination.Length, Paging.PageSize - inPage);
            frames.Read(frame, inPage, destination[..count]);
            destination = destination[count..];
            done += count;
        }

        return done;
    }
}
