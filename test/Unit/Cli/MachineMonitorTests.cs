using Semitone.Cli.Qemu;

namespace Semitone.Unit.Cli;

public sealed class MachineMonitorTests
{
    [Theory]
    [InlineData("""{"return": {"status": "running", "singlestep": false, "running": true}}""", true)]
    [InlineData("""{"return": {"status": "internal-error", "singlestep": false, "running": false}}""", false)]
    [InlineData("""{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "STOP"}""", false)]
    [InlineData("""{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "RESUME"}""", true)]
    [InlineData("""{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "SHUTDOWN", "data": {"guest": true}}""", null)]
    [InlineData("""{"return": {}}""", null)]
    [InlineData("""{"error": {"class": "GenericError", "desc": "no"}}""", null)]
    [InlineData("""{"QMP": {"version": {}, "capabilities": []}}""", null)]
    [InlineData("[1]", null)]
    [InlineData("{", null)]
    [InlineData("", null)]
    public void IsRunning_LineOfTheMonitor_IsUnderstood(string line, bool? isRunning) =>
        Assert.Equal(isRunning, MachineMonitor.IsRunning(line));
}
