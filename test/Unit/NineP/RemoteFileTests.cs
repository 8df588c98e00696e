using System.Text;
using Semitone.Abi;
using Semitone.Files;
using Semitone.Machine;
using Semitone.Memory;
using Semitone.NineP;

namespace Semitone.Unit.NineP;

/// <summary>Contents of a real server's files.</summary>
public sealed class RemoteFileTests
{
    [Theory]
    [InlineData("none")]
    [InlineData("check")]
    [InlineData("loose")]
    public void ReadAndWrite_InPiecesOfAnySize_AreTheHosts(string cache)
    {
        using NinePFixture system = new("cache=" + cache);
        byte[] model = [];
        Random random = new(5);
        OpenFile file = system.Open("/far/f", OpenFlags.O_CREAT | OpenFlags.O_RDWR);
        for (int i = 0; i < 60; i++)
        {
            int offset = random.Next(200_000);
            byte[] piece = new byte[random.Next(1, 90_000)];
            random.NextBytes(piece);
            Assert.Equal(Errno.None, file.Seek(offset, SeekWhence.SEEK_SET, out _));
            if (random.Next(2) == 0)
            {
                system.Write(file, piece);
                if (model.Length < offset + piece.Length)
                {
                    Array.Resize(ref model, offset + piece.Length);
                }

                piece.CopyTo(model, offset);
            }
            else
            {
                byte[] expected = offset >= model.Length ? [] : model[offset..Math.Min(model.Length, offset + piece.Length)];
                Assert.Equal(expected, system.Read(file, piece.Length));
            }

            if (random.Next(10) == 0)
            {
                int size = random.Next(200_000);
                Assert.Equal(Errno.None, system.Do(() => system.Context.Note(file.Inode.SetSize(size))));
                Array.Resize(ref model, size);
            }
        }

        Assert.Equal(Errno.None, system.Do(() => system.Context.Note(file.Synchronize())));
        file.Release();
        Assert.Equal(model, File.ReadAllBytes(system.Host("f")));
        Assert.Equal(model, system.ReadAll("/far/f"));
    }

    [Fact]
    public void Read_Sequentially_AsksForMuchAtOnceAndAhead()
    {
        using NinePFixture system = new("cache=loose");
        byte[] content = new byte[3_000_000];
        new Random(1).NextBytes(content);
        File.WriteAllBytes(system.Host("f"), content);
        OpenFile file = system.Open("/far/f");
        MemoryStream read = new();
        for (byte[] piece = system.Read(file, 4096); piece.Length != 0; piece = system.Read(file, 4096))
        {
            read.Write(piece);
        }

        Assert.Equal(content, read.ToArray());

        // 15 pages fit a message of 64 KiB, and 733 pages are there.
        Assert.InRange(system.Server.Requests.Count(type => type == MessageType.Tread), 49, 75);
        system.Server.Requests.Clear();
        file.Seek(0, SeekWhence.SEEK_SET, out _);
        Assert.Equal(content[..5000], system.Read(file, 5000));
        Assert.Empty(system.Server.Requests);
        file.Release();
    }

    [Theory]
    [InlineData("none", "none of the host's", "none of the host's")]
    [InlineData("check", "host's", "none of the host's")]
    [InlineData("loose", "host's", "host's")]
    public void Host_ChangesAFile_ReadersSeeItAsTheCacheModeSays(string cache, string open, string reopened)
    {
        using NinePFixture system = new("cache=" + cache);
        File.WriteAllText(system.Host("f"), "host's");
        OpenFile file = system.Open("/far/f");
        Assert.Equal("host's", Encoding.ASCII.GetString(system.Read(file, 100)));
        File.WriteAllText(system.Host("f"), "none of the host's");
        file.Seek(0, SeekWhence.SEEK_SET, out _);
        Assert.Equal(open, Encoding.ASCII.GetString(system.Read(file, 100)));
        file.Release();
        Assert.Equal(reopened, Encoding.ASCII.GetString(system.ReadAll("/far/f")));
    }

