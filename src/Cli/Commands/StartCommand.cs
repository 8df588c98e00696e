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
        Option<bool> attach = new("--attach", "-a") { Description = "Sit at the console of one machine; the status is its program's" };
        Command command = new("start", "Start machines that were made with run --no-start, or have ended") { machines, all, attach };
        command.SetAction(result =>
        {
            string[] references = result.GetValue(machines) ?? [];
            return result.GetValue(attach)
                ? Attach(references)
                : MachineArguments.ForEach(
                    references,
                    result.GetValue(all),
                    state => !state.IsUp,
                    (folder, record) =>
                    {
                        MachineControl.Start(folder);
                        return record.Name;
                    });
        });
        return command;
    }

    private static int Attach(string[] references)
    {
        if (references is not [string reference])
        {
            throw new CommandFailedException(ExitStatus.Usage, "--attach: name one machine");
        }

        (MachineFolder folder, MachineRecord record) = MachineStore.OfUser.Find(reference);
        using AttachSession session = new(folder, record);
        MachineControl.Start(folder);
        return session.Run();
    }
}
