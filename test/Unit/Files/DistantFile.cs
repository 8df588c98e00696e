using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;
using Semitone.Machine;
using Semitone.Memory;

namespace Semitone.Unit.Files;

/// <summary>A file whose pages come when the test says so.</summary>
internal sealed class DistantFile(DistantFileSystem fileSystem, byte[] contents)
    : RegularFileInode(fileSystem, fileSystem.NextInodeNumber(), (Mode)0x1FF)
{
    private readonly DistantPages _pages = new(fileSystem, contents);

    public override MemoryObject Pages => _pages;

    public override long Size => _pages.Length;

    public override WaitQueue? Fetches => _pages.Fetches;

    /// <summary>Pages that cannot be had: EIO.</summary>
    public HashSet<long> Damaged => _pages.Damaged;

    /// <summary>What the page holds now, written or not.</summary>
    public byte Peek(long offset) => _pages.Peek(offset);

    public override Errno Read(long offset, ref IoCursor destination)
    {
        while (destination.Remaining > 0 && offset < Size)
        {
            Errno error = _pages.GetPage(offset >> Paging.PageShift, out Frame frame);
            if (error != Errno.None)
            {
                return error;
            }

            int inPage = (int)(offset & (long)Paging.PageMask);
            int count = (int)Math.Min(Math.Min(Paging.PageSize - inPage, Size - offset), destination.Remaining);
            int moved = destination.Write(fileSystem.Services.Frames, frame, inPage, count);
            offset += moved;
            if (moved < count)
            {
                break;
            }
        }

        return Errno.None;
    }

    public override Errno Write(long offset, ref IoCursor source) => Errno.EROFS;

    private sealed class DistantPages(DistantFileSystem fileSystem, byte[] contents) : MemoryObject
    {
        private readonly Dictionary<long, Frame> _frames = [];
        private readonly HashSet<long> _asked = [];
        private readonly HashSet<long> _failed = [];
        private readonly WaitQueue _fetches = new();

        public HashSet<long> Damaged { get; } = [];

        public override long Length => contents.Length;

        public override WaitQueue? Fetches => _fetches;

        public byte Peek(long offset)
        {
            Span<byte> bytes = stackalloc byte[1];
            fileSystem.Services.Frames.Read(_frames[offset >> Paging.PageShift], (int)(offset & (long)Paging.PageMask), bytes);
            return bytes[0];
        }

        public override Errno GetPage(long pageIndex, out Frame frame)
        {
            if (pageIndex >= (contents.Length + Paging.PageSize - 1) / Paging.PageSize)
            {
                frame = default;
                return Errno.ENXIO;
            }

            if (_frames.TryGetValue(pageIndex, out frame))
            {
                return Errno.None;
            }

            if (_failed.Remove(pageIndex))
            {
                return Errno.EIO;
            }

            if (_asked.Add(pageIndex))
            {
                fileSystem.Ask(() => Answer(pageIndex));
            }

            return InternalErrno.MustWait;
        }

        public override bool TryGetResident(long pageIndex, out Frame frame) => _frames.TryGetValue(pageIndex, out frame);

        protected override void Free()
        {
        }

        private void Answer(long page)
        {
            _asked.Remove(page);
            if (Damaged.Contains(page))
            {
                _failed.Add(page);
            }
            else
            {
                Assert.True(fileSystem.Services.Frames.TryAllocateZeroed(out Frame frame));
                int start = (int)page * Paging.PageSize;
                fileSystem.Services.Frames.Write(frame, 0, contents.AsSpan(start, Math.Min(Paging.PageSize, contents.Length - start)));
                _frames.Add(page, frame);
            }

            _fetches.WakeAll();
        }
    }
}
