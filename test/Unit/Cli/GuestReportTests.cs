using Semitone.Cli.Running;
using Semitone.HostLink;

namespace Semitone.Unit.Cli;

public sealed class GuestReportTests
{
    [Theory]
    [InlineData(ControlKind.Exited, 0, 0)]
    [InlineData(ControlKind.Exited, 255, 255)]
    [InlineData(ControlKind.Killed, 11, 139)]
    [InlineData(ControlKind.LoadFailed, 127, 127)]
    public void Add_EndOfTheProgram_IsTheStatus(ControlKind kind, byte body, int status)
    {
        GuestReport report = new();
        report.Add(kind, [body]);
        Assert.Equal(status, report.Status);
    }

    [Fact]
    public void Add_CallsThatAreMissing_AreNamed()
    {
        GuestReport report = new();
        report.Add(ControlKind.MissingCalls, []);
        Assert.Null(report.MissingCalls);
        report.Add(ControlKind.MissingCalls, "socket, number 335 (2 times)"u8);
        Assert.Equal("socket, number 335 (2 times)", report.MissingCalls);
        Assert.Null(report.Status);
    }

    [Fact]
    public void Add_Killed_IsTheSignalToo()
    {
        GuestReport report = new();
        report.Add(ControlKind.Killed, [2]);
        Assert.Equal(2, report.Signal);
    }

    [Theory]
    [InlineData(ControlKind.Exited)]
    [InlineData(ControlKind.Killed)]
    [InlineData((ControlKind)99)]
    public void Add_MessageWithoutItsBody_ChangesNothing(ControlKind kind)
    {
        GuestReport report = new();
        report.Add(kind, []);
        Assert.Null(report.Status);
        Assert.False(report.HasPanicked);
    }
}