    [Fact]
    public void Host_AppendsToAFile_TheReaderAtItsEndSeesIt()
    {
        using NinePFixture system = new("cache=check");
        File.WriteAllText(system.Host("log"), "one\n");
        OpenFile file = system.Open("/far/log");
        Assert.Equal("one\n", Encoding.ASCII.GetString(system.Read(file, 100)));
        Assert.Empty(system.Read(file, 100));
        File.AppendAllText(system.Host("log"), "two\n");
        system.PassSeconds(2);
        Assert.Equal("two\n", Encoding.ASCII.GetString(system.Read(file, 100)));
        file.Release();
    }

    [Theory]
    [InlineData("none")]
    [InlineData("check")]
    public void Append_TheHostHasAppendedToo_LosesNothing(string cache)
    {
        using NinePFixture system = new("cache=" + cache);
        OpenFile file = system.Open("/far/log", OpenFlags.O_CREAT | OpenFlags.O_WRONLY | OpenFlags.O_APPEND);
        system.Write(file, "a\n"u8.ToArray());
        File.AppendAllText(system.Host("log"), "b\n");
        system.PassSeconds(2);
        system.Write(file, "c\n"u8.ToArray());
        Assert.Equal(6, file.Offset);
        file.Release();
        Assert.Equal("a\nb\nc\n", File.ReadAllText(system.Host("log")));
    }

    [Fact]
    public void Open_WithTruncation_IsEmpty()
    {
        using NinePFixture system = new();
        File.WriteAllText(system.Host("f"), "content");
        Assert.Equal("content", Encoding.ASCII.GetString(system.ReadAll("/far/f")));
        OpenFile file = system.Open("/far/f", OpenFlags.O_RDWR | OpenFlags.O_TRUNC);
        Assert.Empty(File.ReadAllBytes(system.Host("f")));
        system.Write(file, "new"u8.ToArray());
        file.Seek(0, SeekWhence.SEEK_SET, out _);
        Assert.Equal("new", Encoding.ASCII.GetString(system.Read(file, 100)));
        file.Release();
        Assert.Equal("new", File.ReadAllText(system.Host("f")));
    }

    [Fact]
    public void Unlinked_FileThatIsOpen_IsStillAFile()
    {
        using NinePFixture system = new();
        OpenFile file = system.Open("/far/f", OpenFlags.O_CREAT | OpenFlags.O_RDWR);
        system.Write(file, "0123456789"u8.ToArray());
        Assert.Equal(Errno.None, system.Do(() => system.Context.Unlink(system.Context.Root, "/far/f"u8)));
        Assert.Equal(Errno.ENOENT, system.Stat("/far/f", out _));
        Assert.Equal([".", ".."], system.List("/far").Order(StringComparer.Ordinal));

        Assert.Equal(Errno.None, system.Do(() => system.Context.Refresh(file.Inode)));
        Assert.Equal(0u, file.Inode.Links);
        Assert.Equal(Errno.None, system.Do(() => system.Context.Note(file.Inode.SetSize(4))));
        Assert.Equal(Errno.None, system.Do(() => system.Context.Note(file.Inode.Update(new AttributeChange { Mode = (Mode)0x8180 }))));
        file.Seek(0, SeekWhence.SEEK_SET, out _);
        Assert.Equal("0123", Encoding.ASCII.GetString(system.Read(file, 100)));
        system.Write(file, "abc"u8.ToArray());
        file.Release();
        system.Settle();
        Assert.Empty(Directory.GetFileSystemEntries(system.Server.Folder));
        Assert.Equal(1, system.FileSystem.Connection.LiveFidCount);
    }

    [Fact]
    public void Write_SynchronousFile_ReachesTheDeviceEachTime()
    {
        using NinePFixture system = new();
        OpenFile file = system.Open("/far/f", OpenFlags.O_CREAT | OpenFlags.O_WRONLY | OpenFlags.O_SYNC);
        system.Write(file, [1, 2, 3]);
        system.Write(file, [4, 5]);
        Assert.Equal(2, system.Server.Requests.Count(type => type == MessageType.Tfsync));
        file.Release();
        Assert.Equal([1, 2, 3, 4, 5], File.ReadAllBytes(system.Host("f")));
    }

