using CsCheck;
using Semitone.Abi;
using Semitone.Machine;
using Semitone.Memory;

namespace Semitone.Unit.Memory;

/// <summary>Random sequences of operations, compared with a model that is an array of pages, while allocations fail at random.</summary>
public sealed class AddressSpaceModelTests
{
    private const ulong Origin = 0x1000_0000;
    private const int PageSpan = 48;
    private const int FilePages = 12;
    private const int BreakPages = 8;
    private const ulong Page = Paging.PageSize;

    private enum Kind
    {
        Anonymous,
        PrivateFile,
        SharedFile,
    }

    private sealed record ModelPage(PageAccess Access, Kind Kind, int FilePage, byte? Own);

    private readonly record struct Step(int Operation, int Page, int Count, int Argument, int FailAfter);

    [Fact]
    public void RandomOperations_BehaveAsAnArrayOfPages()
    {
        Gen<Step> step = Gen.Select(Gen.Int[0, 12], Gen.Int[0, PageSpan - 1], Gen.Int[1, 10], Gen.Int[0, 255], Gen.Int[-12, 3])
            .Select((operation, page, count, argument, failAfter) => new Step(operation, page, count, argument, failAfter));
        step.Array[1, 60].Sample(Run, iter: 600);
    }

    private static void Run(Step[] steps)
    {
        using MemoryFixture fixture = new(512);
        World world = new(fixture);
        try
        {
            foreach (Step step in steps)
            {
                // Mostly memory is plentiful; sometimes it runs out after a few more frames.
                fixture.Machine.Frames.FailAfter = step.FailAfter < 0 ? null : step.FailAfter;
                world.Do(step);
                fixture.Machine.Frames.FailAfter = null;
                fixture.CheckInvariants();
            }

            world.CheckContents(fixture.Space);
        }
        finally
        {
            fixture.Machine.Frames.FailAfter = null;
            world.File.Release();
        }
    }

    private sealed class World
    {
        private readonly MemoryFixture _fixture;
        private readonly AddressSpace _space;
        private readonly Dictionary<ulong, ModelPage> _pages = [];
        private readonly byte[] _file = new byte[FilePages];
        private readonly ulong _breakStart = Origin - (16 * Page);
        private int _fileLength = FilePages;

        public World(MemoryFixture fixture)
        {
            _fixture = fixture;
            _space = fixture.Space;
            File = fixture.MakeFile(FilePages);
            for (int i = 0; i < FilePages; i++)
            {
                _file[i] = (byte)(i + 1);
            }

            _space.SetBreakStart(_breakStart);
        }

        public PageCache File { get; }

        public void Do(Step step)
        {
            ulong address = Origin + ((ulong)step.Page * Page);
            ulong length = (ulong)step.Count * Page;
            PageAccess access = (PageAccess)(step.Argument & 7);
            switch (step.Operation)
            {
                case 0 or 1:
                    Map(address, step, access, isFixed: true);
                    break;
                case 2:
                    Map(address, step, access, isFixed: false);
                    break;
                case 3:
                    Assert.Equal(Errno.None, _space.Unmap(address, length));
                    Forget(address, length);
                    break;
                case 4:
                    Protect(address, length, access);
                    break;
                case 5 or 6:
                    Write(address, (byte)step.Argument);
                    break;
                case 7:
                    CheckPage(_space, address);
                    break;
                case 8:
                    DontNeed(address, length);
                    break;
                case 9:
                    Remap(address, step);
                    break;
                case 10:
                    SetBreak(step);
                    break;
                case 11:
                    Truncate(step.Argument % (FilePages + 1));
                    break;
                case 12:
                    Fork(step);
                    break;
            }
        }

        public void CheckContents(AddressSpace space)
        {
            for (ulong address = _breakStart; address < Origin + ((PageSpan + 16) * Page); address += Page)
            {
                CheckPage(space, address);
            }
        }

