using System.Diagnostics;
using System.Text;
using CsCheck;
using Semitone.Cpio;

namespace Semitone.Unit.Cpio;

public sealed class CpioArchiveTests
{
    private static readonly CpioAttributes s_attributes = new(0x1ED, 1, 2, 1_700_000_000);

    [Fact]
    public void Read_WhatTheWriterWrote_GivesEveryEntryBack()
    {
        byte[] archive = Write(writer =>
        {
            writer.AddDirectory("bin", s_attributes);
            writer.AddFile("bin/tool", new byte[5000], s_attributes);
            writer.AddSymbolicLink("bin/link", "tool", s_attributes);
            writer.AddDevice("null"u8, false, 1, 3, s_attributes);
            writer.AddFifo("fifo"u8, s_attributes);
        });

        List<(string Name, CpioEntry Entry)> entries = Read(archive);

        Assert.Equal(["bin", "bin/tool", "bin/link", "null", "fifo"], entries.Select(entry => entry.Name));
        Assert.Equal(0x41EDu, entries[0].Entry.Mode);
        Assert.Equal(0x81EDu, entries[1].Entry.Mode);
        Assert.Equal(5000u, entries[1].Entry.DataLength);
        Assert.Equal("tool", Encoding.UTF8.GetString(archive, (int)entries[2].Entry.DataOffset, (int)entries[2].Entry.DataLength));
        Assert.Equal((1u, 3u), (entries[3].Entry.TargetMajor, entries[3].Entry.TargetMinor));
        Assert.Equal((1u, 2u, 1_700_000_000u), (entries[4].Entry.Uid, entries[4].Entry.Gid, entries[4].Entry.ModifiedTime));
    }

    [Fact]
    public void AddFile_AnyNamesAndSizes_PutsLargeFilesOnPageBoundaries() =>
        Gen.Select(Gen.Int[1, 250], Gen.Int[0, 20_000]).List[1, 40].Sample(
            files =>
            {
                byte[] archive = Write(writer =>
                {
                    for (int i = 0; i < files.Count; i++)
                    {
                        writer.AddFile(i.ToString().PadLeft(files[i].Item1, 'x'), new byte[files[i].Item2], s_attributes);
                    }
                });
                List<(string Name, CpioEntry Entry)> read = Read(archive).Where(entry => entry.Name != ".").ToList();
                Assert.Equal(files.Count, read.Count);
                Assert.All(read, entry => Assert.True(entry.Entry.DataLength < 4096 || entry.Entry.DataOffset % 4096 == 0));
                Assert.Equal(0, archive.Length % 4096);
            },
            iter: 200);

    [Fact]
    public void AddFile_HardLinks_SharesOneNumberAndStoresTheDataOnce()
    {
        byte[] archive = Write(writer => writer.AddFile(["one", "two", "three"], new MemoryStream(new byte[100]), 100, s_attributes));

        List<(string Name, CpioEntry Entry)> entries = Read(archive);

        Assert.All(entries, entry => Assert.Equal(3u, entry.Entry.Links));
        Assert.Single(entries.Select(entry => entry.Entry.Inode).Distinct());
        Assert.Equal([0u, 0u, 100u], entries.Select(entry => entry.Entry.DataLength));
    }

    [Fact]
    public void AddFile_FileBecameShorter_Throws()
    {
        CpioWriter writer = new(Stream.Null);

        Assert.Throws<EndOfStreamException>(() => writer.AddFile(["name"], new MemoryStream(new byte[5]), 6, s_attributes));
    }

    [Fact]
    public void Extract_ByGnuCpio_GivesTheFilesBack()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/cpio"), "cpio is not installed");
        byte[] content = new byte[100_000];
        new Random(1).NextBytes(content);
        byte[] archive = Write(writer =>
        {
            writer.AddDirectory("d", s_attributes);
            for (int i = 0; i < 20; i++)
            {
                writer.AddFile($"d/{new string('n', i * 10)}{i}", content.AsSpan(0, i * 5000), s_attributes);
            }
            writer.AddSymbolicLink("d/s", "target", s_attributes);
        });
        string folder = Directory.CreateTempSubdirectory("semitone-cpio-").FullName;
        try
        {
            File.WriteAllBytes(Path.Combine(folder, "a.cpio"), archive);
            ProcessStartInfo start =
                new("/usr/bin/cpio", ["-idm", "--quiet", "-F", "a.cpio"]) { WorkingDirectory = folder, RedirectStandardError = true };
            using Process process = Process.Start(start)!;
            string errors = process.StandardError.ReadToEnd();
            process.WaitForExit();

            Assert.Equal((0, string.Empty), (process.ExitCode, errors));
            for (int i = 0; i < 20; i++)
            {
                Assert.Equal(content[..(i * 5000)], File.ReadAllBytes(Path.Combine(folder, $"d/{new string('n', i * 10)}{i}")));
            }
            Assert.Equal("target", new FileInfo(Path.Combine(folder, "d/s")).LinkTarget);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData("", CpioError.MissingTrailer)]
    [InlineData("07070", CpioError.Truncated)]
    [InlineData("hello", CpioError.BadMagic)]
    [InlineData("070707", CpioError.OldFormat)]
    [InlineData("070709", CpioError.BadMagic)]
    public void Read_NoProperHeader_SaysWhatIsWrong(string start, CpioError expected)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(start);
        if (start.Length == 6)
        {
            Array.Resize(ref bytes, 200);
        }
        CpioReader reader = new(new CpioArray(bytes));

