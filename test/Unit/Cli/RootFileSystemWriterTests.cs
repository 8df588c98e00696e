using System.Text;
using Semitone.Cli;
using Semitone.Cli.Packing;
using Semitone.Cli.Running;
using Semitone.Cpio;

namespace Semitone.Unit.Cli;

public sealed class RootFileSystemWriterTests : IDisposable
{
    private readonly TemporaryTree _tree = new();
    private readonly MemoryStream _archive = new();
    private readonly RootFileSystemWriter _writer;

    public RootFileSystemWriterTests()
    {
        _writer = new RootFileSystemWriter(_archive);
    }

    public void Dispose() => _tree.Dispose();

    [Fact]
    public void AddTree_FilesLinksAndFolders_KeepNamesModesAndTargets()
    {
        _tree.Add("/bin/prog", "#!x").Link("/bin/alias", "prog").Add("/empty", "");
        Directory.CreateDirectory(_tree["/var/empty"]);
        File.SetUnixFileMode(_tree["/var/empty"], (UnixFileMode)0x3FF);
        _writer.AddTree(_tree.Root);
        Assert.Equal(
            ["d 755 .", "d 755 bin", "l 777 bin/alias -> prog", "f 755 bin/prog = #!x", "f 755 empty = ", "d 755 var", "d 1777 var/empty"],
            List().Select(line => line.StartsWith("d 700 .", StringComparison.Ordinal) ? "d 755 ." : line));
    }

    [Fact]
    public void AddTree_HardLinks_ShareOneInodeAndOneCopyOfTheData()
    {
        _tree.Add("/a", "shared");
        System.Diagnostics.Process.Start("ln", [_tree["/a"], _tree["/b"]]).WaitForExit();
        _writer.AddTree(_tree.Root);
        List<(string Line, uint Inode, uint Length)> entries = [.. Entries().Where(entry => entry.Line.StartsWith('f'))];
        Assert.Equal(2, entries.Count);
        Assert.Equal(entries[0].Inode, entries[1].Inode);
        Assert.Equal([6u, 0u], entries.Select(entry => entry.Length));
    }

    [Fact]
    public void TryAddPath_LinksOnTheWay_AreAllPackedWithWhereTheyLead()
    {
        _tree.Add("/usr/lib/libx.so.1.2", "x").Link("/usr/lib/libx.so.1", "libx.so.1.2").Link("/lib", "usr/lib");
        Assert.True(_writer.TryAddPath(_tree["/lib/libx.so.1"]));
        string root = _tree.Root[1..];
        string[] lines = [.. List()];
        Assert.Contains($"l 777 {root}/lib -> usr/lib", lines);
        Assert.Contains($"l 777 {root}/usr/lib/libx.so.1 -> libx.so.1.2", lines);
        Assert.Contains($"f 755 {root}/usr/lib/libx.so.1.2 = x", lines);
        Assert.True(Array.FindIndex(lines, line => line.EndsWith(root + "/usr/lib", StringComparison.Ordinal)) < Array.FindIndex(
            lines, line => line.Contains("libx.so.1 ", StringComparison.Ordinal)));
    }

    [Fact]
    public void TryAddPath_Twice_PacksOnce()
    {
        _tree.Add("/a", "x");
        Assert.True(_writer.TryAddPath(_tree["/a"]));
        Assert.True(_writer.TryAddPath(_tree["/a"]));
        Assert.Single(List(), line => line.EndsWith("/a = x", StringComparison.Ordinal));
    }

    [Fact]
    public void TryAddPath_LoopOfLinks_IsRefused()
    {
        _tree.Link("/a", "b").Link("/b", "a");
        Assert.False(_writer.TryAddPath(_tree["/a"]));
    }

    [Fact]
    public void TryAddPath_ParentFolderInALink_IsFollowed()
    {
        _tree.Add("/x/real", "y").Link("/z/link", "../x/real");
        Assert.True(_writer.TryAddPath(_tree["/z/link"]));
        Assert.Contains(List(), line => line.EndsWith("/x/real = y", StringComparison.Ordinal));
    }

