using CsCheck;
using Semitone.Abi;
using Semitone.Files;

namespace Semitone.Unit.Files;

public sealed class FileTableTests
{
    private readonly FilesFixture _files = new();
    private readonly FileTable _table = new();

    [Fact]
    public void Add_AfterAClose_TakesTheLowestNumber()
    {
        for (int i = 0; i < 200; i++)
        {
            Assert.Equal(i, Add());
        }
        _table.Close(new Fd(70));
        _table.Close(new Fd(3));

        Assert.Equal([3, 70, 200], new[] { Add(), Add(), Add() });
    }

    [Fact]
    public void Add_LimitReached_AnswersEmfile()
    {
        _table.Limit = 2;
        Add();
        Add();

        Assert.Equal(Errno.EMFILE, _table.Add(_files.Open("/"), false, out _));
        Assert.Equal(Errno.EBADF, _table.Put(new Fd(2), _files.Open("/"), false));
    }

    [Fact]
    public void Add_FromANumberOn_GivesNoLowerOne()
    {
        Assert.Equal(Errno.None, _table.Add(_files.Open("/"), false, out Fd fd, lowest: 100));
        Assert.Equal(100, fd.Number);
        Assert.Equal(Errno.None, _table.Add(_files.Open("/"), false, out fd, lowest: 100));
        Assert.Equal(101, fd.Number);
    }

    [Fact]
    public void Put_NumberInUse_ClosesWhatWasThere()
    {
        _files.Mounts.Anonymous.CreatePipe(OpenFlags.O_RDONLY, _files.Context.Credentials, out OpenFile reader, out OpenFile writer);
        _table.Put(new Fd(5), writer, false);

        _table.Put(new Fd(5), _files.Open("/"), false);

        Assert.True((reader.Poll() & PollEvents.POLLHUP) != 0);
        Assert.Equal(0, ((OpenPipe)reader).Pipe.Writers);
    }

    [Fact]
    public void CloseOnExec_ClosesThoseThatAreMarked()
    {
        _table.Add(_files.Open("/"), true, out Fd first);
        _table.Add(_files.Open("/"), false, out Fd second);
        _table.SetCloseOnExec(second, true);
        _table.Add(_files.Open("/"), true, out Fd third);
        _table.SetCloseOnExec(third, false);

        _table.CloseOnExec();

        Assert.False(_table.TryGet(first, out _, out _));
        Assert.False(_table.TryGet(second, out _, out _));
        Assert.True(_table.TryGet(third, out _, out _));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(64)]
    [InlineData(int.MaxValue)]
    [InlineData(int.MinValue)]
    public void TryGet_NumberOutOfRange_AnswersEbadf(int number)
    {
        Assert.False(_table.TryGet(new Fd(number), out _, out Errno error));
        Assert.Equal(Errno.EBADF, error);
        Assert.Equal(Errno.EBADF, _table.Close(new Fd(number)));
    }

    [Fact]
    public void TryGet_PathOnlyFile_IsGoodForNoTransfer()
    {
        _table.Add(_files.Open("/", OpenFlags.O_PATH), false, out Fd fd);

        Assert.False(_table.TryGet(fd, out _, out _));
        Assert.True(_table.TryGetAny(fd, out _, out _));
    }

    [Fact]
    public void Close_OpenFileOfAnUnlinkedName_FreesItsPages()
    {
        _files.Write("/f", new byte[20_000]);
        _table.Add(_files.Open("/f"), false, out Fd fd);
        long free = _files.Machine.Frames.FreeCount;
        _files.Context.Unlink(_files.Start, "/f"u8);
        Assert.Equal(free, _files.Machine.Frames.FreeCount);

        _table.Close(fd);

        Assert.Equal(free + 5, _files.Machine.Frames.FreeCount);
    }

    [Fact]
    public void RecordLocks_AnyOfTheProcesssDescriptorsIsClosed_AreGone()
    {
        _files.Write("/f", "x"u8);
        _table.Add(_files.Open("/f"), false, out Fd first);
        _table.Add(_files.Open("/f"), false, out Fd second);
        RecordLocks locks = _files.Find("/f").GetLocks().Records;
        Assert.Equal(Errno.None, locks.Lock(_table, 1, true, 0, 10));
        Assert.Equal(Errno.EAGAIN, locks.Lock(this, 2, false, 10, 20));

        _table.Close(second);

        Assert.Equal(Errno.None, locks.Lock(this, 2, false, 10, 20));
        Assert.True(_table.TryGet(first, out _, out _));
    }

    [Fact]
    public void RecordLocks_AnyRanges_AreKeptAsAByteMapKeepsThem() =>
        Gen.Select(Gen.Int[0, 1], Gen.Int[0, 2], Gen.Int[0, 15], Gen.Int[0, 15]).Array[1, 40].Sample(steps =>
        {
            FileLocks locks = new();
            object[] owners = [new(), new()];
            int[,] held = new int[2, 16];
            foreach ((int owner, int kind, int one, int other) in steps)
            {
                int start = Math.Min(one, other);
                int end = Math.Max(one, other);
                bool conflicts = Enumerable.Range(start, end - start + 1)
                    .Any(i => kind != 0 && held[1 - owner, i] != 0 && (kind == 2 || held[1 - owner, i] == 2));
                if (kind == 0)
                {
                    locks.Records.Unlock(owners[owner], start, end);
                }
                else
                {
                    Assert.Equal(conflicts ? Errno.EAGAIN : Errno.None, locks.Records.Lock(owners[owner], owner, kind == 2, start, end));
                }
                for (int i = start; i <= end && !conflicts; i++)
                {
                    held[owner, i] = kind;
                }
            }
            for (int i = 0; i < 16; i++)
            {
                for (int owner = 0; owner < 2; owner++)
                {
                    Assert.Equal(held[1 - owner, i] != 0, locks.Records.TryFindConflict(owners[owner], true, i, i, out _));
                }
            }
        });

    private int Add()
    {
        Assert.Equal(Errno.None, _table.Add(_files.Open("/"), false, out Fd fd));
        return fd.Number;
    }
}
