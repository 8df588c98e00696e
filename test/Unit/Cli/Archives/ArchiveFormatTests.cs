using System.Diagnostics;
using System.Formats.Tar;
using System.Text;
using Semitone.Cli;
using Semitone.Cli.Archives;
using Semitone.Cli.Packing;

namespace Semitone.Unit.Cli.Archives;

/// <summary>Archives that the usual programs write, in every format that they know.</summary>
public sealed class ArchiveFormatTests : IDisposable
{
    private static readonly string s_longName = new('n', 120);
    private static readonly string s_longFolder = "d/" + new string('e', 90) + "/" + new string('f', 90);

    private readonly TemporaryTree _tree = new();

    public ArchiveFormatTests()
    {
        _tree.Add("/t/d/file", "contents")
            .Add($"/t/{s_longFolder}/{s_longName}", "deep")
            .Add("/t/empty", "")
            .Link("/t/link", "d/file")
            .Link("/t/far", "/" + new string('x', 150));
        Shell("cd t && ln d/file d/other && ln d/file hard && mkfifo fifo && printf odd > \"$(printf 'n\\351\\377')\" && truncate -s "
            + "300000 holes && printf mid | dd of=holes bs=1 seek=100000 conv=notrunc status=none"
            + " && printf end | dd of=holes bs=1 seek=299997 conv=notrunc status=none && chmod 4751 d/file && chmod 1777 d && chmod 750 . "
                + "&& touch -d @1234567890 d/file empty holes n* && chmod 644 empty holes n* && find . -name nnn* -exec touch -d @5 {} +");
    }

    public void Dispose() => _tree.Dispose();

    [Theory]
    [InlineData("gnu", "")]
    [InlineData("oldgnu", "-S")]
    [InlineData("gnu", "-S")]
    [InlineData("pax", "")]
    [InlineData("pax", "-S --sparse-version=0.0")]
    [InlineData("pax", "-S --sparse-version=0.1")]
    [InlineData("pax", "-S --sparse-version=1.0")]
    public void Unpack_Tar_GivesEveryFileAsItWas(string format, string flags)
    {
        Shell($"tar -C t --format={format} {flags} --owner=1234 --group=2000000 -cf a.tar .");
        Assert.Equal(Expected("1234:2000000"), Unpack("a.tar"));
    }

    [Theory]
    [InlineData("ustar")]
    [InlineData("v7")]
    public void Unpack_OldTar_GivesWhatItCanHold(string format)
    {
        // No long names and targets; the rest as it was.
        Shell($"rm -rf t/d/eee* t/far && tar -C t --format={format} --owner=1234 --group=5678 -cf a.tar . 2>warnings || cat warnings");
        Assert.Equal(Expected("1234:5678").Where(line => !line.Contains("eee", StringComparison.Ordinal)
            && !line.Contains(" far ", StringComparison.Ordinal)
            && (format != "v7" || line[0] != 'p')), Unpack("a.tar"));
    }

    [Theory]
    [InlineData("newc")]
    [InlineData("crc")]
    public void Unpack_Cpio_GivesEveryFileAsItWas(string format)
    {
        Shell($"cd t && find . | LC_ALL=C sort -r | cpio -o -H {format} -R 1234:5678 --quiet > ../a.cpio");
        Assert.Equal(WithoutLinks(Expected("1234:5678")), WithoutLinks(Unpack("a.cpio")));
    }

    [Theory]
    [InlineData("gzip", "gzip -c")]
    [InlineData("gzip", "gzip -1 -c -n")]
    [InlineData("xz", "xz -0 -c")]
    [InlineData("xz", "xz -0 -c --format=lzma")]
    [InlineData("zstd", "zstd -1 -c -q")]
    [InlineData("bzip2", "bzip2 -c")]
    public void Unpack_CompressedUnderAnyName_IsToldByItsContents(string program, string command)
    {
        Assert.SkipWhen(HostPrograms.Find(program) is null, $"{program} is not installed");
        Shell($"tar -C t --owner=1 --group=2 -cf a.tar . && {command} < a.tar > some.thing && cd t && find . | cpio -o -H newc -R 1:2 "
            + $"--quiet | {command} > ../other.tar");
        List<string> expected = Expected("1:2");
        Assert.Equal(expected, Unpack("some.thing"));
        Assert.Equal(WithoutLinks(expected), WithoutLinks(Unpack("other.tar")));
    }

    [Fact]
    public void Unpack_ArchivesOneAfterTheOther_AreOneOfWhichTheLastCounts()
    {
        _tree.Add("/u/empty", "no more").Add("/v/third", "3");
        Shell("(cd t && find . | cpio -o -H newc --quiet > ../a) && (cd u && find . -type f | cpio -o -H newc --quiet | gzip > ../b) && "
            + "(cd v && find . -type f | cpio -o -H newc --quiet > ../c) && (cat a; head -c 1000 /dev/zero; cat b) > all && (gzip -c a; "
                + "gzip -c c) > zipped");
        Assert.Contains(Unpack("all"), line => line.EndsWith(": no more", StringComparison.Ordinal));
        Assert.Contains(Unpack("zipped"), line => line.Contains(" third ", StringComparison.Ordinal));
    }

