using System.CommandLine;
using Semitone.Cli.Machines;

namespace Semitone.Cli.Commands;

/// <summary>The command that a supervisor is; nobody types it.</summary>
internal static class SuperviseCommand
{
    public static Command Build()
    {
        Argument<string> folder = new("FOLDER");
        Command command = new(SupervisorProcess.Command, "Hold a machine") { folder };
        command.Hidden = true;
        command.SetAction(result => Supervisor.Run(result.GetValue(folder)!));
        return command;
    }
}