        Assert.Equal(CpioReadResult.Failed, reader.Read(out _, out _));
        Assert.Equal(expected, reader.Error);
    }

    [Theory]
    [InlineData(6, "FFFFFFFF", CpioError.Truncated)]
    [InlineData(11, "FFFFFFFF", CpioError.NameTooLong)]
    [InlineData(11, "00000000", CpioError.BadName)]
    [InlineData(11, "00001000", CpioError.Truncated)]
    [InlineData(11, "00000001", CpioError.BadName)]
    [InlineData(1, "0000 1ED", CpioError.BadNumber)]
    [InlineData(1, "000081EJ", CpioError.BadNumber)]
    [InlineData(1, "0x0081ED", CpioError.BadNumber)]
    [InlineData(1, "00008-ED", CpioError.BadNumber)]
    public void Read_BadField_SaysWhatIsWrong(int field, string value, CpioError expected)
    {
        byte[] archive = Write(writer => writer.AddFile("name", "data"u8, s_attributes))[..120];
        Encoding.ASCII.GetBytes(value).CopyTo(archive, 6 + (field * 8));
        CpioReader reader = new(new CpioArray(archive));

        Assert.Equal(CpioReadResult.Failed, reader.Read(out _, out _));
        Assert.Equal(expected, reader.Error);
    }

    [Fact]
    public void Read_CutOffAnywhere_EndsInAnError()
    {
        byte[] archive = Write(writer =>
        {
            writer.AddDirectory("d", s_attributes);
            writer.AddFile("d/f", new byte[5000], s_attributes);
        });
        int end = archive.AsSpan().IndexOf("TRAILER!!!"u8) + 10;
        for (int length = 0; length <= end; length++)
        {
            CpioReader reader = new(new CpioArray(archive[..length]));
            CpioReadResult result;
            while ((result = reader.Read(out _, out _)) == CpioReadResult.Entry)
            {
            }
            Assert.Equal(CpioReadResult.Failed, result);
        }
    }

    [Fact]
    public void Read_AnyBytesChanged_NeitherThrowsNorHangs()
    {
        byte[] archive = Write(writer =>
        {
            writer.AddDirectory("d", s_attributes);
            writer.AddFile("d/f", new byte[300], s_attributes);
            writer.AddSymbolicLink("d/l", "f", s_attributes);
        });
        Gen.Select(Gen.Int[0, archive.Length - 1], Gen.Byte).Array[1, 8].Sample(
            changes =>
            {
                byte[] changed = (byte[])archive.Clone();
                foreach ((int position, byte value) in changes)
                {
                    changed[position] = value;
                }
                CpioReader reader = new(new CpioArray(changed));
                int steps = 0;
                while (reader.Read(out CpioEntry entry, out ReadOnlySpan<byte> name) == CpioReadResult.Entry)
                {
                    Assert.True(entry.DataOffset + entry.DataLength <= changed.Length);
                    Assert.False(name.IsEmpty);
                    Assert.True(++steps < 100);
                }
            },
            iter: 20_000);
    }

    [Fact]
    public void Read_PiecesOfAnySize_GivesTheSame()
    {
        byte[] archive = Write(writer =>
        {
            for (int i = 0; i < 10; i++)
            {
                writer.AddFile($"file{i}", new byte[i * 700], s_attributes);
            }
        });
        List<(string Name, CpioEntry Entry)> whole = Read(archive);
        for (int size = 1; size < 130; size++)
        {
            Assert.Equal(whole, Read(new PiecewiseSource(archive, size)));
        }
    }

    private static byte[] Write(Action<CpioWriter> fill)
    {
        MemoryStream stream = new();
        CpioWriter writer = new(stream);
        fill(writer);
        writer.Finish();
        return stream.ToArray();
    }

    private static List<(string Name, CpioEntry Entry)> Read(byte[] archive) => Read(new CpioArray(archive));

    private static List<(string Name, CpioEntry Entry)> Read(ICpioSource source)
    {
        CpioReader reader = new(source);
        List<(string, CpioEntry)> entries = [];
        while (true)
        {
            CpioReadResult result = reader.Read(out CpioEntry entry, out ReadOnlySpan<byte> name);
            if (result == CpioReadResult.EndOfArchive)
            {
                Assert.False(reader.SkipPadding());
                return entries;
            }
            Assert.True(result == CpioReadResult.Entry, reader.Error.ToString());
            entries.Add((Encoding.UTF8.GetString(name), entry));
        }
    }

    private sealed class PiecewiseSource(byte[] bytes, int size) : ICpioSource
    {
        public long Length => bytes.Length;

        public ReadOnlySpan<byte> GetPiece(long offset) =>
            bytes.AsSpan((int)offset, Math.Min(size - ((int)offset % size), bytes.Length - (int)offset));
    }
}
