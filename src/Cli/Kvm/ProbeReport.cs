using System.Collections.Immutable;
using System.Diagnostics;

namespace Semitone.Cli.Kvm;

/// <summary>
/// What a process that tries KVM tells on its standard output, and what is kept of it: lines, of which the last is the answer.
/// </summary>
/// <param name="LastStep">What was tried last.</param>
/// <param name="Answer">Null when it did not come to that.</param>
internal sealed record ProbeReport(string LastStep, KvmAnswer? Answer)
{
    private const string StepWord = "try ";
    private const string UsableWord = "usable";

    public static string FormatStep(string step) => $"{StepWord}{step}\n";

    public static string FormatAnswer(KvmAnswer answer) => answer.IsUsable
        ? string.Join(' ', answer.Removed.Prepend(UsableWord)) + "\n"
        : $"{FormatState(answer.State)} {answer.Reason.ReplaceLineEndings(" ")}\n";

    /// <summary>Reads what came, which may end anywhere.</summary>
    public static ProbeReport Parse(string text)
    {
        string step = "its start";
        KvmAnswer? answer = null;

        // A line that lacks its end may lack more.
        foreach (string line in text.Split('\n')[..^1])
        {
            if (line.StartsWith(StepWord, StringComparison.Ordinal))
            {
                step = line[StepWord.Length..];
                continue;
            }

            answer = ParseAnswer(line) ?? answer;
        }

        return new ProbeReport(step, answer);
    }

    private static KvmAnswer? ParseAnswer(string line)
    {
        string[] words = line.Split(' ');
        if (words[0] == UsableWord)
        {
            // They go onto QEMU's command line: nothing but names of features.
            ImmutableArray<string> flags = [.. words[1..]];
            return flags.All(IsFeatureName) ? KvmAnswer.Usable with { Removed = flags } : null;
        }

        foreach (KvmState state in (KvmState[])[KvmState.Absent, KvmState.Forbidden, KvmState.Busy, KvmState.Hung, KvmState.Broken])
        {
            if (words[0] == FormatState(state))
            {
                return KvmAnswer.No(state, string.Join(' ', words[1..]));
            }
        }

        return null;
    }

    private static bool IsFeatureName(string word) =>
        word.Length is > 0 and < 64
            && char.IsAsciiLetterLower(word[0])
            && word.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '_' or '.');

    private static string FormatState(KvmState state) => state switch
    {
        KvmState.Usable => UsableWord,
        KvmState.Absent => "absent",
        KvmState.Forbidden => "forbidden",
        KvmState.Busy => "busy",
        KvmState.Hung => "hung",
        KvmState.Broken => "broken",
        _ => throw new UnreachableException(),
    };
}
