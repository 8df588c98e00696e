using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using Semitone.Cli;
using Semitone.Cli.Packing;
using Semitone.Cli.Running;
using Semitone.Cpio;

namespace Semitone.Unit.Cli.Archives;

/// <summary>Archives that are cut off, damaged or hostile: refused with a line, whatever is in them.</summary>
public sealed class DamagedArchiveTests
{
    private static readonly byte[] s_tar = MakeTar(TarEntryFormat.Pax);
    private static readonly byte[] s_gnuTar = MakeTar(TarEntryFormat.Gnu);
    private static readonly byte[] s_cpio = MakeCpio();

    [Fact]
    public void Unpack_TarCutOffAnywhere_IsRefused()
    {
        foreach (byte[] archive in (byte[][])[s_tar, s_gnuTar])
        {
            // Of the two blocks of zeros at the end one is enough.
            int needed = FindEnd(archive) + TarBlock;
            for (int length = 0; length < archive.Length; length++)
            {
                CheckCutOff(archive[..length], isWhole: length >= needed);
            }
        }
    }

    [Fact]
    public void Unpack_CpioCutOffAnywhere_IsRefused()
    {
        int trailer = s_cpio.AsSpan().LastIndexOf("TRAILER!!!\0"u8) + 11;
        for (int length = 0; length < s_cpio.Length; length++)
        {
            CheckCutOff(s_cpio[..length], isWhole: length >= trailer);
        }
    }

    [Fact]
    public void Unpack_GzipCutOffAnywhere_IsRefused()
    {
        foreach (byte[] archive in (byte[][])[Zip(s_tar), Zip(s_cpio)])
        {
            for (int length = 0; length < archive.Length; length++)
            {
                CheckCutOff(archive[..length], isWhole: false);
            }
        }
    }

    [Theory]
    [InlineData("xz")]
    [InlineData("zstd")]
    [InlineData("bzip2")]
    public void Unpack_CompressedByAProgramAndCutOff_IsRefusedWithItsWords(string program)
    {
        Assert.SkipWhen(HostPrograms.Find(program) is null, $"{program} is not installed");
        byte[] archive = Compress(program, s_tar);
        Assert.NotEmpty(PackedArchive.List(new MemoryStream(archive)));
        for (int length = 10; length < archive.Length; length += 1 + (archive.Length / 12))
        {
            CheckCutOff(archive[..length], isWhole: false);
        }

        byte[] damaged = [.. archive];
        damaged.AsSpan(damaged.Length / 2, 8).Fill(0x5A);
        // Whichever sees it first, the program or the reader of what it has written so far.
        Assert.Throws<CommandFailedException>(() => PackedArchive.List(new MemoryStream(damaged)));
    }

    [Fact]
    public void Unpack_AnyBitsChanged_EndsWithFilesOrWithALine()
    {
        // Thousands of each; whatever comes out, nothing but the one exception does.
        Random random = new(20);
        byte[][] archives = [s_tar, s_gnuTar, s_cpio, Zip(s_tar), Zip(s_cpio), MakeSparseTar()];
        int refused = 0;
        for (int i = 0; i < 12_000; i++)
        {
            byte[] archive = [.. archives[i % archives.Length]];
            for (int flips = random.Next(1, 6); flips > 0; flips--)
            {
                archive[random.Next(archive.Length)] = random.Next(3) switch
                {
                    0 => (byte)random.Next(256),
                    1 => (byte)('0' + random.Next(10)),
                    _ => (byte)(archive[random.Next(archive.Length)] ^ (1 << random.Next(8))),
                };
            }

            if (random.Next(4) == 0)
            {
                FixChecksums(archive);
            }

            refused += TryUnpack(archive) is null ? 0 : 1;
        }

        Assert.InRange(refused, 3_000, 12_000);
    }

    [Theory]
    [InlineData("../escaped")]
    [InlineData("a/../../escaped")]
    [InlineData("/../escaped")]
    [InlineData("a/..")]
    public void Unpack_NameOutsideOfTheRoot_IsRefused(string name)
    {
        Assert.Contains("outside of its root", TryUnpack(Tar(new PaxTarEntry(TarEntryType.RegularFile, name)))!, StringComparison.Ordinal);
        Assert.Contains("outside of its root", TryUnpack(Cpio(writer => writer.AddFile(name, "x"u8, default)))!, StringComparison.Ordinal);
    }

