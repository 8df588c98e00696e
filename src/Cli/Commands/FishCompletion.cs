using System.Text;

namespace Semitone.Cli.Commands;

/// <summary>The script for fish: a <c>complete</c> for each word (complete(1) of fish).</summary>
internal static class FishCompletion
{
    public static string Make(CompletedCommand[] commands)
    {
        StringBuilder script = new(
            """
            # Completion of semitone for fish: semitone completion fish | source
            function __semitone_in
                set -l words (commandline -opc)
                if test (count $words) -lt 2
                    test (count $argv) -eq 0
                else
                    contains -- $words[2] $argv
                end
            end

            """);
        foreach (CompletedCommand command in commands)
        {
            foreach (string name in command.Names)
            {
                script.Append($"complete -c semitone -n __semitone_in -f -a {name} -d {Quote(command.Description)}\n");
            }

            string condition = Quote("__semitone_in " + string.Join(' ', command.Names));
            foreach (CompletedFlag flag in command.Flags)
            {
                string names = string.Join(' ', flag.Names.Select(SayName));
                script.Append(
                    $"complete -c semitone -n {condition} {names}{(flag.TakesValue ? " -r" : "")} -d {Quote(flag.Description)}\n");
            }

            if (command.TakesMachines)
            {
                script.Append($"complete -c semitone -n {condition} -f -a {Quote($"({CompletedCommand.ListMachines})")}\n");
            }
        }

        return script.ToString();
    }

    /// <summary>A flag's name as <c>complete</c> takes it: short, or long.</summary>
    private static string SayName(string name) =>
        name.StartsWith("--", StringComparison.Ordinal) ? $"-l {name[2..]}" : name.Length == 2 ? $"-s {name[1]}" : $"-o {name[1..]}";

    private static string Quote(string text) =>
        $"'{text.Replace(@"\", @"\\", StringComparison.Ordinal).Replace("'", @"\'", StringComparison.Ordinal)}'";
}
