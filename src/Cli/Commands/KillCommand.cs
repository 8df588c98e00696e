using System.CommandLine;
using Semitone.Cli.Machines;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Commands;

/// <summary><c>semitone kill</c>.</summary>
internal static class KillCommand
{
    public static Command Build()
    {
        Argument<string[]> machines = MachineArguments.Several(isOptional: true);
        Option<bool> all = MachineArguments.All();
        Option<string> signal = new("--signal", "-s")
        {
            Description = "Signal for the program; KILL ends the machine",
            DefaultValueFactory = _ => "KILL",
            HelpName = "NAME"
        };
        Command command = new("kill", "Send a signal to programs, or end their machines at once") { machines, all, signal };
        command.SetAction(result =>
        {
            int number = SignalText.Parse("--signal", result.GetValue(signal)!);
            return MachineArguments.ForEach(
                result.GetValue(machines) ?? [],
                result.GetValue(all),
                state => state.IsUp,
                (folder, record) =>
                {
                    ControlRequest request = new() { Action = ControlAction.Signal, Signal = number };
                    bool isDone = number == LibC.SIGKILL
                        ? MachineControl.Kill(folder, record)
                        : MachineControl.Ask(folder, record, request) is not null;
                    return isDone
                        ? record.Name
                        : throw new CommandFailedException(ExitStatus.General, $"{record.Name} does not run");
                });
        });
        return command;
    }
}
