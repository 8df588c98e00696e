using System.IO.Compression;
using System.Text;
using Semitone.Cli;
using Semitone.Cli.Libraries;
using Semitone.Cli.Packing;
using Semitone.Cli.Posix;

namespace Semitone.Unit.Cli.Rules;

/// <summary>What is packed besides libraries, with runtimes that are made up of files.</summary>
public sealed class PackingRuleTests : IDisposable
{
    private readonly TemporaryTree _tree = new();
    private readonly MemoryStream _archive = new();
    private readonly RootFileSystemWriter _writer;
    private readonly PackingReport _report;

    public PackingRuleTests()
    {
        _writer = new RootFileSystemWriter(_archive);
        _report = new PackingReport(_writer);
    }

    public void Dispose() => _tree.Dispose();

    [Fact]
    public void Pack_Python_TakesItsStandardLibraryAndWhatIsImported()
    {
        AddProgram("/usr/bin/python3.11").Link("/usr/bin/python3", "python3.11").Add("/usr/lib/python3.11/os.py", "").Add(
            "/usr/lib/python3.11/json/__init__.py", "")
            .Add("/usr/lib/python3.11/test/test_os.py", "").Add("/usr/lib/python3.11/config-3.11-x/libpython.a", "")
            .Add("/etc/python3.11/sitecustomize.py", "")
            .Link("/usr/lib/python3.11/sitecustomize.py", "../../../etc/python3.11/sitecustomize.py")
            .Add("/usr/lib/python3/dist-packages/wanted/__init__.py", "from  deeper import x\nimport os, third.part as t; import fourth")
            .Add("/usr/lib/python3/dist-packages/deeper.py", "").Add("/usr/lib/python3/dist-packages/third/part.py", "")
            .Add("/usr/lib/python3/dist-packages/fourth.cpython-311-x86_64-linux-gnu.so", "")
            .Add("/usr/lib/python3/dist-packages/unwanted/__init__.py", "").Add("/project/helper.py", "").Add("/project/other.py", "")
            .Add("/project/script.py", $"#!{_tree.Root}/usr/bin/python3\nimport wanted\nimport helper\n");
        PackedCommand command = Pack(_tree["/project/script.py"]);
        Assert.Equal([_tree["/project/script.py"]], command.Command);
        HashSet<string> names = Names();
        AssertPacked([
                "usr/bin/python3", "usr/bin/python3.11", "usr/lib/python3.11/os.py", "usr/lib/python3.11/json/__init__.py",
                "etc/python3.11/sitecustomize.py", "usr/lib/python3/dist-packages/wanted/__init__.py",
                "usr/lib/python3/dist-packages/deeper.py", "usr/lib/python3/dist-packages/third/part.py",
                "usr/lib/python3/dist-packages/fourth.cpython-311-x86_64-linux-gnu.so", "project/helper.py", "project/script.py",
            ], names);
        foreach (string left in (string[])[
            "usr/lib/python3.11/test", "usr/lib/python3.11/config-3.11-x", "usr/lib/python3/dist-packages/unwanted", "work/other.py"
        ])
        {
            Assert.DoesNotContain(left, names);
        }

        Assert.Contains(_report.Describe(isVerbose: true), line => line.StartsWith("packed python: ", StringComparison.Ordinal)
            && line.Contains(", and 5 modules", StringComparison.Ordinal));
    }

    [Fact]
    public void Pack_VirtualEnvironment_TakesTheLibraryOfItsHome()
    {
        AddProgram("/opt/bin/python3.12").Add("/opt/lib/python3.12/os.py", "").Link("/venv/bin/python3", _tree["/opt/bin/python3.12"])
            .Add("/venv/pyvenv.cfg", $"include-system-site-packages = false\nhome = {_tree.Root}/opt/bin\n")
            .Add("/venv/lib/python3.12/site-packages/mod.py", "");
        Pack(_tree["/venv/bin/python3"], "-c", "import mod");
        AssertPacked(
            ["venv/bin/python3", "venv/pyvenv.cfg", "opt/lib/python3.12/os.py", "venv/lib/python3.12/site-packages/mod.py"], Names());
    }

