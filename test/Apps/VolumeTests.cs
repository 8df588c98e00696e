namespace Semitone.Apps;

/// <summary>Folders of the host that a machine shares: <c>--volume</c>.</summary>
public sealed class VolumeTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("semitone-volume-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>What one side writes the other reads, with owners, modes and names that the host sees as its own.</summary>
    [Theory]
    [InlineData("microvm")]
    [InlineData("q35")]
    public void Run_FolderOfTheHost_IsReadAndWrittenInPlace(string board)
    {
        File.WriteAllText(Path.Combine(_folder, "given"), "from the host\n");
        ProgramRun run = RunShell(
            ["--machine", board, "-v", $"{_folder}:/mnt/deep/share"],
            "cd /mnt/deep/share && cat given && mkdir d && seq 100000 > d/numbers && wc -l < d/numbers && mv d/numbers d/moved "
            + "&& ln -s moved d/link && tail -n 1 d/link && rm given && chmod 640 d/moved && ls -l d && find . | sort");
        Assert.True(run.Status == 0, run.Describe());
        Assert.StartsWith("from the host\n100000\n100000\n", run.Output, StringComparison.Ordinal);
        Assert.EndsWith(".\n./d\n./d/link\n./d/moved\n", run.Output, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(_folder, "given")));
        string moved = Path.Combine(_folder, "d", "moved");
        Assert.Equal(100_000, File.ReadLines(moved).Count());
        Assert.Equal((UnixFileMode)0x1A0, File.GetUnixFileMode(moved));
    }

    [Fact]
    public void Run_ReadOnlyVolume_CannotBeChanged()
    {
        File.WriteAllText(Path.Combine(_folder, "given"), "kept\n");
        ProgramRun run = RunShell(
            ["-v", $"{_folder}:/share:ro"],
            "cat /share/given; echo x > /share/given; echo x > /share/new; rm /share/given; mkdir /share/d; cat /share/given");
        Assert.Equal("kept\nkept\n", run.Output);
        Assert.Equal(4, run.Errors.Split("Read-only file system").Length - 1);
        Assert.Equal("kept\n", File.ReadAllText(Path.Combine(_folder, "given")));
        Assert.Single(Directory.GetFileSystemEntries(_folder));
    }

    /// <summary>The guest follows links, in its own tree: none leads to a file of the host.</summary>
    [Fact]
    public void Run_LinkOutOfTheVolume_LeadsIntoTheGuestsOwnRoot()
    {
        string secret = Path.Combine(_folder, "secret");
        string share = Directory.CreateDirectory(Path.Combine(_folder, "share")).FullName;
        File.WriteAllText(secret, "the host's");
        File.CreateSymbolicLink(Path.Combine(share, "absolute"), secret);
        File.CreateSymbolicLink(Path.Combine(share, "relative"), "../secret");
        ProgramRun run = RunShell(["-v", $"{share}:/share"], "cat /share/absolute; cat /share/relative; cat /share/../secret; echo end");
        Assert.True(run.Output == "end\n", run.Describe());
        Assert.Equal(3, run.Errors.Split("No such file").Length - 1);
    }

    [Fact]
    public void Run_TwoVolumes_AreApart()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "one"));
        Directory.CreateDirectory(Path.Combine(_folder, "two"));
        ProgramRun run = RunShell(
            ["-v", $"{_folder}/one:/one", "--volume", $"{_folder}/two:/two"],
            "echo 1 > /one/x; echo 2 > /two/x; cat /one/x /two/x; mv /one/x /two/y; ls /one /two; ln /two/x /one/x || echo apart");
        Assert.True(run.Output == "1\n2\n/one:\n\n/two:\nx\ny\napart\n", run.Describe());
    }

    [Theory]
    [InlineData("/nowhere/at/all:/share", "is not there")]
    [InlineData("/etc/passwd:/share", "is no folder")]
    [InlineData("/tmp:/", "the root is")]
    [InlineData("/tmp", "is not HOST:/path")]
    [InlineData("/tmp:/a b", "cannot have colons")]
    public void Run_VolumeThatIsNone_IsRefused(string volume, string problem)
    {
        ProgramRun run = Guest.Run(["-v", volume, "/bin/true"]);
        Assert.True(run.Status == 125 && run.Errors.Contains(problem, StringComparison.Ordinal), run.Describe());
    }

    private static ProgramRun RunShell(string[] flags, string script) =>
        Guest.Run([.. flags, "--rootfs", DebianRoots.Get(["dash", "coreutils", "findutils"]), "--", "/bin/dash", "-c", script]);
}
