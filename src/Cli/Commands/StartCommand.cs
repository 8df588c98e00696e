using System.CommandLine;
using Semitone.Cli.Machines;

namespace Semitone.Cli.Commands;

/// <summary><c>semitone start</c>.</summary>
internal static class StartCommand
{
    public static Command Build()
    {
        Argument<string[]> machines = MachineArguments.Several(isOptional: true);
        Option<bool> all = MachineArguments.All();
        all.Description = "All machines that do not run";
        Command command = new("start", "Start machines that were made with run --no-start, or have ended") { machines, all };
        command.SetAction(result => MachineArguments.ForEach(
            result.GetValue(machines) ?? [],
            result.GetValue(all),
            state => !state.IsUp,
            (folder, record) =>
            {
                MachineControl.Start(folder);
                return record.Name;
            }));
        return command;
    }
}
