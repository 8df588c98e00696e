using System.CommandLine;
using System.Globalization;
using Semitone.Cli.Machines;

namespace Semitone.Cli.Commands;

/// <summary><c>semitone wait</c>.</summary>
internal static class WaitCommand
{
    public static Command Build()
    {
        Argument<string[]> machines = MachineArguments.Several();
        Command command = new("wait", "Wait until machines have ended, and print their statuses") { machines };
        command.SetAction(result => MachineArguments.ForEach(
            result.GetValue(machines)!,
            isAll: false,
            state => state.IsUp,
            (folder, record) => MachineControl.Wait(folder, record).ToString(CultureInfo.InvariantCulture)));
        return command;
    }
}
