using System.Text.Json.Nodes;
using Semitone.Cli;
using Semitone.Cli.Commands;
using Semitone.Cli.Machines;
using Semitone.Cli.Posix;

namespace Semitone.Unit.Cli.Machines;

/// <summary>What the commands about machines read and print.</summary>
public sealed class MachineCommandTests
{
    [Theory]
    [InlineData(0.5, "less than a second ago")]
    [InlineData(1.5, "a second ago")]
    [InlineData(59, "59 seconds ago")]
    [InlineData(60, "a minute ago")]
    [InlineData(119, "a minute ago")]
    [InlineData(7200, "2 hours ago")]
    [InlineData(3600, "an hour ago")]
    [InlineData(86400 * 3, "3 days ago")]
    [InlineData(86400 * 20, "2 weeks ago")]
    [InlineData(86400 * 100, "3 months ago")]
    [InlineData(86400 * 1000, "2 years ago")]
    [InlineData(-5, "less than a second ago")]
    public void Describe_Age_IsAsPeopleSayIt(double seconds, string expected) =>
        Assert.Equal(expected, AgeText.Describe(TimeSpan.FromSeconds(seconds)));

    [Theory]
    [InlineData("TERM", 15)]
    [InlineData("SIGTERM", 15)]
    [InlineData("sigusr1", 10)]
    [InlineData("9", 9)]
    [InlineData("64", 64)]
    public void Parse_Signal_IsKnownByNumberAndName(string text, int expected) => Assert.Equal(expected, SignalText.Parse("-s", text));

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("65")]
    [InlineData("SIG")]
    [InlineData("-9")]
    [InlineData("TERMINATE")]
    public void Parse_NoSignal_IsRefused(string text) =>
        Assert.Equal(125, Assert.Throws<CommandFailedException>(() => SignalText.Parse("-s", text)).Status);

    [Fact]
    public void ToString_Table_HasColumnsAndNothingThatUpsetsATerminal()
    {
        TextTable table = new("NAME", "ARGS", "PLAT");
        table.Add("a", "x\e[31m\ny", "qemu");
        table.Add("longer", "", "");
        string[] lines = ["NAME     ARGS       PLAT", "a        x [31m y   qemu", "longer" + new string(' ', 14), ""];
        Assert.Equal(string.Join('\n', lines), table.ToString());
    }

    [Theory]
    [InlineData("{{.State.Status}}", "running")]
    [InlineData("{{ .State.Pid }} x {{.Name}}", "5 x web")]
    [InlineData("{{json .State}}", "{\"Status\":\"running\",\"Pid\":5}")]
    [InlineData("{{json .Name}}", "\"web\"")]
    [InlineData("{{.State}}", "{\"Status\":\"running\",\"Pid\":5}")]
    [InlineData("plain {.Name}", "plain {.Name}")]
    public void Fill_Template_HasItsFields(string template, string expected)
    {
        JsonObject machine = new() { ["Name"] = "web", ["State"] = new JsonObject { ["Status"] = "running", ["Pid"] = 5 } };
        Assert.Equal(expected, InspectCommand.Fill(template, machine));
        Assert.Throws<CommandFailedException>(() => InspectCommand.Fill("{{.Nothing}}", machine));
        Assert.Throws<CommandFailedException>(() => InspectCommand.Fill("{{.Name.Nothing}}", machine));
    }

    [Theory]
    [InlineData("0\n", 0, "")]
    [InlineData("127\nnot found\nat all", 127, "not found\nat all")]
    [InlineData("", null, null)]
    [InlineData("12", null, null)]
    [InlineData("x\ny", null, null)]
    public void Read_StartReport_IsStatusAndMessage(string sent, int? status, string? message)
    {
        int[] pipe = new int[2];
        LibC.pipe2(pipe, LibC.O_CLOEXEC);
        Descriptor.TryWrite(pipe[1], HostText.ToBytes(sent));
        LibC.close(pipe[1]);
        (int Status, string Message)? report = StartReport.Read(pipe[0]);
        LibC.close(pipe[0]);
        Assert.Equal((status, message), (report?.Status, report?.Message));
    }
}