    [Fact]
    public void Unpack_TarOfAnotherWriter_GivesDevicesAndAttributes()
    {
        using MemoryStream stream = new();
        using (TarWriter writer = new(stream, TarEntryFormat.Pax, leaveOpen: true))
        {
            writer.WriteEntry(
                new PaxTarEntry(TarEntryType.CharacterDevice, "dev/null") { DeviceMajor = 1, DeviceMinor = 3, Mode = (UnixFileMode)0x1B6 });
            writer.WriteEntry(
                new PaxTarEntry(TarEntryType.BlockDevice, "dev/sda") { DeviceMajor = 8, DeviceMinor = 0, Mode = (UnixFileMode)0x180 });
            writer.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, "ping", new Dictionary<string, string>
            {
                ["SCHILY.xattr.security.capability"] = "x"
            })
            {
                Mode = (UnixFileMode)0x1ED,
                DataStream = new MemoryStream("p"u8.ToArray()),
                ModificationTime = DateTimeOffset.FromUnixTimeSeconds(77),
                Uid = 5,
            });
        }

        stream.Position = 0;
        List<string> said = [];
        using MemoryStream output = new();
        RootFileSystemWriter packed = new(output) { Progress = new PackingProgress(isShown: false, said.Add) };
        RootArchive.Unpack(stream, "r.tar", packed);
        packed.Finish();
        Assert.Equal([
            "b 600 0:0 dev/sda 8,0", "c 666 0:0 dev/null 1,3", "d 755 0:0 dev", "f 755 5:0 ping 77: p"
        ], PackedArchive.List(output.ToArray()));
        Assert.Contains("1 extended attributes", Assert.Single(said), StringComparison.Ordinal);
    }

    [Fact]
    public void Unpack_NoArchive_SaysWhatItIs()
    {
        foreach ((string contents, string said) in ((string, string)[])
            [
                ("", "it is empty"), ("PK\u0003\u0004", "zip"), ("070707000000", "old format"), ("just text", "neither a tar nor a cpio"),
                ("!<arch>\ndebian-binary", "dpkg-deb"),
                (new string('\0', 10240), "neither"),
            ])
        {
            CommandFailedException failure =
                Assert.Throws<CommandFailedException>(() => PackedArchive.List(new MemoryStream(Encoding.Latin1.GetBytes(contents))));
            Assert.Contains(said, failure.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', failure.Message);
        }
    }

    [Fact]
    public void Unpack_ImageWithLayers_SaysHowToGetItsFiles()
    {
        _tree.Add("/i/manifest.json", "[]").Add("/i/oci-layout", "{}").Add("/i/blobs/sha256/0", "x");
        Shell("tar -C i -cf a.tar .");
        Assert.Contains("docker export", Assert.Throws<CommandFailedException>(() => Unpack("a.tar")).Message, StringComparison.Ordinal);
    }

    private static IEnumerable<string> WithoutLinks(List<string> lines)
    {
        // Which of several names counts as the first is the writer's affair: count them.
        return lines.Where(line => line[0] != 'h' && !line.Contains(": contents", StringComparison.Ordinal)).Append(
            $"{lines.Count(line => line[0] == 'h')} links to {lines.Count(line => line.Contains(": contents", StringComparison.Ordinal))}");
    }

    private List<string> Expected(string owner)
    {
        byte[] holes = new byte[300_000];
        "mid"u8.CopyTo(holes.AsSpan(100_000));
        "end"u8.CopyTo(holes.AsSpan(299_997));
        string sum = Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(holes))[..8];
        List<string> lines =
        [
            $"d 750 {owner} .", $"d 1777 {owner} d", $"d 755 {owner} {s_longFolder[..92]}", $"d 755 {owner} {s_longFolder}",
            $"f 755 {owner} {s_longFolder}/{s_longName} 5: deep",
            $"f 644 {owner} empty 1234567890: ", $"l {owner} link -> d/file", $"l {owner} far -> /{new string('x', 150)}",
            $"p 644 {owner} fifo",
            $"f 644 {owner} n\u00E9\u00FF 1234567890: odd", $"f 644 {owner} holes 1234567890: 300000 bytes, {sum}",
        ];

        // tar takes a folder's names in the order of the disk.
        string[] names = Shell("tar -C t -cf - . | tar -tf - | sed 's,^./,,' | grep -x -e d/file -e d/other -e hard").Split(
            '\n', StringSplitOptions.RemoveEmptyEntries);
        lines.Add($"f 4751 {owner} {names[0]} 1234567890: contents");
        lines.AddRange(names.Skip(1).Select(name => $"h {name} = {names[0]}"));
        return [.. lines.Order(StringComparer.Ordinal)];
    }

    private List<string> Unpack(string name) => PackedArchive.List(File.OpenRead(_tree["/" + name]));

    private string Shell(string script)
    {
        ProcessStartInfo start =
            new("/bin/sh", ["-ec", "umask 022; " + script]) { WorkingDirectory = _tree.Root, RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        return output;
    }
}
