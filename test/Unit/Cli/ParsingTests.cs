using Semitone.Cli.Packing;
using Semitone.Cli.Qemu;
using Semitone.Cli.Running;

namespace Semitone.Unit.Cli;

public sealed class ParsingTests
{
    [Theory]
    [InlineData("64Mi", 64L << 20)]
    [InlineData("64MiB", 64L << 20)]
    [InlineData("64m", 64L << 20)]
    [InlineData("64M", 64_000_000L)]
    [InlineData("512MB", 512_000_000L)]
    [InlineData("512 MB", 512_000_000L)]
    [InlineData("64mb", 64L << 20)]
    [InlineData("1Gi", 1L << 30)]
    [InlineData("1g", 1L << 30)]
    [InlineData("1.5G", 1_500_000_000L)]
    [InlineData("1.5Gi", 3L << 29)]
    [InlineData("0.5gib", 1L << 29)]
    [InlineData("2G", 2_000_003_072L)]
    [InlineData("512Ki", 512L << 10)]
    [InlineData("512K", 512_000L)]
    [InlineData("512k", 512L << 10)]
    [InlineData("1T", 1_000_000_000_000L)]
    [InlineData("67108864", 64L << 20)]
    [InlineData("67108864B", 64L << 20)]
    [InlineData("67108864b", 64L << 20)]
    [InlineData("1", 4096L)]
    public void MemorySize_Unit_GivesWholePages(string text, long expected)
    {
        Assert.True(MemorySize.TryParse(text, out long bytes));
        Assert.Equal((expected + 4095) & ~4095L, bytes);
    }

    [Theory]
    [InlineData("")]
    [InlineData("Mi")]
    [InlineData("B")]
    [InlineData("64 ")]
    [InlineData("-1Mi")]
    [InlineData("1e9")]
    [InlineData(".5G")]
    [InlineData("1.G")]
    [InlineData("1.2.3")]
    [InlineData("64MM")]
    [InlineData("64X")]
    [InlineData("64Mib i")]
    [InlineData("64BB")]
    [InlineData("99999999999999999999999999999999")]
    [InlineData("9999999999999Gi")]
    public void MemorySize_NoSize_IsRefused(string text) => Assert.False(MemorySize.TryParse(text, out _));

    [Theory]
    [InlineData("10", 10_000)]
    [InlineData("1.5s", 1_500)]
    [InlineData("500ms", 500)]
    [InlineData("2m", 120_000)]
    [InlineData("1h", 3_600_000)]
    public void Duration_Unit_GivesMilliseconds(string text, int expected)
    {
        Assert.True(DurationText.TryParse(text, out TimeSpan duration));
        Assert.Equal(expected, duration.TotalMilliseconds);
    }

    [Theory]
    [InlineData("")]
    [InlineData("s")]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("1e9")]
    [InlineData("10d")]
    [InlineData("NaN")]
    public void Duration_NoDuration_IsRefused(string text) => Assert.False(DurationText.TryParse(text, out _));

    [Theory]
    [InlineData("qemu/x86_64", false)]
    [InlineData("qemu/x86_64-initrd", false)]
    [InlineData("qemu-x86_64-initrd-strace", true)]
    [InlineData("qemu/x86-64-strace", true)]
    [InlineData("qemu/x86_64-9pfs-strace", true)]
    [InlineData("qemu-x86_64-9pfs", false)]
    public void Target_OfThoseServed_IsTaken(string text, bool strace)
    {
        Assert.True(Target.TryParse(text, out Target target, out _));
        Assert.Equal(strace, target.Strace);
        Assert.Equal(text.Contains("9pfs") ? true : text.Contains("initrd") ? false : null, target.SharesRoot);
    }

    [Theory]
    [InlineData("qemu", "form")]
    [InlineData("fc/x86_64-initrd", "Firecracker")]
    [InlineData("xen/x86_64", "xen")]
    [InlineData("qemu/arm64", "arm64")]
    [InlineData("qemu/x86_64-debug", "debug")]
    [InlineData("qemu/x86_64-foo", "foo")]
    public void Target_NotServed_IsRefusedByName(string text, string named)
    {
        Assert.False(Target.TryParse(text, out _, out string? problem));
        Assert.Contains(named, problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("plain-1.2/x=y", "plain-1.2/x=y")]
    [InlineData("", "''")]
    [InlineData("a b", "'a b'")]
    [InlineData("it's $x", "'it'\\''s $x'")]
    public void Quote_Word_IsReadBackByAShell(string word, string expected) => Assert.Equal(expected, ShellQuoting.Quote(word));

    [Theory]
    [InlineData("#!/bin/sh\necho", "/bin/sh", null)]
    [InlineData("#! /usr/bin/env  python3 -u \nx", "/usr/bin/env", "python3 -u")]
    [InlineData("#!/bin/sh", "/bin/sh", null)]
    [InlineData("#!\t/bin/awk\t-f\n", "/bin/awk", "-f")]
    public void Script_FirstLine_GivesInterpreterAndOneArgument(string text, string interpreter, string? argument) =>
        Assert.Equal(new ProgramScript(interpreter, argument), ProgramScript.Parse(System.Text.Encoding.UTF8.GetBytes(text)));

    [Theory]
    [InlineData("")]
    [InlineData("#!\n")]
    [InlineData("#! \t\n/bin/sh")]
    [InlineData("echo")]
    public void Script_WithoutInterpreter_IsNone(string text) => Assert.Null(ProgramScript.Parse(System.Text.Encoding.UTF8.GetBytes(text)));
}