        private byte? Expected(ulong address)
        {
            if (!_pages.TryGetValue(address, out ModelPage? page) || page.Access == PageAccess.None)
            {
                return null;
            }

            return page.Own ?? (page.Kind == Kind.Anonymous ? (byte)0 : page.FilePage < _fileLength ? _file[page.FilePage] : null);
        }

        private void CheckPage(AddressSpace space, ulong address)
        {
            byte? expected = Expected(address);
            bool isRead = space.Memory.TryRead(new UserPtr<byte>(address + 5), out byte value);
            if (isRead || _fixture.Machine.Frames.FailAfter is null)
            {
                Assert.Equal(expected.HasValue, isRead);
                Assert.Equal(expected ?? 0, value);
            }
        }

        private void Map(ulong address, Step step, PageAccess access, bool isFixed)
        {
            Kind kind = (Kind)(step.Argument % 3);
            int filePage = kind == Kind.Anonymous ? 0 : step.Argument % 7;
            MapRequest request = new()
            {
                Address = address,
                Length = ((ulong)step.Count * Page) - (ulong)(step.Argument % 100),
                Access = access,
                Flags = kind == Kind.SharedFile ? VmaFlags.Shared : VmaFlags.None,
                Options = isFixed ? MapOptions.Fixed : MapOptions.None,
                Object = kind == Kind.Anonymous ? null : File,
                Offset = (ulong)filePage * Page,
            };
            Assert.Equal(Errno.None, _space.Map(request, out ulong start));
            if (isFixed)
            {
                Assert.Equal(address, start);
            }

            for (int i = 0; i < step.Count; i++)
            {
                ulong page = start + ((ulong)i * Page);
                Assert.True(isFixed || !_pages.ContainsKey(page));
                _pages[page] = new ModelPage(access, kind, filePage + i, null);
            }
        }

        private void Protect(ulong address, ulong length, PageAccess access)
        {
            Errno error = _space.Protect(address, length, access);
            Assert.Equal(IsMapped(address, length) ? Errno.None : Errno.ENOMEM, error);
            for (ulong page = address; page < address + length && _pages.ContainsKey(page); page += Page)
            {
                _pages[page] = _pages[page] with { Access = access };
            }
        }

        private void Write(ulong address, byte value)
        {
            bool isPossible = _pages.TryGetValue(address, out ModelPage? page)
                && (page.Access & PageAccess.Write) != 0
                && (page.Kind == Kind.Anonymous || page.Own is not null || page.FilePage < _fileLength);
            bool isWritten = _space.Memory.TryWrite(new UserPtr<byte>(address + 5), value);
            if (!isWritten && _fixture.Machine.Frames.FailAfter is not null)
            {
                return;
            }

            Assert.Equal(isPossible, isWritten);
            if (!isPossible)
            {
                return;
            }

            if (page!.Kind == Kind.SharedFile)
            {
                _file[page.FilePage] = value;
            }
            else
            {
                _pages[address] = page with { Own = value };
            }
        }

        private void DontNeed(ulong address, ulong length)
        {
            Errno error = _space.Advise(address, length, MadviseAdvice.MADV_DONTNEED);
            Assert.Equal(IsMapped(address, length) ? Errno.None : Errno.ENOMEM, error);
            for (ulong page = address; page < address + length; page += Page)
            {
                if (_pages.TryGetValue(page, out ModelPage? found))
                {
                    _pages[page] = found with { Own = null };
                }
            }
        }

