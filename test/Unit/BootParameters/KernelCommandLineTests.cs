using System.Text;
using CsCheck;
using Semitone.BootParameters;

namespace Semitone.Unit.BootParameters;

public class KernelCommandLineTests
{
    [Theory]
    [InlineData("", "", "")]
    [InlineData("kernel", "kernel", "")]
    [InlineData("kernel /bin/echo hello", "kernel", "/bin/echo|hello")]
    [InlineData("kernel strace=1 /bin/echo", "kernel", "strace=1|/bin/echo")]
    [InlineData("kernel -- /bin/echo hello", "kernel", "/bin/echo|hello")]
    [InlineData("kernel --", "kernel", "")]
    [InlineData("kernel -- /bin/sh -- x", "kernel", "/bin/sh|--|x")]
    [InlineData("kernel /bin/sh \"--\" x", "kernel", "/bin/sh|--|x")]
    [InlineData("-- /prog", "", "/prog")]
    [InlineData("  kernel\t--\n /prog  ", "kernel", "/prog")]
    [InlineData("kernel -- 'a b' \"c d\" e\\ f \"g\\\"h\" 'i\\j' k\\l \"m\\n\"", "kernel", "a b|c d|e f|g\"h|i\\j|k\\l|m\\n")]
    [InlineData("kernel -- a\"b c\"'d e'f \"\" ''", "kernel", "ab cd ef||")]
    [InlineData("kernel -- end\\", "kernel", "end\\")]
    public void Parse_SplitsAsAShellDoes(string line, string kernelName, string arguments)
    {
        BootOptions options = Parse(line);

        Assert.Equal(kernelName, Text(options.KernelName));
        Assert.Equal(arguments, string.Join('|', options.ProgramArguments.Select(Text)));
        Assert.Empty(options.Warnings);
    }

    [Theory]
    [InlineData("env.vars=[ A=1 B=\"x y\" ]", "A=1|B=x y")]
    [InlineData("env.vars=[ \"HOME=/\" \"PATH=/bin\" ]", "HOME=/|PATH=/bin")]
    [InlineData("env.vars=[A=1 B=2]", "A=1|B=2")]
    [InlineData("env.vars=[]", "")]
    [InlineData("env.vars=[ ]", "")]
    [InlineData("env.vars=[ A=[x] B=] ]", "A=[x]|B=]")]
    [InlineData("env.vars=[ A=1 ] env.vars=[ B=2 ]", "A=1|B=2")]
    [InlineData("env.vars=A=1 env.vars=B=2", "A=1|B=2")]
    [InlineData("env.vars='[' env.vars=\"[ x ]\"", "[|[ x ]")]
    public void Parse_EnvironmentList_GivesItsElements(string parameters, string expected)
    {
        BootOptions options = Parse("kernel " + parameters + " -- /prog");

        Assert.Equal(expected, string.Join('|', options.Environment.Select(Text)));
        Assert.Equal(["/prog"], options.ProgramArguments.Select(Text));
        Assert.Empty(options.Warnings);
    }

    [Theory]
    [InlineData("strace", true)]
    [InlineData("strace=1", true)]
    [InlineData("strace=true", true)]
    [InlineData("strace=on", true)]
    [InlineData("strace=yes", true)]
    [InlineData("strace=0x10", true)]
    [InlineData("strace=0", false)]
    [InlineData("strace=off", false)]
    [InlineData("strace=no", false)]
    [InlineData("strace=false", false)]
    [InlineData("strace=1 strace=0", false)]
    public void Parse_Switch_TakesEverySpelling(string parameter, bool expected)
    {
        BootOptions options = Parse("kernel " + parameter + " -- /prog");

        Assert.Equal(expected, options.Strace);
        Assert.Empty(options.Warnings);
    }