    [Fact]
    public void Unpack_EntryBelowALink_LandsWhereTheLinkLeadsInsideTheRoot()
    {
        byte[] archive = Tar(
            new PaxTarEntry(TarEntryType.SymbolicLink, "bin") { LinkName = "usr/bin" },
            new PaxTarEntry(TarEntryType.SymbolicLink, "out") { LinkName = "../../../../etc" },
            new PaxTarEntry(TarEntryType.SymbolicLink, "abs") { LinkName = "/etc" },
            new PaxTarEntry(TarEntryType.Directory, "bin/"),
            new PaxTarEntry(TarEntryType.RegularFile, "bin/prog"),
            new PaxTarEntry(TarEntryType.RegularFile, "out/passwd"),
            new PaxTarEntry(TarEntryType.RegularFile, "/abs//./shadow"));
        Assert.Equal(
            ["bin", "abs", "out", "etc", "etc/passwd", "etc/shadow", "usr", "usr/bin", "usr/bin/prog"],
            PackedArchive.List(new MemoryStream(archive))
                .Select(line => line.Split(' ').First(word => word.Length > 2 && !word.Contains(':') && !char.IsAsciiDigit(word[0])))
                .OrderBy(name => name.Split('/')[0] switch { "bin" => 0, "abs" => 1, "out" => 2, "etc" => 3, _ => 4 })
                .ThenBy(name => name.Length)
                .ThenBy(name => name, StringComparer.Ordinal));
    }

