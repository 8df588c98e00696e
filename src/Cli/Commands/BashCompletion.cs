using System.Text;

namespace Semitone.Cli.Commands;

/// <summary>The script for bash: a function for <c>complete -F</c> (bash(1), "Programmable Completion").</summary>
internal static class BashCompletion
{
    public static string Make(CompletedCommand[] commands)
    {
        StringBuilder cases = new();
        foreach (CompletedCommand command in commands)
        {
            string flags = string.Join(' ', command.Flags.SelectMany(flag => flag.Names));
            string valued = string.Join(' ', command.Flags.Where(flag => flag.TakesValue).SelectMany(flag => flag.Names));
            cases.Append($"        {string.Join('|', command.Names)}) flags='{flags}' valued=' {valued} ' ");
            cases.Append($"machines={(command.TakesMachines ? "yes" : "")} ;;\n");
        }

        // Where the function finds nothing, bash completes files (-o default): programs, folders, the values of flags.
        // What stands behind a program is the program's, so `run` looks for one first.
        return
            $$"""
            # Completion of semitone for bash: . <(semitone completion bash)
            _semitone() {
                local word=${COMP_WORDS[COMP_CWORD]} flags= valued= machines= i
                COMPREPLY=()
                if [ "$COMP_CWORD" -eq 1 ]; then
                    COMPREPLY=($(compgen -W '{{string.Join(' ', commands.SelectMany(command => command.Names))}} --help' -- "$word"))
                    return
                fi
                case ${COMP_WORDS[1]} in
            {{cases.ToString().TrimEnd('\n')}}
                *) return ;;
                esac
                for ((i = 2; i < COMP_CWORD; i++)); do
                    case ${COMP_WORDS[i]} in
                    --) return ;;
                    -*)
                        if [[ $valued == *" ${COMP_WORDS[i]} "* ]]; then
                            # bash makes a word of the sign in --flag=VALUE.
                            if [ "${COMP_WORDS[i + 1]}" = = ]; then i=$((i + 1)); fi
                            i=$((i + 1))
                            if [ "$i" -ge "$COMP_CWORD" ]; then return; fi
                        fi
                        ;;
                    *) if [ -z "$machines" ]; then return; fi ;;
                    esac
                done
                if [[ $word == -* ]]; then
                    COMPREPLY=($(compgen -W "$flags" -- "$word"))
                elif [ -n "$machines" ]; then
                    COMPREPLY=($(compgen -W "$({{CompletedCommand.ListMachines}})" -- "$word"))
                fi
            }
            complete -o bashdefault -o default -F _semitone semitone

            """;
    }
}