    [Fact]
    public void AddAs_FolderOverATree_ReplacesFilesAndFollowsItsLinks()
    {
        _tree.Add("/tree/usr/bin/old", "1")
            .Link("/tree/bin", "usr/bin")
            .Add("/over/bin/old", "2")
            .Add("/over/bin/new", "3")
            .Add("/one", "4");
        _writer.AddTree(_tree["/tree"]);
        _writer.AddAs(_tree["/over"], "/");
        _writer.AddAs(_tree["/one"], "/bin/../etc/deep/one");
        string[] lines = [.. List()];
        Assert.Equal(
            ["f 755 usr/bin/old = 1", "f 755 usr/bin/old = 2"],
            lines.Where(line => line.Contains("old", StringComparison.Ordinal)).Order());
        Assert.Contains("f 755 usr/bin/new = 3", lines);
        Assert.Contains("f 755 usr/etc/deep/one = 4", lines);
        Assert.Single(lines, line => line.EndsWith(" bin -> usr/bin", StringComparison.Ordinal));
    }

    [Fact]
    public void AddAs_BelowAFile_IsRefused()
    {
        _tree.Add("/tree/file", "1").Add("/one", "2");
        _writer.AddTree(_tree["/tree"]);
        Assert.Contains(
            "no folder",
            Assert.Throws<CommandFailedException>(() => _writer.AddAs(_tree["/one"], "/file/one")).Message,
            StringComparison.Ordinal);
        Assert.Contains(
            "not found",
            Assert.Throws<CommandFailedException>(() => _writer.AddAs(_tree["/none"], "/x")).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void AddTree_FolderOfTheKernels_IsLeftEmpty()
    {
        // The host's own proc, below a folder that is packed whole.
        Assert.True(Semitone.Cli.Posix.KernelFileSystem.IsAt("/proc"));
        Assert.False(Semitone.Cli.Posix.KernelFileSystem.IsAt("/usr"));
    }

    [Fact]
    public void AddTree_LargerThanTheLimit_IsRefusedByTheFileThatDoesNotFit()
    {
        _tree.Add("/tree/a", new byte[4000]).Add("/tree/b", new byte[200_000]);
        RootFileSystemWriter writer = new(new MemoryStream()) { Limit = new RootLimit(100_000, "a test") };
        Assert.Contains(
            "/tree/b", Assert.Throws<CommandFailedException>(() => writer.AddTree(_tree["/tree"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Progress_PackingThatTakesLong_ShowsALineAndTakesItBack()
    {
        List<string> written = [];
        PackingProgress progress = new(isShown: true, written.Add);
        progress.Report(1, 10, "early");
        Assert.Empty(written);
        Thread.Sleep(600);
        progress.Report(20, 3 << 20, "/a\nb");
        progress.Report(21, 3 << 20, "soon after");
        progress.Finish();
        progress.Finish();
        Assert.Equal(["\r\e[Kpacking: 20 files, 3.0 MiB /a?b", "\r\e[K"], written);
    }

    [Fact]
    public void AddTree_NoFolder_SaysSo() =>
        Assert.Equal(ExitStatus.Usage, Assert.Throws<CommandFailedException>(() => _writer.AddTree(_tree["/none"])).Status);

    private IEnumerable<string> List() => Entries().Select(entry => entry.Line);

    private List<(string Line, uint Inode, uint Length)> Entries()
    {
        _writer.Finish();
        CpioArray archive = new(_archive.ToArray());
        CpioReader reader = new(archive);
        List<(string, uint, uint)> entries = [];
        while (reader.Read(out CpioEntry entry, out ReadOnlySpan<byte> name) == CpioReadResult.Entry)
        {
            byte[] data = new byte[entry.DataLength];
            CpioReader.Copy(archive, entry.DataOffset, data);
            string text = Encoding.UTF8.GetString(data);
            string permissions = Convert.ToString(entry.Mode & 0xFFF, 8);
            string line = (entry.Mode & 0xF000) switch
            {
                0x4000 => $"d {permissions} {Encoding.UTF8.GetString(name)}",
                0xA000 => $"l {permissions} {Encoding.UTF8.GetString(name)} -> {text}",
                _ => $"f {permissions} {Encoding.UTF8.GetString(name)} = {text}",
            };
            entries.Add((line, entry.Inode, entry.DataLength));
        }

        Assert.Equal(CpioError.None, reader.Error);
        return entries;
    }
}
