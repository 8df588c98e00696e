using System.CommandLine;
using Semitone.Cli.Machines;

namespace Semitone.Cli.Commands;

/// <summary><c>semitone rm</c>.</summary>
internal static class RemoveCommand
{
    public static Command Build()
    {
        Argument<string[]> machines = MachineArguments.Several(isOptional: true);
        Option<bool> all = MachineArguments.All();
        all.Description = "All machines that do not run; with --force all";
        Option<bool> force = new("--force", "-f") { Description = "End those that run; say nothing of those that are not there" };
        Command command = new("rm", "Remove machines with their logs") { machines, all, force };
        command.Aliases.Add("remove");
        command.Aliases.Add("delete");
        command.SetAction(result =>
        {
            bool isForced = result.GetValue(force);
            string[] references = result.GetValue(machines) ?? [];
            MachineStore store = MachineStore.OfUser;
            if (isForced && references.Length > 0)
            {
                references = [.. references.Where(store.IsThere)];
                if (references.Length == 0)
                {
                    return 0;
                }
            }

            return MachineArguments.ForEach(
                references,
                result.GetValue(all),
                state => isForced || !state.IsUp,
                (folder, record) =>
                {
                    if (isForced)
                    {
                        MachineControl.Kill(folder, record);
                    }

                    MachineControl.Remove(store, folder, record);
                    return record.Name;
                });
        });
        return command;
    }
}
