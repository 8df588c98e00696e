using System.CommandLine;
using Semitone.Cli.Machines;

namespace Semitone.Cli.Commands;

/// <summary><c>semitone attach</c>.</summary>
internal static class AttachCommand
{
    public static Command Build()
    {
        Argument<string> machine = MachineArguments.One();
        Command command = new("attach", "Sit at a machine's console; Ctrl-P Ctrl-Q leaves one that is a terminal") { machine };
        command.SetAction(result =>
        {
            (MachineFolder folder, MachineRecord record) = MachineStore.OfUser.Find(result.GetValue(machine)!);
            using AttachSession session = new(folder, record);
            return folder.ReadState().IsUp
                ? session.Run()
                : throw new CommandFailedException(ExitStatus.General, $"{record.Name} does not run; semitone start --attach starts it");
        });
        return command;
    }
}