    [Theory]
    [InlineData("strace=maybe", "BadValue:strace=maybe")]
    [InlineData("strace=", "BadValue:strace=")]
    [InlineData("strace=[ 1 ]", "BadValue:1")]
    [InlineData("console.rows=65536", "BadValue:console.rows=65536")]
    [InlineData("console.rows=-1", "BadValue:console.rows=-1")]
    [InlineData("console.stdin=printer", "BadValue:console.stdin=printer")]
    [InlineData("vfs.fstab=[ nonsense ]", "BadValue:nonsense")]
    [InlineData("env.vars", "BadValue:env.vars")]
    [InlineData("virtio_mmio.device=", "BadValue:virtio_mmio.device=")]
    [InlineData("virtio_mmio.device=4K@0xc0001000", "BadValue:virtio_mmio.device=4K@0xc0001000")]
    [InlineData("virtio_mmio.device=4K@0xc0001000:0", "BadValue:virtio_mmio.device=4K@0xc0001000:0")]
    [InlineData("virtio_mmio.device=4K@0xc0001000:240", "BadValue:virtio_mmio.device=4K@0xc0001000:240")]
    [InlineData("virtio_mmio.device=4K@0xc0001000:5:x", "BadValue:virtio_mmio.device=4K@0xc0001000:5:x")]
    [InlineData("virtio_mmio.device=4T@1:5", "BadValue:virtio_mmio.device=4T@1:5")]
    [InlineData("virtio_mmio.device=99999999999G@1:5", "BadValue:virtio_mmio.device=99999999999G@1:5")]
    [InlineData("virtio_mmio.device=K@1:5", "BadValue:virtio_mmio.device=K@1:5")]
    [InlineData("netdev.mac=1", "UnknownParameter:netdev.mac")]
    [InlineData("x.y=[ 1 2 3 ]", "UnknownParameter:x.y")]
    [InlineData("strace =1", "UnknownParameter:")]
    [InlineData("env.vars=[ A=1", "Unterminated:env.vars")]
    public void Parse_WhatIsNotUnderstood_IsNamedAndPassedOver(string parameter, string expected)
    {
        BootOptions options = Parse("kernel " + parameter + " -- /prog");

        Assert.Equal([expected], options.Warnings.Select(warning => warning.Kind + ":" + Text(warning.Text)));
        Assert.Equal(["/prog"], options.ProgramArguments.Select(Text));
    }