        private void Remap(ulong address, Step step)
        {
            ulong oldLength = (ulong)step.Count * Page;
            ulong newLength = (ulong)(1 + (step.Argument % 12)) * Page;
            ulong target = Origin + ((ulong)((step.Argument * 7) % PageSpan) * Page);
            RemapOptions options = (step.Argument % 4) switch
            {
                0 => RemapOptions.None,
                1 => RemapOptions.MayMove | RemapOptions.Fixed,
                _ => RemapOptions.MayMove,
            };
            Vma? vma = _space.FindVma(address);
            bool isWithin = vma is not null && address + oldLength <= vma.End;
            Errno error = _space.Remap(address, oldLength, newLength, options, target, out ulong start);
            bool isFixed = (options & RemapOptions.Fixed) != 0;
            if (error == Errno.None)
            {
                if (!isWithin)
                {
                    // Shrinking only unmaps.
                    Assert.True(!isFixed && newLength <= oldLength);
                }

                Relocate(address, oldLength, newLength, start);
                return;
            }

            Assert.Contains(error, new[] { Errno.ENOMEM, Errno.EFAULT, Errno.EINVAL });
            if (error == Errno.ENOMEM && isFixed)
            {
                // As in Linux, what was at the target is gone.
                Forget(target, newLength);
            }
            else if (error == Errno.ENOMEM && _fixture.Machine.Frames.FailAfter is null)
            {
                Assert.Equal(RemapOptions.None, options);
            }
        }

        private void Relocate(ulong address, ulong oldLength, ulong newLength, ulong start)
        {
            List<ModelPage?> moved = [];
            for (ulong offset = 0; offset < Math.Min(oldLength, newLength); offset += Page)
            {
                moved.Add(_pages.GetValueOrDefault(address + offset));
            }

            Forget(address, oldLength);
            if (start != address)
            {
                Forget(start, newLength);
            }

            for (ulong offset = 0; offset < newLength; offset += Page)
            {
                int index = (int)(offset / Page);
                ModelPage? page = index < moved.Count
                    ? moved[index]
                    : moved[0]! with { Own = null, FilePage = moved[0]!.FilePage + index };
                if (page is not null)
                {
                    Assert.False(_pages.ContainsKey(start + offset));
                    _pages[start + offset] = page;
                }
            }
        }

        private void SetBreak(Step step)
        {
            ulong old = _space.Break;
            ulong wanted = _breakStart + (ulong)(step.Argument % (int)(BreakPages * Page));
            ulong found = _space.SetBreak(wanted);
            Assert.Equal(wanted, found);
            ulong oldEnd = Paging.RoundUp(old);
            ulong newEnd = Paging.RoundUp(wanted);
            if (newEnd < oldEnd)
            {
                Forget(newEnd, oldEnd - newEnd);
            }

            for (ulong page = oldEnd; page < newEnd; page += Page)
            {
                _pages[page] = new ModelPage(PageAccess.Read | PageAccess.Write, Kind.Anonymous, 0, null);
            }
        }

        private void Truncate(int pages)
        {
            File.Truncate(pages * (long)Page);
            for (int i = Math.Min(pages, _fileLength); i < FilePages; i++)
            {
                _file[i] = 0;
            }

            foreach ((ulong address, ModelPage page) in _pages.ToArray())
            {
                if (page.Kind == Kind.PrivateFile && page.FilePage >= pages && pages < _fileLength)
                {
                    _pages[address] = page with { Own = null };
                }
            }

            _fileLength = pages;
        }

        private void Fork(Step step)
        {
            if (!_space.TryClone(out AddressSpace? child))
            {
                Assert.NotNull(_fixture.Machine.Frames.FailAfter);
                return;
            }

            _fixture.Machine.Frames.FailAfter = null;
            MemoryFixture.CheckInvariants(child);
            CheckContents(child);

            // What the child writes to private pages stays its own.
            foreach ((ulong address, ModelPage page) in _pages)
            {
                if (page.Kind != Kind.SharedFile && (page.Access & PageAccess.Write) != 0)
                {
                    child.Memory.TryWrite(new UserPtr<byte>(address + 5), (byte)~step.Argument);
                }
            }

            MemoryFixture.CheckInvariants(child);
            CheckContents(_space);
            child.Dispose();
        }

        private bool IsMapped(ulong address, ulong length)
        {
            for (ulong page = address; page < address + length; page += Page)
            {
                if (!_pages.ContainsKey(page))
                {
                    return false;
                }
            }

            return true;
        }

        private void Forget(ulong address, ulong length)
        {
            for (ulong page = address; page < address + length; page += Page)
            {
                _pages.Remove(page);
            }
        }
    }
}
