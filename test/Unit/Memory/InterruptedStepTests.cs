using Semitone.Abi;
using Semitone.Fakes;
using Semitone.Machine;
using Semitone.Memory;

namespace Semitone.Unit.Memory;

/// <summary>A bug between any two steps of an operation costs the process that it serves, and no other one a page.</summary>
public sealed class InterruptedStepTests
{
    private const ulong Page = Paging.PageSize;
    private const int Pages = 6;
    private const byte Anonymous = 0x40;
    private const byte Written = 0x80;

    /// <summary>What one process does, each time that it may be interrupted at another place.</summary>
    public static TheoryData<string> Steps =>
    [
        "fork", "read fault in a private file", "write fault in a private file", "fault in a shared file", "write after fork", "zero page",
        "walk upwards", "move", "discard", "unmap", "write to the file", "truncate the file", "punch a hole", "end",
    ];

    [Theory]
    [MemberData(nameof(Steps))]
    public void ExceptionBetweenAnyTwoSteps_LeavesOtherProcessesTheirPages(string step)
    {
        int interruptions = 0;
        for (int calls = 0; ; calls++)
        {
            World world = new();
            world.Frames.ThrowAfter = calls;
            try
            {
                world.Do(step);
            }
            catch (InjectedException)
            {
                interruptions++;
            }

            bool isDone = world.Frames.ThrowAfter is not null;
            world.Frames.ThrowAfter = null;
            world.Check(mayHaveLost: isDone ? 0 : 1);
            if (isDone)
            {
                break;
            }
        }

        Assert.True(interruptions > 0, "the step asks nothing of the machine");
    }

    /// <summary>A parent that has everything mapped, a child that shares its pages, and a bystander with the same file.</summary>
    private sealed class World
    {
        private readonly FakeMachine _machine = new(512);
        private readonly FramePool _pool;
        private readonly PageCache _file;
        private readonly AddressSpace _parent;
        private readonly AddressSpace _child;
        private readonly List<AddressSpace> _grandchildren = [];
        private readonly long _freeAtStart;
        private readonly ulong _anonymous;
        private readonly ulong _private;
        private readonly ulong _shared;
        private bool _isFileChanged;
        private bool _isChildEnded;

        public World()
        {
            _freeAtStart = Frames.FreeCount;
            _pool = new FramePool(Frames);
            _file = new PageCache(_pool);
            for (int i = 0; i < Pages; i++)
            {
                byte[] bytes = new byte[Page];
                Array.Fill(bytes, (byte)(i + 1));
                IoCursor cursor = IoCursor.OverKernel(bytes);
                Assert.Equal(Errno.None, _file.Write(i * (long)Page, ref cursor).Error);
            }

            Assert.True(AddressSpace.TryCreate(_machine, _pool, AddressSpaceLayout.Choose(0, 8 << 20), out AddressSpace? parent));
            _parent = parent;
            _anonymous = Map(VmaFlags.None, null);
            _private = Map(VmaFlags.None, _file);
            _shared = Map(VmaFlags.Shared, _file);
            for (int i = 0; i < Pages; i++)
            {
                Write(_parent, _anonymous, i, Anonymous);
            }

            Write(_parent, _private, 0, Written);
            Assert.True(_parent.TryClone(out AddressSpace? child));
            _child = child;
        }

        public FakeFrameAllocator Frames => _machine.Frames;

        public void Do(string step)
        {
            switch (step)
            {
                case "fork":
                    if (_child.TryClone(out AddressSpace? copy))
                    {
                        _grandchildren.Add(copy);
                    }

                    break;
                case "read fault in a private file":
                    Read(_child, _private, 2);
                    break;
                case "write fault in a private file":
                    Write(_child, _private, 2, 99);
                    break;
                case "fault in a shared file":
                    Read(_child, _shared, 2);
                    break;
                case "write after fork":
                    Write(_child, _anonymous, 1, 99);
                    Write(_child, _private, 0, 99);
                    break;
                case "zero page":
                case "walk upwards":
                    MapRequest request = new() { Length = 16 * Page, Access = PageAccess.Read | PageAccess.Write };
                    Assert.Equal(Errno.None, _child.Map(request, out ulong fresh));
                    for (int i = 0; i < (step == "zero page" ? 1 : 12); i++)
                    {
                        Write(_child, fresh, i, 99);
                    }

                    break;
                case "move":
                    Read(_child, _private, 2);
                    Assert.Equal(
                        Errno.None, _child.Remap(_private, Pages * Page, 2 * Pages * Page, RemapOptions.MayMove, 0, out ulong moved));
                    Assert.NotEqual(_private, moved);
                    break;
                case "discard":
                    Assert.Equal(Errno.None, _child.Advise(_anonymous, Pages * Page, MadviseAdvice.MADV_DONTNEED));
                    break;
                case "unmap":
                    Assert.Equal(Errno.None, _child.Unmap(_anonymous + Page, 2 * Page));
                    Assert.Equal(Errno.None, _child.Unmap(_private, Pages * Page));
                    break;
                case "write to the file":
                    _isFileChanged = true;
                    IoCursor cursor = IoCursor.OverUser(_child.Memory, _anonymous, (nuint)(2 * Page));
                    _file.Write(Pages * (long)Page, ref cursor);
                    break;
                case "truncate the file":
                    _isFileChanged = true;
                    Read(_child, _shared, 2);
                    _file.Truncate((long)Page + 5);
                    break;
                case "punch a hole":
                    _isFileChanged = true;
                    Read(_child, _shared, 2);
                    _file.PunchHole((long)Page, 2 * (long)Page);
                    break;
                default:
                    _child.Dispose();
                    _isChildEnded = true;
                    break;
            }
        }

        /// <summary>
        /// The child is dead; the parent has all of its own, and when it ends as well all is free but for what was under way.
        /// </summary>
        public void Check(int mayHaveLost)
        {
            if (!_isChildEnded)
            {
                _child.Dispose();
            }

            _grandchildren.ForEach(space => space.Dispose());
            for (int i = 0; i < Pages; i++)
            {
                Assert.Equal(Anonymous, Read(_parent, _anonymous, i));
                if (!_isFileChanged)
                {
                    Assert.Equal(i == 0 ? Written : i + 1, Read(_parent, _private, i));
                    Assert.Equal(i + 1, Read(_parent, _shared, i));
                }
            }

            _parent.Dispose();
            _file.Release();
            Assert.InRange(Frames.UsedCount, 0, mayHaveLost);
            Assert.Equal(Frames.UsedCount, _freeAtStart - Frames.FreeCount);
        }

        private static void Write(AddressSpace space, ulong start, int page, byte value) =>
            Assert.True(space.Memory.TryWrite(new UserPtr<byte>(start + ((ulong)page * Page)), value));

        private static byte Read(AddressSpace space, ulong start, int page)
        {
            Assert.True(space.Memory.TryRead(new UserPtr<byte>(start + ((ulong)page * Page)), out byte value));
            return value;
        }

        private ulong Map(VmaFlags flags, MemoryObject? target)
        {
            MapRequest request =
                new() { Length = Pages * Page, Access = PageAccess.Read | PageAccess.Write, Flags = flags, Object = target };
            Assert.Equal(Errno.None, _parent.Map(request, out ulong address));
            return address;
        }
    }
}
