using System.IO.Compression;

namespace Semitone.Apps;

/// <summary>Root file systems that users give, and programs of the host that need more than their libraries.</summary>
public sealed class PackingTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("semitone-packing-").FullName;

    public void Dispose() => ProgramRun.Of(["/bin/rm", "-rf", _folder]);

    [Fact]
    public void Run_RootArchiveAndAllThatChangesTheProgramsSurroundings_IsAsAsked()
    {
        string program = CompiledPrograms.Get("whoami.c", ["gcc", "-O1", "-static"]);

        // Names and arguments that are no text can only be made by a shell.
        Shell($"mkdir -p r/etc r/home r/data && cp {program} r/whoami && echo top > r/secret && chmod 600 r/secret && echo x > "
            + $"\"r/data/$(printf 'n\\377')\" && ln \"r/data/$(printf 'n\\377')\" r/data/second"
            + " && printf 'root:x:0:0::/root:/bin/sh\\nuser:x:1000:1001::/home:/bin/sh\\n' > r/etc/passwd && printf "
                + "'group:x:1001:\\nmore:x:77:user\\n' > r/etc/group"
            + " && tar -C r --owner=5 --group=6 -czf root.gz . && echo VARIABLE=of-the-file > variables && echo included > in");
        string command =
            $"'{Repository.Semitone}' run --timeout 120 --rootfs root.gz --user user --workdir /new/place --hostname box --env-file "
                + $"variables --include in:/home/there /whoami --strace \"$(printf '/data/n\\377')\" /data/second /home/there";
        ProgramRun run = ProgramRun.Of(["/bin/sh", "-c", command], folder: _folder);
        Assert.Equal(
            ("uid=1000,1000 gid=1001,1001 "
                + "groups=77,\nhost=box\nfolder=/new/place\nhome=/home\nvariable=of-the-file\nargument=--strace\nargument=/data/n<ff>\n"
                    + "owner 5:6 mode 100644 size 2 links 2\n"
                + "argument=/data/second\nowner 5:6 mode 100644 size 2 links 2\nargument=/home/there\nowner 0:0 mode 100644 size 9 links "
                    + "1\nsecret -1\n",
                "",
                0),
            (run.Output, run.Errors, run.Status));
    }

    [Fact]
    public void Run_DamagedArchive_IsRefusedBeforeAnythingStarts()
    {
        Shell("mkdir r && head -c 100000 /dev/urandom > r/file && tar -C r -cf - . | gzip > root.tgz && head -c 90000 root.tgz > cut.tgz");
        ProgramRun run = ProgramRun.Of(
            ["/usr/bin/env", "SEMITONE_QEMU=/bin/false", Repository.Semitone, "run", "--rootfs", "cut.tgz", "/file"], folder: _folder);
        Assert.Equal(("", 125), (run.Output, run.Status));
        Assert.Contains(
            "cut.tgz is cut off", Assert.Single(run.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("script.py", "python3", "import json, sys, helper\nprint(json.dumps([helper.VALUE, sys.argv[1:]]))\nsys.exit(3)\n")]
    [InlineData("script.pl", "perl", "use strict; use POSIX qw(floor);\nprint floor(3.7), \" @ARGV\\n\";\nexit 3;\n")]
    [InlineData("script.rb", "ruby", "require 'json'\nputs JSON.generate(ARGV)\nexit 3\n")]
    [InlineData(
        "script.js", "node", "const part = require('./part');\nconsole.log(part.value, process.argv.slice(2));\nprocess.exit(3);\n")]
    [InlineData("script.tcl", "tclsh", "puts \"$argv [string toupper [join [lsort {b a}] {}]]\"\nexit 3\n")]
    [InlineData(
        "zones.py",
        "python3",
        "from datetime import datetime; from zoneinfo import ZoneInfo\n"
            + "print(datetime(2024, 7, 1, tzinfo=ZoneInfo('Europe/Berlin')).isoformat())\nexit(3)\n")]
    [InlineData("script.sh", "sh", "echo \"$1 $2\"\nexit 3\n")]
    public void Run_ScriptThatIsNotExecutable_DoesWhatItsInterpreterDoes(string name, string interpreter, string text)
    {
        SkipUnlessInstalled(interpreter);
        File.WriteAllText($"{_folder}/{name}", text);
        File.WriteAllText($"{_folder}/helper.py", "VALUE = 'beside it'\n");
        File.WriteAllText($"{_folder}/part.js", "exports.value = 7;\n");
        Compare([interpreter, name, "one", "two words"], [name, "one", "two words"]);
    }

    [Fact]
    public void Run_Jar_DoesWhatJavaDoes()
    {
        SkipUnlessInstalled("javac");
        File.WriteAllText(
            $"{_folder}/App.java",
            "public class App { public static void main(String[] a) { System.out.println(String.join(\"|\", a)); System.exit(a.length); } "
                + "}\n");
        Shell("javac App.java");
        using (ZipArchive jar = ZipFile.Open($"{_folder}/App.jar", ZipArchiveMode.Create))
        {
            using (Stream manifest = jar.CreateEntry("META-INF/MANIFEST.MF").Open())
            {
                manifest.Write("Manifest-Version: 1.0\nMain-Class: App\n"u8);
            }

            jar.CreateEntryFromFile($"{_folder}/App.class", "App.class");
        }

        Compare(["java", "-jar", "App.jar", "one", "two words"], ["App.jar", "one", "two words"]);
    }

    [Fact]
    public void Run_Assembly_DoesWhatDotNetDoes()
    {
        // Without a project, which would take longer than the machine.
        File.WriteAllText($"{_folder}/app.cs", "System.Console.WriteLine(string.Join('|', args)); return args.Length;\n");
        Shell("root=$(dirname \"$(readlink -f \"$(command -v dotnet)\")\") && core=$(ls -d \"$root\"/shared/Microsoft.NETCore.App/10.*/ | "
            + "tail -n 1) && compiler=$(ls \"$root\"/sdk/10.*/Roslyn/bincore/csc.dll | tail -n 1)"
            + " && dotnet \"$compiler\" -nologo -out:app.dll -r:\"$core/System.Private.CoreLib.dll\" -r:\"$core/System.Runtime.dll\" "
                + "-r:\"$core/System.Console.dll\" app.cs");
        File.WriteAllText(
            $"{_folder}/app.runtimeconfig.json",
            """{"runtimeOptions":{"framework":{"name":"Microsoft.NETCore.App","version":"10.0.0"}}}""");
        Compare(["dotnet", "app.dll", "one", "two words"], ["app.dll", "one", "two words"]);
    }

    [Fact]
    public void Run_Verbose_SaysWhatIsPackedAndWhy()
    {
        SkipUnlessInstalled("perl");
        ProgramRun run = ProgramRun.Of([Repository.Semitone, "run", "--dry-run", "--verbose", "perl", "-e", "1"]);
        Assert.Equal(0, run.Status);
        Assert.Matches(@"(?m)^semitone: packed perl: \d+ files, [\d.]+ [KM]iB: @INC: /", run.Errors);
        Assert.Matches(@"(?m)^semitone: packed in all: \d+ files, [\d.]+ [KM]iB$", run.Errors);
    }

    private static void SkipUnlessInstalled(string command) =>
        Assert.SkipUnless(
            (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, command))),
            $"{command} is not installed");

    private void Compare(string[] native, string[] guest)
    {
        ProgramRun expected = ProgramRun.Of(native, folder: _folder);
        ProgramRun actual = ProgramRun.Of([Repository.Semitone, "run", "--quiet", "--timeout", "150", .. guest], folder: _folder);
        Assert.True(expected.Output == actual.Output
            && expected.Status == actual.Status
            && actual.Errors.Length == 0, $"natively: {expected.Describe()}\nin the machine: {actual.Describe()}");
    }

    private void Shell(string script)
    {
        ProgramRun run = ProgramRun.Of(["/bin/sh", "-ec", script], folder: _folder);
        Assert.True(run.Status == 0, run.Describe());
    }
}
