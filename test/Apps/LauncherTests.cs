namespace Semitone.Apps;

/// <summary>
/// What ./semitone itself does: in a tree of its own, with doubles of the tools that it calls, which write down how they were called.
/// </summary>
public sealed class LauncherTests : IDisposable
{
    private const UnixFileMode Executable = (UnixFileMode)0x1ED;

    private readonly string _root = Directory.CreateTempSubdirectory("semitone-launcher-").FullName;

    public LauncherTests()
    {
        Write("tree/global.json", """{ "sdk": { "version": "10.0.100" } }""");
        foreach (string file in (string[])["Directory.Build.props", "Directory.Packages.props", "src/Directory.Build.props"])
        {
            Write($"tree/{file}", "<Project />");
        }

        foreach (string project in (string[])["Abi", "BootParameters", "Cli", "Cpio", "Elf", "HostLink", "Kernel"])
        {
            Write($"tree/src/{project}/Code.cs", "// code");
        }

        File.Copy(Path.Combine(Repository.Root, "semitone"), $"{_root}/tree/semitone");
        foreach (string tool in (string[])[
            "qemu-system-x86_64", "clang", "ld.lld", "objcopy", "setpriv", "apt-get", "apt-cache", "dpkg-deb", "gcc"
        ])
        {
            WriteTool(tool, $"echo {tool} >>'{_root}/calls'");
        }

        WriteTool("dotnet", $"""
            echo "dotnet $*" >>'{_root}/calls'
            [ "$1" != publish ] || [ ! -e '{_root}/fail' ] || exit 1
            [ ! -e '{_root}/edit' ] || echo '// more' >>src/Abi/Code.cs
            case "$*" in
                *src/Cli/*) printf '#!/bin/sh\necho "command: $*"\n' >out/semitone; chmod +x out/semitone ;;
                *src/Kernel/*) echo image >out/semitone_qemu-x86_64 ;;
            esac
            """);
    }

    private string Calls => File.Exists($"{_root}/calls") ? File.ReadAllText($"{_root}/calls") : "";

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData("run", "prog")]
    [InlineData("version", "")]
    [InlineData("bench", "--help")]
    public void AnyCommand_NothingChanged_CallsNoTool(string command, string argument)
    {
        Launch("version");
        Launch("version"); // the first build has left its folders
        File.Delete($"{_root}/calls");
        Assert.Equal(
            ($"command: {command} {argument}".TrimEnd(), 0), Launch([command, .. argument.Length > 0 ? (string[])[argument] : []]));
        Assert.Equal("", Calls);
    }

    [Theory]
    [InlineData("Cli", true, false)]
    [InlineData("Kernel", false, true)]
    [InlineData("Abi", true, true)]
    public void AnyCommand_SourceChangedOrCameOrWent_BuildsWhatIsMadeOfIt(string project, bool buildsCommand, bool buildsKernel)
    {
        Launch("version");
        string folder = $"{_root}/tree/src/{project}";
        foreach (Action change in (Action[])
            [
                () => File.AppendAllText($"{folder}/Code.cs", "// more"),
                () => File.WriteAllText($"{folder}/New.cs", "// new"),
                () => File.Move($"{folder}/New.cs", $"{folder}/Newer.cs"),
                () => File.Delete($"{folder}/Newer.cs"),
            ])
        {
            change();
            File.Delete($"{_root}/calls");
            Assert.Equal(("command: run prog", 0), Launch("run", "prog"));
            Assert.Equal((buildsCommand, buildsKernel), (Calls.Contains("publish", StringComparison.Ordinal)
                && Calls.Contains("src/Cli/", StringComparison.Ordinal), Calls.Contains("src/Kernel/", StringComparison.Ordinal)));
        }
    }

    [Fact]
    public void AnyCommand_SourceChangedWhileItWasBuilt_BuildsAgain()
    {
        File.WriteAllText($"{_root}/edit", "");
        Launch("version");
        File.Delete($"{_root}/edit");
        File.Delete($"{_root}/calls");
        Launch("version");
        Assert.Contains("src/Cli/", Calls, StringComparison.Ordinal);
        File.Delete($"{_root}/calls");
        Launch("version");
        Launch("version");
        Assert.DoesNotContain("src/Cli/", Calls, StringComparison.Ordinal);
    }

    /// <summary>A full disk, say: what is there may be half of it.</summary>
    [Fact]
    public void AnyCommand_BuildFailed_DoesNotTakeWhatItLeft()
    {
        Launch("version");
        string code = $"{_root}/tree/src/Abi/Code.cs";
        DateTime time = File.GetLastWriteTimeUtc(code);
        File.WriteAllText(code, "// CODE");
        File.WriteAllText($"{_root}/fail", "");
        Assert.Equal(122, Launch("version").Status);

        // Back to what it was, to the time of its change.
        File.Delete($"{_root}/fail");
        File.WriteAllText(code, "// code");
        File.SetLastWriteTimeUtc(code, time);
        File.Delete($"{_root}/calls");
        Assert.Equal(("command: version", 0), Launch("version"));
        Assert.Contains("src/Cli/", Calls, StringComparison.Ordinal);
    }

    [Fact]
    public void BenchHelp_FreshTree_DownloadsAndCompilesNothing()
    {
        Assert.Equal(("command: bench --help", 0), Launch("bench", "--help"));
        Assert.DoesNotContain("apt", Calls, StringComparison.Ordinal);
        Assert.DoesNotContain("gcc", Calls, StringComparison.Ordinal);
        Assert.False(Directory.Exists($"{_root}/tree/out/bench"));
    }

    [Theory]
    [InlineData("/nonexistent/home")]
    [InlineData("/proc/version")]
    [InlineData("")]
    public void Setup_HomeThatCannotBeUsed_SaysSo(string home)
    {
        ProgramRun run = Run(home, ["setup"]);
        Assert.Equal(122, run.Status);
        Assert.Contains("HOME", run.Errors, StringComparison.Ordinal);
        Assert.Contains(home.Length > 0 ? home : "not set", run.Errors, StringComparison.Ordinal);
        Assert.Equal("", Calls);
    }

    private (string Output, int Status) Launch(params string[] arguments)
    {
        ProgramRun run = Run(_root, arguments);
        return (run.Output.TrimEnd(), run.Status);
    }

    private ProgramRun Run(string home, string[] arguments) =>
        ProgramRun.Of(
            [$"{_root}/tree/semitone", .. arguments], environment: [$"PATH={_root}/tools:/usr/local/bin:/usr/bin:/bin", $"HOME={home}"]);

    private void Write(string file, string text)
    {
        string path = Path.Combine(_root, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }

    private void WriteTool(string name, string script)
    {
        Write($"tools/{name}", $"#!/bin/sh\n{script}\n");
        File.SetUnixFileMode(Path.Combine(_root, "tools", name), Executable);
    }
}
