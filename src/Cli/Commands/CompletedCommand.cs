using System.CommandLine;

namespace Semitone.Cli.Commands;

/// <summary>What a shell may complete of a command.</summary>
/// <param name="Names">The command's name, then its other names.</param>
/// <param name="Description">What it does, in a line.</param>
/// <param name="Flags">What it takes.</param>
/// <param name="TakesMachines">Whether its arguments are machines.</param>
internal sealed record CompletedCommand(string[] Names, string Description, CompletedFlag[] Flags, bool TakesMachines)
{
    /// <summary>
    /// Prints the names of all machines, in each of the three shells. A program's arguments may hold a line that looks like a name, and
    /// shells expand what they get here: so nothing comes through but the characters that names have.
    /// </summary>
    public const string ListMachines =
        @"command semitone ps -a -o list 2>/dev/null | sed -n 's/^ *name: *\([A-Za-z0-9][A-Za-z0-9_.-]*\)$/\1/p'";

    /// <summary>The commands that people type, in the order of the help.</summary>
    public static CompletedCommand[] Of(RootCommand root) =>
    [
        .. root.Subcommands.Where(command => !command.Hidden).Select(command => new CompletedCommand(
            [command.Name, .. command.Aliases],
            command.Description ?? "",
            [
                .. command.Options.Where(option => !option.Hidden).Select(option => new CompletedFlag(
                    [option.Name, .. option.Aliases], option.Description ?? "", option.Arity.MinimumNumberOfValues > 0)),
                new CompletedFlag(["--help"], "Show what the command takes", TakesValue: false),
            ],
            command.Arguments.Any(argument => argument.Name == "MACHINE"))),
    ];
}
