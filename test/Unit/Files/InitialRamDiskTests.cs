using System.IO.Compression;
using System.Text;
using CsCheck;
using Semitone.Abi;
using Semitone.Cpio;
using Semitone.Files;
using Semitone.Machine;
using Semitone.Memory;

namespace Semitone.Unit.Files;

public sealed class InitialRamDiskTests
{
    private static readonly CpioAttributes s_attributes = new(0x1ED, 3, 4, 1_700_000_000);

    [Theory]
    [InlineData(false, 0)]
    [InlineData(false, 100)]
    [InlineData(true, 0)]
    public void Load_EveryKindOfFile_MakesTheTree(bool isCompressed, int offset)
    {
        byte[] large = new byte[10_000];
        new Random(5).NextBytes(large);
        byte[] archive = FilesFixture.Archive(writer =>
        {
            writer.AddDirectory(".", s_attributes);
            writer.AddDirectory("usr", s_attributes);
            writer.AddDirectory("usr/bin", s_attributes);
            writer.AddFile("usr/bin/tool", large, s_attributes);
            writer.AddFile("usr/bin/small", "hello"u8, s_attributes);
            writer.AddFile("usr/empty", [], s_attributes);
            writer.AddSymbolicLink("bin", "usr/bin", s_attributes);
            writer.AddDevice("zero"u8, false, 1, 5, s_attributes);
            writer.AddFifo("pipe"u8, s_attributes);
            writer.AddFile(["one", "usr/two"], new MemoryStream(large), 8000, s_attributes);
        });
        FilesFixture files = new(isCompressed ? Compress(archive) : archive, initrdOffset: offset);

        Assert.Equal(CpioError.None, files.LoadError);
        Assert.Equal(large, files.ReadAll("/bin/tool"));
        Assert.Equal("hello", files.ReadText("/bin/small"));
        Assert.Empty(files.ReadAll("usr/empty"));
        Assert.Equal(large[..8000], files.ReadAll("one"));
        Assert.Same(files.Find("one"), files.Find("usr/two"));
        files.Find("one").GetAttributes(out Stat stat);
        Assert.Equal((2UL, 3u, 4u, 1_700_000_000L, 8000L), (stat.st_nlink, stat.st_uid, stat.st_gid, stat.st_mtim.tv_sec, stat.st_size));
        Assert.Equal(new DeviceNumber(1, 5), files.Find("zero").TargetDevice);
        Assert.Equal(Mode.S_IFIFO, files.Find("pipe").Type);
        Assert.All(["one", "zero", "pipe", "bin", "usr", "usr/empty"], name => Assert.NotEqual(0, files.Find(name).CreatedNs));
        Assert.Equal([".", "..", "bin", "one", "pipe", "usr", "zero"], files.List("/").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Load_AlignedFile_ItsPagesAreTheInitrdsOwn()
    {
        byte[] archive = FilesFixture.Archive(writer => writer.AddFile("tool", new byte[8192], s_attributes));
        FilesFixture files = new(archive);
        long free = files.Machine.Frames.FreeCount;

        MemoryObject pages = ((RegularFileInode)files.Find("tool")).Pages;

        Assert.Equal(Errno.None, pages.GetPage(1, out Frame frame));
        PhysicalRange initrd = files.Machine.Boot.InitialRamDisk;
        Assert.InRange(frame.Number, initrd[0].Number, initrd[initrd.FrameCount - 1].Number);
        Assert.Equal(free, files.Machine.Frames.FreeCount);
    }

    [Fact]
    public void Load_InodeNotLookedUpYet_IsListedWithTheNumberThatItWillHave()
    {
        byte[] archive = FilesFixture.Archive(writer => writer.AddFile("a", "x"u8, s_attributes));
        FilesFixture files = new(archive);
        long position = 0;
        Assert.True(files.Root.Root.TryGetEntry(ref position, out DirectoryEntry entry));
        ulong listed = entry.InodeNumber;

        Assert.Equal(files.Find("a").Number, listed);
    }

    [Fact]
    public void Load_MissingDirectories_MakesThem()
    {
        FilesFixture files = new(FilesFixture.Archive(writer => writer.AddFile("a/b/c", "x"u8, s_attributes)));

        Assert.Equal("x", files.ReadText("/a/b/c"));
    }

    [Fact]
    public void Load_NamesAsToolsWriteThem_CountFromTheRoot()
    {
        FilesFixture files = new(FilesFixture.Archive(writer =>
        {
            writer.AddDirectory("./d/", s_attributes);
            writer.AddFile("./d/one", "1"u8, s_attributes);
            writer.AddFile("/d/two", "2"u8, s_attributes);
            writer.AddFile("d//three", "3"u8, s_attributes);
            writer.AddFile("d/./four", "4"u8, s_attributes);
        }));

        Assert.Equal(CpioError.None, files.LoadError);
        Assert.Equal([".", "..", "four", "one", "three", "two"], files.List("/d").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Load_SameNameTwice_TheLaterReplaces()
    {
        FilesFixture files = new(FilesFixture.Archive(writer =>
        {
            writer.AddFile("a", "old"u8, s_attributes);
            writer.AddFile("a", "newer"u8, s_attributes);
        }));

        Assert.Equal("newer", files.ReadText("a"));
    }

    [Fact]
    public void Load_ConcatenatedArchives_TakesBoth()
    {
        byte[] first = FilesFixture.Archive(writer => writer.AddFile("a", "1"u8, s_attributes));
        byte[] second = FilesFixture.Archive(writer => writer.AddFile("b", "2"u8, s_attributes));
        FilesFixture files = new(
            [.. first, .. new byte[512], .. second, .. Compress(FilesFixture.Archive(writer => writer.AddFile("c", "3"u8, s_attributes)))]);

        Assert.Equal(CpioError.None, files.LoadError);
        Assert.Equal(("1", "2", "3"), (files.ReadText("a"), files.ReadText("b"), files.ReadText("c")));
    }

    [Fact]
    public void Load_HostileNames_SaysWhatIsWrong()
    {
        Check(CpioError.NameLeavesRoot, writer => writer.AddFile("../x", [], s_attributes));
        Check(CpioError.NameLeavesRoot, writer => writer.AddFile("a/../../x", [], s_attributes));
        Check(CpioError.NameLeavesRoot, writer => writer.AddFile("a/..", [], s_attributes));
        Check(CpioError.NameTooLong, writer => writer.AddFile(new string('x', 256), [], s_attributes));
        Check(CpioError.NameTooLong, writer => writer.AddFile(new string('x', 256) + "/a", [], s_attributes));
        Check(CpioError.Conflict, writer => writer.AddFile(".", [], s_attributes));
        Check(CpioError.BadLink, writer => writer.AddSymbolicLink("l", new string('x', 5000), s_attributes));
        Check(CpioError.BadLink, writer => writer.AddSymbolicLink("l", string.Empty, s_attributes));
        Check(CpioError.ParentIsNoDirectory, writer =>
        {
            writer.AddFile("a", [], s_attributes);
            writer.AddFile("a/b", [], s_attributes);
        });
        Check(CpioError.Conflict, writer =>
        {
            writer.AddDirectory("a", s_attributes);
            writer.AddFile("a", [], s_attributes);
        });

        static void Check(CpioError expected, Action<CpioWriter> fill) =>
            Assert.Equal(expected, new FilesFixture(FilesFixture.Archive(fill)).LoadError);
    }

    [Fact]
    public void Load_OtherCompression_SaysSo()
    {
        byte[] xz = [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00, 0, 0, 0, 0];

        Assert.Equal(CpioError.UnknownCompression, new FilesFixture(xz).LoadError);
    }

    [Fact]
    public void Load_Compressed_LeavesOnlyTheFilesPagesBehind()
    {
        byte[] archive = Compress(FilesFixture.Archive(writer => writer.AddFile("a", new byte[20_000], s_attributes)));
        FilesFixture files = new(archive);
        long used = files.Machine.Frames.TotalCount - files.Machine.Frames.FreeCount;
        long initrd = (archive.Length + 4095) / 4096;

        Assert.Equal(initrd + 5, used);
    }

    [Fact]
    public void Load_MemoryRunsOut_IsAnError()
    {
        byte[] archive = Compress(FilesFixture.Archive(writer => writer.AddFile("a", new byte[1 << 20], s_attributes)));

        Assert.Equal(CpioError.OutOfMemory, new FilesFixture(archive, frameCount: 100).LoadError);
    }

    [Fact]
    public void Load_AnyBytesChanged_NeitherThrowsNorHangs()
    {
        byte[] archive = FilesFixture.Archive(writer =>
        {
            writer.AddDirectory("d", s_attributes);
            writer.AddFile("d/f", new byte[300], s_attributes);
            writer.AddFile(["d/g", "d/h"], new MemoryStream(new byte[10]), 10, s_attributes);
            writer.AddSymbolicLink("d/l", "f", s_attributes);
            writer.AddFifo("p"u8, s_attributes);
        });
        byte[] alphabet = Encoding.ASCII.GetBytes("0123456789ABCDEFabcdef./dfghlpG\0 ");
        Gen.Select(Gen.Int[0, 1500], Gen.Int[0, alphabet.Length - 1].Select(i => alphabet[i])).Array[1, 6].Sample(
            changes =>
            {
                byte[] changed = (byte[])archive.Clone();
                foreach ((int position, byte value) in changes)
                {
                    changed[position] = value;
                }
                FilesFixture files = new(changed, frameCount: 64);
                Visit(files, files.Root.Root, 0);
            },
            iter: 5000,
            threads: 1);
    }

    private static void Visit(FilesFixture files, DirectoryInode directory, int depth)
    {
        Assert.True(depth < 20);
        long position = 0;
        while (directory.TryGetEntry(ref position, out DirectoryEntry entry))
        {
            Assert.Equal(Errno.None, directory.Lookup(new FileName(entry.Name), out Inode? inode));
            if (inode is DirectoryInode child)
            {
                Visit(files, child, depth + 1);
            }
            else if (inode is RegularFileInode file)
            {
                IoCursor cursor = IoCursor.OverKernel(new byte[1000]);
                Assert.Equal(Errno.None, file.Read(0, ref cursor));
            }
            else if (inode is SymbolicLinkInode link)
            {
                Assert.Equal(Errno.None, link.GetTarget(out _));
            }
        }
    }

    private static byte[] Compress(byte[] archive)
    {
        MemoryStream stream = new();
        using (GZipStream gzip = new(stream, CompressionLevel.Optimal, leaveOpen: true))
        {
            gzip.Write(archive);
        }
        return stream.ToArray();
    }
}
