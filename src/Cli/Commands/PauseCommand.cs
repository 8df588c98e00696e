using System.CommandLine;
using Semitone.Cli.Machines;

namespace Semitone.Cli.Commands;

/// <summary><c>semitone pause</c> and <c>semitone unpause</c>.</summary>
internal static class PauseCommand
{
    /// <summary>QEMU may be busy.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    public static Command BuildPause() => Build("pause", "Let machines stand still", ControlAction.Pause, MachineStatus.Running);

    public static Command BuildUnpause() =>
        Build("unpause", "Let machines go on that were paused", ControlAction.Unpause, MachineStatus.Paused);

    private static Command Build(string name, string description, ControlAction action, MachineStatus from)
    {
        Argument<string[]> machines = MachineArguments.Several(isOptional: true);
        Option<bool> all = MachineArguments.All();
        Command command = new(name, description) { machines, all };
        command.SetAction(result => MachineArguments.ForEach(
            result.GetValue(machines) ?? [],
            result.GetValue(all),
            state => state.Status == from,
            (folder, record) =>
            {
                MachineState state = folder.ReadState();
                if (state.Status != from)
                {
                    string now = state.Status.ToString().ToLowerInvariant();
                    throw new CommandFailedException(
                        ExitStatus.General, $"{record.Name} is {(now == "running" ? "not paused" : now)}");
                }

                return MachineControl.Ask(folder, record, new ControlRequest { Action = action }, s_patience) is not null
                    ? record.Name
                    : throw new CommandFailedException(ExitStatus.General, $"{record.Name} has ended");
            }));
        return command;
    }
}
