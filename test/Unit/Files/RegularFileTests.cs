using Semitone.Abi;
using Semitone.Files;
using Semitone.Memory;

namespace Semitone.Unit.Files;

public sealed class RegularFileTests
{
    private readonly FilesFixture _files = new();

    [Fact]
    public void Seek_SparseFile_FindsDataAndHoles()
    {
        OpenFile file = _files.Open("/f", OpenFlags.O_CREAT | OpenFlags.O_RDWR);
        Write(file, 8192, 10);
        file.Inode.SetSize(20_000);

        Assert.Equal((Errno.None, 8192L), Seek(file, 0, SeekWhence.SEEK_DATA));
        Assert.Equal((Errno.None, 0L), Seek(file, 0, SeekWhence.SEEK_HOLE));
        Assert.Equal((Errno.None, 12288L), Seek(file, 8192, SeekWhence.SEEK_HOLE));
        Assert.Equal(Errno.ENXIO, Seek(file, 12288, SeekWhence.SEEK_DATA).Error);
        Assert.Equal(Errno.ENXIO, Seek(file, 20_000, SeekWhence.SEEK_HOLE).Error);
        Assert.Equal(Errno.ENXIO, Seek(file, -1, SeekWhence.SEEK_DATA).Error);
    }

    [Theory]
    [InlineData(long.MaxValue, SeekWhence.SEEK_CUR, Errno.EOVERFLOW)]
    [InlineData(long.MaxValue, SeekWhence.SEEK_END, Errno.EOVERFLOW)]
    [InlineData(-11L, SeekWhence.SEEK_CUR, Errno.EINVAL)]
    [InlineData(long.MinValue, SeekWhence.SEEK_SET, Errno.EINVAL)]
    [InlineData(0L, (SeekWhence)77, Errno.EINVAL)]
    public void Seek_OutOfRange_LeavesTheOffset(long offset, SeekWhence origin, Errno expected)
    {
        OpenFile file = _files.Open("/f", OpenFlags.O_CREAT | OpenFlags.O_RDWR);
        FilesFixture.Write(file, new byte[10]);

        Assert.Equal(expected, Seek(file, offset, origin).Error);
        Assert.Equal(10, file.Offset);
    }

    [Fact]
    public void Open_OfAFileThatWasClosed_AllocatesNothing()
    {
        OpenFile first = _files.Open("/f", OpenFlags.O_CREAT | OpenFlags.O_RDWR);
        Inode inode = first.Inode;
        first.Release();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            inode.Open(OpenFlags.O_RDONLY, out OpenFile? file);
            file!.Release();
        }
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void Write_AtTheLargestOffset_AnswersEfbig()
    {
        OpenFile file = _files.Open("/f", OpenFlags.O_CREAT | OpenFlags.O_RDWR);
        IoCursor cursor = IoCursor.OverKernel(new byte[10]);

        Assert.Equal(Errno.EFBIG, file.WriteAt(ref cursor, long.MaxValue).Error);
    }

    [Fact]
    public void Write_MemoryRunsOut_AnswersEnospcAfterWhatFitted()
    {
        OpenFile file = _files.Open("/f", OpenFlags.O_CREAT | OpenFlags.O_RDWR);
        _files.Machine.Frames.FailAfter = 2;

        Assert.Equal(new IoResult(8192, Errno.ENOSPC), FilesFixture.Write(file, new byte[20_000]));
        Assert.Equal(8192, file.Inode.Size);
    }

    [Fact]
    public void Unlink_FileIsMapped_KeepsItsPages()
    {
        _files.Write("/f", new byte[4096]);
        MemoryObject pages = ((RegularFileInode)_files.Find("/f")).Pages;
        pages.AddReference();
        long free = _files.Machine.Frames.FreeCount;

        Assert.Equal(Errno.None, _files.Context.Unlink(_files.Start, "/f"u8));
        Assert.Equal(free, _files.Machine.Frames.FreeCount);
        pages.Release();

        Assert.Equal(free + 1, _files.Machine.Frames.FreeCount);
    }

    [Fact]
    public void Temporary_File_HasNoNameUntilItIsLinked()
    {
        OpenFile file = _files.Open("/", OpenFlags.O_TMPFILE | OpenFlags.O_RDWR);
        FilesFixture.Write(file, "x"u8);
        Assert.Equal([".", ".."], _files.List("/"));

        Assert.Equal(Errno.None, _files.Context.Link(file.Inode, _files.Start, "named"u8));
        file.Release();

        Assert.Equal("x", _files.ReadText("named"));
        Assert.Equal(1u, _files.Find("named").Links);
    }

