using System.CommandLine;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Commands;

/// <summary><c>semitone completion</c>: a shell's script that completes the command's words.</summary>
internal static class CompletionCommand
{
    /// <param name="root">The whole command; what it has when a script is asked for is completed.</param>
    public static Command Build(RootCommand root)
    {
        Argument<string> shell = new("SHELL") { Description = "bash, zsh or fish" };
        Command command = new("completion", "Print a script that lets a shell complete commands, flags and machines") { shell };
        command.SetAction(result =>
        {
            Output.Write(MakeScript(result.GetValue(shell)!, root));
            return 0;
        });
        return command;
    }

    /// <summary>The script for a shell.</summary>
    /// <exception cref="CommandFailedException">No such shell is known.</exception>
    internal static string MakeScript(string shell, RootCommand root)
    {
        CompletedCommand[] commands = CompletedCommand.Of(root);
        return shell switch
        {
            "bash" => BashCompletion.Make(commands),
            "zsh" => ZshCompletion.Make(commands),
            "fish" => FishCompletion.Make(commands),
            _ => throw new CommandFailedException(
                ExitStatus.Usage, $"there is no completion for the shell '{shell}'; there is for bash, zsh and fish"),
        };
    }
}