    [Fact]
    public void Unpack_WhatCannotBe_IsRefusedByName()
    {
        foreach ((string said, byte[] archive) in ((string, byte[])[])
            [
                ("no folder", Tar(new PaxTarEntry(TarEntryType.RegularFile, "a"), new PaxTarEntry(TarEntryType.RegularFile, "a/b"))),
                ("one name", Tar(new PaxTarEntry(TarEntryType.RegularFile, "a"), new PaxTarEntry(TarEntryType.Directory, "a"))),
                ("did not come before", Tar(new PaxTarEntry(TarEntryType.HardLink, "a") { LinkName = "nothing" })),
                ("did not come before", Tar(new PaxTarEntry(TarEntryType.HardLink, "a") { LinkName = "../../etc/passwd" })),
                ("no path leads", Tar(new PaxTarEntry(TarEntryType.SymbolicLink, "a")
                {
                    LinkName = "b"
                }, new PaxTarEntry(TarEntryType.SymbolicLink, "b") { LinkName = "a" }, new PaxTarEntry(TarEntryType.RegularFile, "a/b"))),
                ("name no file can have", Tar(new PaxTarEntry(TarEntryType.RegularFile, new string('n', 256)))),
            ])
        {
            string? problem = TryUnpack(archive);
            Assert.NotNull(problem);
            Assert.Contains(said, problem, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Unpack_SmallArchiveOfAHugeFile_IsRefusedByItsSize()
    {
        byte[] archive = MakeSparseTar(realSize: 0x1_0000_0000);
        Assert.Contains("4 GiB", TryUnpack(archive)!, StringComparison.Ordinal);
        Assert.Contains("does not fit", TryUnpack(MakeSparseTar(realSize: 20 << 20), limit: 10 << 20)!, StringComparison.Ordinal);
    }

    [Fact]
    public void Unpack_JunkBehindTheArchive_IsRefusedForCpioAndNoPartOfTar()
    {
        Assert.NotNull(TryUnpack([.. s_cpio, .. "junk"u8]));
        Assert.NotNull(TryUnpack(Zip([.. s_cpio, .. "junk"u8])));
        Assert.Null(TryUnpack([.. s_tar, .. "junk"u8]));
    }

    private const int TarBlock = 512;

    private static void CheckCutOff(byte[] archive, bool isWhole)
    {
        string? problem = TryUnpack(archive);
        Assert.True(isWhole == problem is null, $"{archive.Length} bytes: {problem ?? "taken"}");
    }

    /// <summary>Packs an archive anew.</summary>
    /// <returns>Null, or the one line that says what is wrong.</returns>
    private static string? TryUnpack(byte[] archive, long limit = 64 << 20)
    {
        using MemoryStream output = new();
        try
        {
            RootFileSystemWriter writer = new(output) { Limit = new RootLimit(limit, "a test") };
            Semitone.Cli.Archives.RootArchive.Unpack(new MemoryStream(archive), "root.tar", writer);
            writer.Finish();
            return null;
        }
        catch (CommandFailedException failure)
        {
            Assert.Equal(ExitStatus.Usage, failure.Status);
            return failure.Message;
        }
    }

    private static byte[] MakeTar(TarEntryFormat format)
    {
        TarEntry Make(TarEntryType type, string name) =>
            format == TarEntryFormat.Pax ? new PaxTarEntry(type, name) : new GnuTarEntry(type, name);
        TarEntry file = Make(TarEntryType.RegularFile, "d/file");
        file.DataStream = new MemoryStream(Encoding.ASCII.GetBytes(new string('x', 700)));
        TarEntry link = Make(TarEntryType.SymbolicLink, "link");
        link.LinkName = new string('t', 120);
        TarEntry hard = Make(TarEntryType.HardLink, "hard");
        hard.LinkName = "d/file";
        return Tar(Make(TarEntryType.Directory, "d/"), file, Make(TarEntryType.RegularFile, new string('n', 140)), link, hard);
    }

    private static byte[] Tar(params TarEntry[] entries)
    {
        using MemoryStream stream = new();
        using (TarWriter writer = new(stream, leaveOpen: true))
        {
            foreach (TarEntry entry in entries)
            {
                writer.WriteEntry(entry);
            }
        }

        return stream.ToArray();
    }

    private static byte[] MakeCpio() => Cpio(writer =>
    {
        writer.AddDirectory("d", new CpioAttributes(0x1ED));
        CpioFile file = writer.AddFile("d/file"u8, new MemoryStream(new byte[300]), 300, default);
        writer.AddSymbolicLink("link", "d/file", default);
        writer.AddLink("hard"u8, file);
    });

    private static byte[] Cpio(Action<CpioWriter> fill)
    {
        using MemoryStream stream = new();
        CpioWriter writer = new(stream);
        fill(writer);
        writer.Finish();
        return stream.ToArray();
    }

    /// <summary>A file with holes as GNU's oldest form has it.</summary>
    private static byte[] MakeSparseTar(long realSize = 70_000)
    {
        byte[] archive = new byte[4 * TarBlock];
        void Put(int offset, string text) => Encoding.ASCII.GetBytes(text).CopyTo(archive, offset);
        Put(0, "holes");
        Put(100, "0000644\0");
        Put(108, "0000000\0");
        Put(116, "0000000\0");
        Put(124, "00000000004\0");
        Put(136, "00000000000\0");
        archive[156] = (byte)'S';
        Put(257, "ustar  \0");
        Put(386, "00000000144\0");
        Put(398, "00000000004\0");
        Put(483, Convert.ToString(realSize, 8).PadLeft(11, '0') + "\0");
        Put(TarBlock, "data");
        FixChecksums(archive);
        return archive;
    }

    /// <summary>Makes the checksum of every header right, so that a change in it is not told by that alone.</summary>
    private static void FixChecksums(byte[] archive)
    {
        for (int start = 0; start + TarBlock <= archive.Length; start += TarBlock)
        {
            Span<byte> block = archive.AsSpan(start, TarBlock);
            if (block[257..].StartsWith("ustar"u8))
            {
                block.Slice(148, 8).Fill((byte)' ');
                int sum = 0;
                foreach (byte value in block)
                {
                    sum += value;
                }

                Encoding.ASCII.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ").CopyTo(block[148..]);
            }
        }
    }

    private static int FindEnd(byte[] archive)
    {
        int end = archive.AsSpan().LastIndexOfAnyExcept((byte)0) + 1;
        return (end + TarBlock - 1) / TarBlock * TarBlock;
    }

    private static byte[] Zip(byte[] bytes)
    {
        using MemoryStream packed = new();
        using (GZipStream gzip = new(packed, CompressionLevel.Optimal))
        {
            gzip.Write(bytes);
        }

        return packed.ToArray();
    }

    private static byte[] Compress(string program, byte[] bytes)
    {
        string folder = Directory.CreateTempSubdirectory("semitone-compress-").FullName;
        try
        {
            File.WriteAllBytes(folder + "/in", bytes);
            using System.Diagnostics.Process process =
                System.Diagnostics.Process.Start("/bin/sh", ["-c", $"{program} -c < {folder}/in > {folder}/out"]);
            process.WaitForExit();
            return File.ReadAllBytes(folder + "/out");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