    [Fact]
    public void Pack_Perl_TakesTheFoldersThatAreCompiledIn()
    {
        string own = _tree["/usr/lib/perl-base"];
        string vendor = _tree["/usr/share/perl5"];
        _tree.Add(
            "/usr/bin/perl",
            [.. new SyntheticElf().Build(), .. Encoding.ASCII.GetBytes($"\0{own}\0{vendor}\0/etc/perl-is-not-there\0")])
            .Add("/usr/lib/perl-base/strict.pm", "").Add("/usr/lib/perl-base/auto/POSIX/POSIX.so", "")
            .Add("/usr/share/perl5/Used/Module.pm", "use Used::Other;").Add("/usr/share/perl5/Used/Other.pm", "")
            .Add("/usr/share/perl5/Unused.pm", "")
            .Add("/s/script.pl", $"#!{_tree.Root}/usr/bin/perl -w\nuse strict;\nuse Used::Module qw(x);\n");
        Pack(_tree["/s/script.pl"]);
        HashSet<string> names = Names();
        AssertPacked([
            "usr/lib/perl-base/strict.pm", "usr/lib/perl-base/auto/POSIX/POSIX.so", "usr/share/perl5/Used/Module.pm",
            "usr/share/perl5/Used/Other.pm"
        ], names);
        Assert.DoesNotContain("usr/share/perl5/Unused.pm", names);
    }

    [Fact]
    public void Pack_PerlScriptWithFoldersOfItsOwn_TakesTheModulesFromThere()
    {
        string own = _tree["/usr/lib/perl-base"];
        _tree.Add("/usr/bin/perl", [.. new SyntheticElf().Build(), .. Encoding.ASCII.GetBytes($"\0{own}\0")])
            .Add("/usr/lib/perl-base/strict.pm", "")
                .Add(
                    "/s/bin/script.pl",
                    $"#!{_tree.Root}/usr/bin/perl\nuse strict; use FindBin; use lib \"$FindBin::Bin/../parts\", '{_tree["/two"]}'; use "
                        + $"lib qw({_tree["/three"]} /nowhere); use One; {{ require Two; }}\nuse Three;\n")
                .Add("/s/parts/One.pm", "").Add("/two/Two.pm", "").Add("/three/Three.pm", "use Four;").Add("/four/Four.pm", "");
        Pack(_tree["/s/bin/script.pl"], $"-I{_tree["/four"]}");
        AssertPacked(["s/parts/One.pm", "two/Two.pm", "three/Three.pm", "four/Four.pm"], Names());
    }

    /// <summary>Python takes C.UTF-8 by itself where nothing is said; where something is said that counts.</summary>
    [Theory]
    [InlineData("python3", "", true)]
    [InlineData("python3", "LANG=C", false)]
    [InlineData("prog", "", false)]
    [InlineData("prog", "LC_ALL=C.UTF-8", true)]
    public void Pack_ProgramThatHasLocales_TakesTheOneThatItWillUse(string name, string variable, bool isTaken)
    {
        const string Folder = "/usr/lib/locale/C.utf8";
        Assert.SkipUnless(Directory.Exists(Folder), $"there is no {Folder}");
        _tree.Add($"/bin/{name}", [.. new SyntheticElf().Build(), .. "\0setlocale\0"u8]);
        PackedCommand command = new ProgramPacker(_writer, _report).Pack(_tree[$"/bin/{name}"], [], variable.Length > 0 ? [variable] : []);
        Assert.Equal(isTaken, AllNames().Contains(Folder[1..]));
        Assert.DoesNotContain(command.Environment, entry => entry.StartsWith("LC_", StringComparison.Ordinal));
    }