    [Fact]
    public void Lookup_LinksInACircle_AnswersEloop()
    {
        _files.Context.MakeSymbolicLink("b"u8, _files.Start, "a"u8);
        _files.Context.MakeSymbolicLink("a/x"u8, _files.Start, "b"u8);

        Assert.Equal(Errno.ELOOP, _files.FindError("a"));
        Assert.Equal(Errno.ELOOP, _files.FindError("a/b/c"));
        Assert.Equal(Errno.None, _files.FindError("a", follow: false));
    }

    [Fact]
    public void Lookup_FortyLinks_IsTheMost()
    {
        _files.Write("l0", "x"u8);
        for (int i = 1; i <= 41; i++)
        {
            _files.Context.MakeSymbolicLink(FilesFixture.Bytes($"l{i - 1}"), _files.Start, FilesFixture.Bytes($"l{i}"));
        }

        Assert.Equal(Errno.None, _files.FindError("l40"));
        Assert.Equal(Errno.ELOOP, _files.FindError("l41"));
    }

    [Fact]
    public void Create_NameOf256Bytes_AnswersEnametoolong()
    {
        Assert.Equal(Errno.None, _files.Open(new string('x', 255), OpenFlags.O_CREAT | OpenFlags.O_RDWR, out _));
        Assert.Equal(Errno.ENAMETOOLONG, _files.Open(new string('x', 256), OpenFlags.O_CREAT | OpenFlags.O_RDWR, out _));
        Assert.Equal(Errno.ENAMETOOLONG, _files.FindError(new string('x', 256) + "/a"));
    }

    [Fact]
    public void Access_OtherUser_GoesByThePermissionBits()
    {
        _files.Write("/mine", "x"u8);
        _files.Find("/mine").Mode = Mode.S_IFREG | (Mode)0x1A0;
        _files.Context.Credentials = new FileCredentials { UserId = 1000, GroupId = 1000, Capabilities = CapabilitySet.Empty };

        Assert.Equal(Errno.EACCES, _files.Open("/mine", OpenFlags.O_RDONLY, out _));
        Assert.Equal(Errno.EACCES, _files.Open("/new", OpenFlags.O_CREAT | OpenFlags.O_WRONLY, out _));
        Assert.Equal(Errno.EACCES, _files.Context.Unlink(_files.Start, "/mine"u8));
        _files.Find("/mine").GroupId = 1000;
        Assert.Equal(Errno.None, _files.Open("/mine", OpenFlags.O_RDONLY, out _));
        Assert.Equal(Errno.EACCES, _files.Open("/mine", OpenFlags.O_WRONLY, out _));
    }

    [Fact]
    public void Names_ThousandsComeAndGo_AreFoundAndListed()
    {
        Random random = new(3);
        HashSet<string> expected = [];
        for (int i = 0; i < 20_000; i++)
        {
            string name = new string((char)('a' + random.Next(26)), random.Next(1, 40)) + random.Next(300);
            if (expected.Add(name))
            {
                Assert.Equal(Errno.None, _files.Context.MakeSymbolicLink("x"u8, _files.Start, FilesFixture.Bytes(name)));
            }
            else if (random.Next(3) != 0)
            {
                expected.Remove(name);
                Assert.Equal(Errno.None, _files.Context.Unlink(_files.Start, FilesFixture.Bytes(name)));
            }
        }

        Assert.Equal(expected.Order(StringComparer.Ordinal), _files.List("/").Where(name => name[0] != '.').Order(StringComparer.Ordinal));
        Assert.All(expected, name => Assert.Equal(Errno.None, _files.FindError(name, follow: false)));
    }

    private static (Errno Error, long Position) Seek(OpenFile file, long offset, SeekWhence origin)
    {
        Errno error = file.Seek(offset, origin, out long position);
        return (error, position);
    }

    private static void Write(OpenFile file, long offset, int count)
    {
        IoCursor cursor = IoCursor.OverKernel(new byte[count]);
        Assert.Equal(count, file.WriteAt(ref cursor, offset).Bytes);
    }
}
