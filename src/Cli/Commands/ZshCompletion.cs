using System.Text;

namespace Semitone.Cli.Commands;

/// <summary>The script for zsh, to be read by <c>.</c> or to lie in <c>$fpath</c> as <c>_semitone</c> (zshcompsys(1)).</summary>
internal static class ZshCompletion
{
    public static string Make(CompletedCommand[] commands)
    {
        StringBuilder names = new();
        StringBuilder cases = new();
        foreach (CompletedCommand command in commands)
        {
            foreach (string name in command.Names)
            {
                names.Append($"            {Describe(name, command.Description)}\n");
            }

            cases.Append($"    {string.Join('|', command.Names)})\n        machines={(command.TakesMachines ? "yes" : "")}\n");
            cases.Append("        flags=(\n");
            foreach (CompletedFlag flag in command.Flags)
            {
                foreach (string name in flag.Names)
                {
                    cases.Append($"            {Describe(name, flag.Description)}\n");
                }
            }

            cases.Append("        ) ;;\n");
        }

        return
            $$"""
            #compdef semitone
            # Completion of semitone for zsh: . <(semitone completion zsh), after compinit
            _semitone() {
                local machines
                local -a names flags
                if (( CURRENT == 2 )); then
                    names=(
            {{names.ToString().TrimEnd('\n')}}
                    )
                    _describe command names
                    return
                fi
                case $words[2] in
            {{cases.ToString().TrimEnd('\n')}}
                esac
                if [[ $words[CURRENT] == -* ]]; then
                    _describe -o flag flags
                elif [[ -n $machines ]]; then
                    names=(${(f)"$({{CompletedCommand.ListMachines}})"})
                    compadd -a names
                else
                    _files
                fi
            }
            if [ "$funcstack[1]" = _semitone ]; then _semitone "$@"; else compdef _semitone semitone; fi

            """;
    }

    /// <summary>A word and what it means, as <c>_describe</c> takes them: a quoted word with a colon between.</summary>
    private static string Describe(string name, string description) =>
        $"'{name}:{description.Replace("'", @"'\''", StringComparison.Ordinal)}'";
}