    [Fact]
    public void Pack_NamesThatLeadToNoProgram_AreToldApart()
    {
        _tree.Add("/s/windows", $"#!{_tree.Root}/bin/sh\r\necho\r\n").Add("/s/text", "echo\n").Link("/s/loop", "loop");
        foreach (string file in (string[])["/s/windows", "/s/text"])
        {
            File.SetUnixFileMode(_tree[file], (UnixFileMode)0x1ED);
        }

        AssertRefused("/s/windows", ExitStatus.NotFound, "/bin/sh^M");
        AssertRefused("/s/text", ExitStatus.CannotRun, "nor a script");
        AssertRefused("/s", ExitStatus.CannotRun, "not a file");
        AssertRefused("/s/loop", ExitStatus.NotFound, "leads nowhere");
        AssertRefused("/s/none", ExitStatus.NotFound, "not found");

        void AssertRefused(string path, int status, string words)
        {
            CommandFailedException failure = Assert.Throws<CommandFailedException>(() => Pack(_tree[path]));
            Assert.Equal(status, failure.Status);
            Assert.Contains(words, failure.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Pack_Ruby_TakesTheFoldersThatItsConfigurationNames()
    {
        AddProgram("/usr/bin/ruby3.1").Link("/usr/bin/ruby", "ruby3.1")
            .Add("/usr/lib/x86_64-linux-gnu/ruby/3.1.0/rbconfig.rb", """
                  CONFIG["prefix"] = (TOPDIR || DESTDIR + "/wrong")
                  CONFIG["ruby_version"] = "3.1.0"
                  CONFIG["libdir"] = "$(exec_prefix)/lib/x86_64-linux-gnu"
                  CONFIG["rubylibprefix"] = "$(prefix)/lib/ruby"
                  CONFIG["rubylibdir"] = "$(rubylibprefix)/$(ruby_version)"
                  CONFIG["rubyarchdir"] = "$(libdir)/ruby/$(ruby_version)"
                """)
            .Add("/usr/lib/ruby/3.1.0/json.rb", "").Add("/usr/lib/ruby/gems/3.1.0/specifications/default/x.gemspec", "")
            .Add("/s/lib/part.rb", "").Add("/s/script.rb", $"#!{_tree.Root}/usr/bin/ruby\nrequire_relative 'lib/part'\n");
        Pack(_tree["/s/script.rb"]);
        AssertPacked([
            "usr/lib/ruby/3.1.0/json.rb", "usr/lib/x86_64-linux-gnu/ruby/3.1.0/rbconfig.rb",
            "usr/lib/ruby/gems/3.1.0/specifications/default/x.gemspec", "s/lib/part.rb"
        ], Names());
    }

    [Fact]
    public void Pack_Java_TakesTheRuntimeAndTheClassPathOfTheJar()
    {
        AddProgram("/jdk/bin/java").Add("/jdk/lib/modules", "").Add("/jdk/lib/src.zip", "")
            .Add("/jdk/lib/server/libjvm.so", new SyntheticElf()).Add("/jdk/conf/security/java.security", "").Add("/jdk/release", "")
            .Add("/jdk/jmods/x.jmod", "")
                .Add("/app/lib/dep.jar", "").Add("/app/second.jar", "");
        using (ZipArchive jar = new(File.Create(_tree["/app/App.jar"]), ZipArchiveMode.Create))
        {
            using Stream manifest = jar.CreateEntry("META-INF/MANIFEST.MF").Open();
            manifest.Write("Main-Class: App\r\nClass-Path: lib/dep.jar sec\r\n ond.jar http://x/\r\n"u8);
        }

        PackedCommand command = Pack(_tree["/jdk/bin/java"], "-jar", _tree["/app/App.jar"]);
        Assert.True(command.MemoryBytes > 128 << 20);
        HashSet<string> names = Names();
        AssertPacked([
            "jdk/lib/modules", "jdk/lib/server/libjvm.so", "jdk/conf/security/java.security", "jdk/release", "app/App.jar",
            "app/lib/dep.jar", "app/second.jar"
        ], names);
        Assert.DoesNotContain("jdk/lib/src.zip", names);
        Assert.DoesNotContain("jdk/jmods", names);
    }

    [Fact]
    public void Pack_Node_TakesWhatIsRequired()
    {
        AddProgram("/usr/bin/node")
            .Add("/app/node_modules/dep/package.json", """{"dependencies":{"@s/deeper":"1"}}""")
            .Add("/app/node_modules/dep/index.js", "")
            .Add("/app/node_modules/@s/deeper/main.js", "")
                .Add("/app/node_modules/unused/index.js", "").Add("/app/package.json", "{}").Add("/app/src/part/index.js", "")
                .Add("/app/src/data.json", "{}")
                .Add(
                    "/app/src/main.mjs",
                    $"#!{_tree.Root}/usr/bin/node\nimport x from 'dep/sub';\nimport './part';\nconst d = require(\"./data.json\"); "
                        + $"require('fs');");
        Pack(_tree["/app/src/main.mjs"]);
        HashSet<string> names = Names();
        AssertPacked([
            "app/node_modules/dep/index.js", "app/node_modules/@s/deeper/main.js", "app/package.json", "app/src/part/index.js",
            "app/src/data.json"
        ], names);
        Assert.DoesNotContain("app/node_modules/unused", names);
    }

    [Fact]
    public void Pack_DotNet_TakesTheHostAndTheFrameworksThatTheApplicationNames()
    {
        AddProgram("/dotnet/dotnet").Add("/dotnet/host/fxr/9.0.1/libhostfxr.so", "").Add("/dotnet/host/fxr/10.0.2/libhostfxr.so", "");
        foreach (string version in (string[])["9.0.1", "10.0.2", "10.0.10", "11.0.0"])
        {
            _tree.Add($"/dotnet/shared/Microsoft.NETCore.App/{version}/libcoreclr.so", "").Add(
                $"/dotnet/shared/Microsoft.NETCore.App/{version}/Microsoft.NETCore.App.runtimeconfig.json", "{}");
        }

        _tree.Add(
            "/dotnet/shared/Web/10.0.1/Web.runtimeconfig.json",
            """{"runtimeOptions":{"framework":{"name":"Microsoft.NETCore.App","version":"10.0.1"}}}""")
            .Add("/dotnet/sdk/10.0.100/dotnet.dll", "")
                .Add("/app/App.dll", "MZ").Add(
                    "/app/App.runtimeconfig.json",
                    """{"runtimeOptions":{"frameworks":["""
                        + """{"name":"Web","version":"10.0.0"}],"configProperties":{"System.Globalization.Invariant":true}}}""")
                .Add("/app/Dependency.dll", "MZ").Add("/app/App.pdb", "");
        Pack(_tree["/dotnet/dotnet"], _tree["/app/App.dll"]);
        HashSet<string> names = Names();
        AssertPacked([
            "dotnet/host/fxr/10.0.2/libhostfxr.so", "dotnet/shared/Web/10.0.1/Web.runtimeconfig.json",
            "dotnet/shared/Microsoft.NETCore.App/10.0.10/libcoreclr.so", "app/App.dll", "app/Dependency.dll"
        ], names);
        foreach (string left in (string[])[
            "dotnet/host/fxr/9.0.1", "dotnet/shared/Microsoft.NETCore.App/9.0.1", "dotnet/shared/Microsoft.NETCore.App/11.0.0",
            "dotnet/sdk", "app/App.pdb"
        ])
        {
            Assert.DoesNotContain(left, names);
        }
    }

    [Fact]
    public void Pack_ScriptThatIsNotExecutable_IsGivenToItsInterpreter()
    {
        AddProgram("/usr/bin/tool").Add("/s/script", $"#!{_tree.Root}/usr/bin/tool -x\n");
        File.SetUnixFileMode(_tree["/s/script"], UnixFileMode.UserRead);
        Assert.Equal([_tree["/usr/bin/tool"], "-x", _tree["/s/script"], "argument"], Pack(_tree["/s/script"], "argument").Command);
        Assert.Contains("s/script", Names());
    }

    [Fact]
    public void Pack_FileOfNoKnownKindThatIsNotExecutable_IsRefused()
    {
        _tree.Add("/data.txt", "text");
        File.SetUnixFileMode(_tree["/data.txt"], UnixFileMode.UserRead);
        Assert.Equal(ExitStatus.CannotRun, Assert.Throws<CommandFailedException>(() => Pack(_tree["/data.txt"])).Status);
    }

    [Fact]
    public void Pack_StaticProgram_BringsNothingButItself()
    {
        AddProgram("/bin/prog");
        Pack(_tree["/bin/prog"]);
        Assert.Equal(["bin/prog"], Names().Where(name => name.StartsWith("bin/", StringComparison.Ordinal)));
        string path = _tree.Root[1..] + "/bin/prog";
        Assert.DoesNotContain(AllNames(), name => !path.StartsWith(name, StringComparison.Ordinal));
    }

    [Fact]
    public void Pack_ProgramThatAsksForUsers_BringsTheirFiles()
    {
        _tree.Add("/bin/prog", [.. new SyntheticElf().Build(), .. "\0getpwuid\0"u8]);
        Pack(_tree["/bin/prog"]);
        AssertPacked(["etc/passwd", "etc/group"], AllNames());
    }

    [Theory]
    [InlineData("time.LoadLocation", true)]
    [InlineData("time.LoadLocationFromTZData", false)]
    public void Pack_ProgramThatAsksForTimeZonesByName_BringsThemAll(string function, bool brings)
    {
        const string Database = "/usr/share/zoneinfo";
        Assert.SkipUnless(Directory.Exists(Database), "tzdata is not installed");
        _tree.Add("/bin/prog", [.. new SyntheticElf().Build(), 0, .. Encoding.ASCII.GetBytes(function), 0]);
        Pack(_tree["/bin/prog"]);
        Assert.Equal(brings, AllNames().Contains($"{Database[1..]}/UTC"));
    }

    [Fact]
    public void DlopenNote_RequiredAndRecommended_AreNamed()
    {
        byte[] json =
            ("""[{"soname":["libfoo.so.1","libfoo.so.0"],"priority":"required"},"""u8
                + """{"soname":["libbar.so"],"priority":"suggested"},{"soname":["libbaz.so"]}]"""u8).ToArray();
        byte[] note = [4, 0, 0, 0, (byte)(json.Length + 1), 0, 0, 0, 0x0A, 0x0C, 0x7C, 0x40, .. "FDO\0"u8, .. json, 0];
        byte[] other = [4, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, .. "GNU\0"u8, 1, 2, 3, 0];
        List<string> names = [];
        DlopenNote.Add([.. other, .. note], 4, names);
        Assert.Equal(["libfoo.so.1", "libfoo.so.0", "libbaz.so"], names);
        for (int length = 0; length < note.Length; length++)
        {
            DlopenNote.Add(note.AsSpan(0, length), 4, []);
        }
    }

    [Fact]
    public void VersionShim_Script_StandsForTheProgramOfTheVersion()
    {
        _tree.Add("/env/shims/python3", "#!/usr/bin/env bash\nexec \"/env/libexec/pyenv\" exec \"$program\" \"$@\"\n")
            .Add("/env/version", "3.9.1\n3.11.7\n")
            .Add("/env/versions/3.11.7/bin/python3", "");
        Assert.Equal(_tree["/env/versions/3.11.7/bin/python3"], VersionShim.Resolve(_tree["/env/shims/python3"]));
        Assert.Equal("/usr/bin/python3", VersionShim.Resolve("/usr/bin/python3"));
    }

    private static void AssertPacked(string[] wanted, HashSet<string> names) => Assert.Empty(wanted.Except(names));

    private TemporaryTree AddProgram(string path) => _tree.Add(path, new SyntheticElf());

    private PackedCommand Pack(string name, params string[] arguments) => new ProgramPacker(_writer, _report).Pack(name, arguments, []);

    /// <summary>The names that are packed below the tree, without its own path.</summary>
    private HashSet<string> Names() => [.. AllNames()
        .Where(name => name.StartsWith(_tree.Root[1..] + "/", StringComparison.Ordinal))
        .Select(name => name[_tree.Root.Length..])];

    private HashSet<string> AllNames()
    {
        _writer.Finish();
        Semitone.Cpio.CpioReader reader = new(new Semitone.Cpio.CpioArray(_archive.ToArray()));
        HashSet<string> names = [];
        while (reader.Read(out _, out ReadOnlySpan<byte> name) == Semitone.Cpio.CpioReadResult.Entry)
        {
            names.Add(HostText.FromBytes(name));
        }

        return names;
    }
}