    [Fact]
    public void Append_ManyAtOnce_AreAllThere()
    {
        using NinePFixture system = new();
        OpenFile file = system.Open("/far/log", OpenFlags.O_CREAT | OpenFlags.O_WRONLY | OpenFlags.O_APPEND);
        system.Write(file, "x"u8.ToArray());
        Assert.Equal(Errno.None, system.Do(() => system.Context.Refresh(file.Inode)));
        List<PendingChange> changes = [];
        for (int i = 0; i < 40; i++)
        {
            IoCursor cursor = IoCursor.OverKernel([(byte)('a' + (i % 26)), (byte)'\n']);
            Assert.Equal(InternalErrno.MustWait, file.Write(ref cursor).Error);
            changes.Add(file.TakeTransfer()!);
        }

        changes.ForEach(system.WaitFor);
        file.Release();
        string expected = "x" + string.Concat(Enumerable.Range(0, 40).Select(i => $"{(char)('a' + (i % 26))}\n"));
        Assert.Equal(expected, File.ReadAllText(system.Host("log")));
    }

    [Fact]
    public void Open_WithTruncation_OfAFileThatOthersHaveOpen_Ends()
    {
        using NinePFixture system = new("cache=none");
        File.WriteAllText(system.Host("f"), "content");
        OpenFile other = system.Open("/far/f", OpenFlags.O_RDWR);
        OpenFile file = system.Open("/far/f", OpenFlags.O_RDWR | OpenFlags.O_TRUNC);
        Assert.Empty(system.Read(other, 10));
        file.Release();
        other.Release();
    }

    [Fact]
    public void Pages_TheFileBecomesShorterOrChanges_FollowIt()
    {
        using NinePFixture system = new("cache=check");
        File.WriteAllBytes(system.Host("f"), Enumerable.Repeat((byte)1, 5 * Paging.PageSize).ToArray());
        OpenFile file = system.Open("/far/f");
        Assert.Equal(1, GetPage(system, file, 4));
        Assert.Equal(Errno.ENXIO, file.Mappable!.GetPage(5, out _));
        File.WriteAllBytes(system.Host("f"), Enumerable.Repeat((byte)2, (2 * Paging.PageSize) + 10).ToArray());
        system.Open("/far/f").Release();
        Assert.Equal(2, GetPage(system, file, 0));
        Assert.Equal(2, GetPage(system, file, 2));
        Assert.Equal(Errno.ENXIO, file.Mappable!.GetPage(4, out _));
        file.Release();
    }

    [Fact]
    public void Memory_LessThanTheFilesRead_IsEnough()
    {
        using NinePFixture system = new("cache=loose", frameCount: 600);
        byte[] content = new byte[1_000_000];
        new Random(2).NextBytes(content);
        for (int i = 0; i < 5; i++)
        {
            File.WriteAllBytes(system.Host($"f{i}"), content);
        }

        for (int i = 0; i < 5; i++)
        {
            Assert.Equal(content, system.ReadAll($"/far/f{i}"));
        }
    }

    [Fact]
    public void Server_DiesDuringAWrite_TheWriterHears()
    {
        using NinePFixture system = new();
        OpenFile file = system.Open("/far/f", OpenFlags.O_CREAT | OpenFlags.O_RDWR);
        system.Write(file, [1, 2, 3]);
        system.Server.Kill();
        Assert.Equal(Errno.EIO, system.TryWrite(file, [4], out _));
        Assert.Equal(3, file.Offset);
        Assert.Equal(Errno.EIO, system.Do(() => system.Context.Note(file.Synchronize())));
        file.Release();
        system.RunAll();
        Assert.Equal(0, system.FileSystem.Connection.RentedCount);
    }

    private static byte GetPage(NinePFixture system, OpenFile file, long page)
    {
        Frame frame = default;
        Assert.Equal(Errno.None, system.Do(() =>
        {
            Errno error = file.Mappable!.GetPage(page, out frame);
            if (error == InternalErrno.MustWait)
            {
                system.Context.NoteFetch(file.Inode);
            }

            return error;
        }));
        byte[] bytes = new byte[1];
        system.Files.Services.Frames.Read(frame, 0, bytes);
        return bytes[0];
    }
}