    [Fact]
    public void Parse_QuoteThatNothingCloses_IsNamed()
    {
        BootOptions options = Parse("kernel -- /prog 'a b");

        Assert.Equal(["/prog", "a b"], options.ProgramArguments.Select(Text));
        BootWarning warning = Assert.Single(options.Warnings);
        Assert.Equal(BootWarningKind.Unterminated, warning.Kind);
        Assert.Contains("a b", warning.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_Mounts_GivesTheirFields()
    {
        BootOptions options =
            Parse("kernel vfs.fstab=[ \"initrd0:/:extract:::\" \"fs1:/mnt:9pfs:0x1:msize=8192:mkmp,ifinitrd0\" \":/dev:devfs\" ] -- /prog");

        Assert.Empty(options.Warnings);
        Assert.Equal(["initrd0 / extract 0 ", "fs1 /mnt 9pfs 1 msize=8192", " /dev devfs 0 "], options.Mounts.Select(entry =>
            $"{Text(entry.Device)} {Text(entry.Path)} {Text(entry.Type)} {entry.Flags} {Text(entry.Options)}"));
        Assert.True(options.Mounts[1].MakePath);
        Assert.True(options.Mounts[1].OnlyIfInitrd);
        Assert.False(options.Mounts[1].OnlyIfNoInitrd);
        Assert.False(options.Mounts[0].MakePath);
    }

    /// <summary>As Firecracker and QEMU write them.</summary>
    [Fact]
    public void Parse_DeviceWindows_GivesAll()
    {
        BootOptions options = Parse(
            "kernel virtio_mmio.device=4K@0xc0001000:5 virtio_mmio.device=512@0xfeb00e00:12 virtio_mmio.device=1M@4096:7:3 -- /prog");

        Assert.Empty(options.Warnings);
        Assert.Equal(
            [new DeviceWindow(0xC000_1000, 4096, 5), new DeviceWindow(0xFEB0_0E00, 512, 12), new DeviceWindow(4096, 1 << 20, 7)],
            options.DeviceWindows);
    }

    [Fact]
    public void Parse_Console_SetsAll()
    {
        BootOptions options =
            Parse("kernel console.stdin=null console.stdout=pipe console.stderr=tty console.columns=80 console.rows=25 host.link=on "
                + "stats=on random.aslr=off -- /prog");

        Assert.Empty(options.Warnings);
        Assert.Equal(
            (StandardStream.Null, StandardStream.Pipe, StandardStream.Tty),
            (options.StandardInput, options.StandardOutput, options.StandardError));
        Assert.Equal((80, 25), (options.Columns, options.Rows));
        Assert.True(options.HostLink);
        Assert.True(options.Stats);
        Assert.False(options.RandomizeAddresses);
    }

    [Fact]
    public void Parse_Program_SetsUserFolderAndName()
    {
        BootOptions options = Parse("kernel program.user=1000:50:4:27 program.workdir='/a b' system.hostname=box -- /prog");

        Assert.Empty(options.Warnings);
        Assert.Equal((1000u, 50u), (options.User!.UserId, options.User.GroupId));
        Assert.Equal([4u, 27u], options.User.Groups);
        Assert.Equal(("/a b", "box"), (Text(options.WorkingDirectory!), Text(options.HostName!)));
        Assert.Equal(0u, Parse("kernel program.user=7 -- /prog").User!.GroupId);
    }

    [Theory]
    [InlineData("program.user=")]
    [InlineData("program.user=root")]
    [InlineData("program.user=1:")]
    [InlineData("program.user=1::2")]
    [InlineData("program.user=-1")]
    [InlineData("program.user=4294967295")]
    [InlineData("program.user=4294967296")]
    [InlineData("program.workdir=relative")]
    [InlineData("program.workdir=")]
    [InlineData("system.hostname=")]
    [InlineData("system.hostname=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    public void Parse_ProgramValueThatCannotBe_IsNamedAndPassedOver(string parameter)
    {
        BootOptions options = Parse("kernel " + parameter + " -- /prog");

        Assert.Equal("BadValue:" + parameter, Assert.Single(options.Warnings.Select(warning => warning.Kind + ":" + Text(warning.Text))));
        Assert.Null(options.User);
        Assert.Null(options.WorkingDirectory);
        Assert.Null(options.HostName);
    }

    [Theory]
    [InlineData("kernel help", true)]
    [InlineData("kernel help --", true)]
    [InlineData("kernel -- help", false)]
    [InlineData("kernel help me", false)]
    public void Parse_Help_IsAskedFor(string line, bool expected) => Assert.Equal(expected, Parse(line).Help);

    [Fact]
    public void Usage_EveryParameter_IsKnownAndDocumented()
    {
        string documentation = File.ReadAllText(Path.Combine(FindRoot(), "docs", "kernel-command-line.md"));
        string[] names = Encoding.UTF8.GetString(ParameterTable.Usage)
            .Split('\n')
            .Where(line => line.StartsWith("  ", StringComparison.Ordinal))
            .Select(line => line.Trim().Split('=', ' ')[0])
            .ToArray();

        Assert.Contains("strace", names);
        foreach (string name in names)
        {
            Assert.DoesNotContain(Parse($"kernel {name}=? -- /prog").Warnings, warning => warning.Kind == BootWarningKind.UnknownParameter);
            Assert.Contains("`" + name + "`", documentation, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Build_ThenParse_GivesWhatWentIn()
    {
        Gen<byte[]> bytes = Gen.OneOf(Gen.OneOf<byte>(" \"'\\[]=-a\n$"u8.ToArray()), Gen.Byte[1, 255]).Array[0, 12];
        Gen.Select(bytes, bytes.Array[0, 5], bytes.Array[0, 5], bytes).Sample((kernelName, environment, arguments, single) =>
        {
            byte[] line = new CommandLineBuilder(kernelName)
                .AddList("env.vars"u8, environment)
                .Add("env.vars"u8, single)
                .Add("strace"u8, "on"u8)
                .Build(arguments);
            BootOptions options = KernelCommandLine.Parse(line);

            Assert.Equal(kernelName, options.KernelName);
            Assert.Equal([.. environment, single], options.Environment);
            Assert.Equal(arguments, options.ProgramArguments);
            Assert.True(options.Strace);
            Assert.Empty(options.Warnings);
        });
    }

    [Fact]
    public void Parse_AnyBytes_GivesSomething()
    {
        Gen<byte> value = Gen.OneOf(Gen.OneOf<byte>(" \"'\\[]=-\n"u8.ToArray()), Gen.OneOf<byte>("env.vars--"u8.ToArray()), Gen.Byte);
        value.Array[0, 80].Sample(line => Assert.NotNull(KernelCommandLine.Parse(line)));
    }

    [Fact]
    public void Build_PlainWords_AreNotQuoted()
    {
        byte[] line = new CommandLineBuilder("semitone"u8)
            .AddList("env.vars"u8, ["HOME=/"u8.ToArray(), "TEXT=a 'b' c"u8.ToArray()])
            .Build(["/bin/echo"u8.ToArray(), "--"u8.ToArray(), ""u8.ToArray()]);

        Assert.Equal("""semitone env.vars=[ HOME=/ 'TEXT=a '"'"'b'"'"' c' ] -- /bin/echo '--' ''""", Text(line));
    }

    [Fact]
    public void Build_Nul_IsRefused() =>
        Assert.Throws<ArgumentException>(() => new CommandLineBuilder("kernel"u8).Build(["a\0b"u8.ToArray()]));

    private static BootOptions Parse(string line) => KernelCommandLine.Parse(Encoding.UTF8.GetBytes(line));

    private static string Text(byte[] bytes) => Encoding.UTF8.GetString(bytes);

    private static string FindRoot()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Semitone.slnx")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new InvalidOperationException("The tests do not run inside the repository.");
    }
}
