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
    [InlineData("/tmp:/", "the root is what")]
    [InlineData("/tmp", "is not HOST:/path")]
    [InlineData("/tmp:/a b", "cannot have colons")]
    public void Run_VolumeThatIsNone_IsRefused(string volume, string problem)
    {
        ProgramRun run = Guest.Run(["-v", volume, "/bin/true"]);
        Assert.True(run.Status == 125 && run.Errors.Contains(problem, StringComparison.Ordinal), run.Describe());
    }

    /// <summary>A root that is a folder of the host: nothing is packed, and what is written stays there.</summary>
    [Theory]
    [InlineData("microvm", "--rootfs-type", "9pfs")]
    [InlineData("q35", "--target", "qemu/x86_64-9pfs")]
    public void Run_RootSharedByTheHost_IsWorkedIn(string board, string flag, string value)
    {
        string root = CopyRoot();
        ProgramRun run = Guest.Run(
            ["--machine", board, flag, value, "--rootfs", root, "-w", "/tmp", "--", "sh", "-c",
            "pwd; head -n 1 /proc/mounts; echo seen > seen; mkdir -p /srv/deep; busybox true && sh -c 'exit 7'; echo $?; test -c /dev/null "
            + "&& echo x > /dev/null; cat /proc/self/comm; ls /; ls /srv"]);
        Assert.True(
            run.Output == "/tmp\nfs0 / 9p rw,relatime 0 0\n7\ncat\nbin\ndev\nproc\nsrv\nsys\ntmp\nusr\ndeep\n", run.Describe());
        Assert.Equal("seen\n", File.ReadAllText(Path.Combine(root, "tmp", "seen")));
        Assert.True(Directory.Exists(Path.Combine(root, "srv", "deep")));
        Assert.Empty(File.ReadAllBytes(Path.Combine(root, "dev", "null")));
    }

    /// <summary>A folder in memory lies over what is there, and goes with the machine.</summary>
    [Fact]
    public void Run_TemporaryFolder_IsInMemory()
    {
        string root = CopyRoot();
        ProgramRun run = Guest.Run(
            ["--rootfs-type", "9pfs", "--rootfs", root, "--tmpfs", "/tmp", "--tmpfs", "/run/deep:mode=750", "--", "sh", "-c",
            "ls /tmp; echo x > /tmp/x; busybox mkfifo /run/deep/pipe; busybox stat -c '%a %T' /tmp /run/deep; busybox df /tmp "
            + "| busybox tail -n 1"]);
        Assert.True(run.Output.StartsWith("1777 0\n750 0\ntmpfs ", StringComparison.Ordinal), run.Describe());
        Assert.True(File.Exists(Path.Combine(root, "tmp", "words")) && !File.Exists(Path.Combine(root, "tmp", "x")));
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(root, "run", "deep")));
    }

    [Theory]
    [InlineData("tmp", "no absolute path")]
    [InlineData("/", "the root is what")]
    [InlineData("/a b", "cannot have colons")]
    [InlineData("/tmp:size=1m", "there is mode=")]
    [InlineData("/tmp:mode=999", "is no mode")]
    public void Run_TemporaryFolderThatIsNone_IsRefused(string folder, string problem)
    {
        ProgramRun run = Guest.Run(["--tmpfs", folder, "/bin/true"]);
        Assert.True(run.Status == 125 && run.Errors.Contains(problem, StringComparison.Ordinal), run.Describe());
    }

    /// <summary>What was read of files outside goes when memory is wanted for something else, and nobody is killed for it.</summary>
    [Fact]
    public void Run_FilesLargerThanMemory_AreReadAndLeaveRoomForPrograms()
    {
        string root = CopyRoot();
        byte[] block = new byte[1 << 20];
        using (FileStream big = File.Create(Path.Combine(root, "big")))
        {
            for (int i = 0; i < 150; i++)
            {
                new Random(i).NextBytes(block);
                big.Write(block);
            }
        }

        string sum = ProgramRun.Of(["/usr/bin/md5sum", Path.Combine(root, "big")]).Output.Split(' ')[0];
        ProgramRun run = Guest.Run(
            ["-M", "64Mi", "--rootfs-type", "9pfs", "--rootfs", root, "--", "/bin/busybox", "sh", "-c",
            "md5sum < /big; cat /big | md5sum; dd if=/dev/zero bs=45000000 count=1 2>&1 | wc -c; dd if=/dev/zero of=/dev/shm/x bs=1000000 "
            + "count=40; md5sum < /big; wc -c < /dev/shm/x"]);
        Assert.True(run.Status == 0, run.Describe());
        Assert.Equal(3, run.Output.Split(sum).Length - 1);
        Assert.EndsWith("\n40000000\n", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("killed", run.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("folder", "9pfs")]
    [InlineData("say which", "9pfs", "/bin/true")]
    [InlineData("there are initrd, 9pfs and auto", "tape", "--rootfs", "/tmp", "/bin/true")]
    [InlineData("for roots that are packed", "9pfs", "--include", "/etc/hostname", "--rootfs", "/tmp", "/bin/true")]
    public void Run_RootThatCannotBeShared_IsRefused(string problem, string type, params string[] rest)
    {
        if (rest.Length == 0)
        {
            string file = Path.Combine(_folder, "root.tar");
            File.WriteAllText(file, "");
            rest = ["--rootfs", file, "/bin/true"];
        }

        ProgramRun run = Guest.Run(["--rootfs-type", type, .. rest]);
        Assert.True(run.Status == 125 && run.Errors.Contains(problem, StringComparison.Ordinal), run.Describe());
    }

    private string CopyRoot()
    {
        string root = Path.Combine(_folder, "root");
        ProgramRun copy = ProgramRun.Of(["/bin/cp", "-a", DebianRoots.Get(["busybox-static"]), root]);
        Assert.True(copy.Status == 0, copy.Describe());
        foreach (string applet in (string[])["sh", "cat", "ls", "mkdir", "test", "head"])
        {
            File.CreateSymbolicLink(Path.Combine(root, "bin", applet), "busybox");
        }

        return root;
    }

    private static ProgramRun RunShell(string[] flags, string script) =>
        Guest.Run([.. flags, "--rootfs", DebianRoots.Get(["dash", "coreutils", "findutils"]), "--", "/bin/dash", "-c", script]);
}
