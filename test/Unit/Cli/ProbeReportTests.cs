using Semitone.Cli.Kvm;

namespace Semitone.Unit.Cli;

public sealed class ProbeReportTests
{
    [Fact]
    public void Parse_StepsAndAnswer_GivesBoth()
    {
        string text = ProbeReport.FormatStep("long mode") + ProbeReport.FormatStep("a page fault")
            + ProbeReport.FormatAnswer(KvmAnswer.No(KvmState.Broken, "no\nluck"));
        ProbeReport report = ProbeReport.Parse(text);
        Assert.Equal(("a page fault", KvmState.Broken, "no luck"), (report.LastStep, report.Answer?.State, report.Answer?.Reason));
    }

    [Theory]
    [InlineData("", "its start")]
    [InlineData("try long mode\n", "long mode")]
    [InlineData("try long mode\ntry a pag", "long mode")]
    [InlineData("try long mode\nusable arch-cap", "long mode")]
    public void Parse_ReportThatWasCutOff_HasNoAnswer(string text, string lastStep)
    {
        ProbeReport report = ProbeReport.Parse(text);
        Assert.Equal((lastStep, null), (report.LastStep, report.Answer));
    }

    [Theory]
    [InlineData("usable arch-capabilities")]
    [InlineData("usable avx512f tsc-deadline")]
    public void Parse_NamesOfFeatures_AreTaken(string line) => Assert.True(ProbeReport.Parse(line + "\n").Answer?.IsUsable);

    /// <summary>They go onto QEMU's command line.</summary>
    [Theory]
    [InlineData("usable a,b")]
    [InlineData("usable =")]
    [InlineData("usable  avx")]
    [InlineData("usable AVX")]
    public void Parse_WhatIsNoNameOfAFeature_IsNoAnswer(string line) => Assert.Null(ProbeReport.Parse(line + "\n").Answer);
}
