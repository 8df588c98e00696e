using System.Text;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Packing.Rules;

/// <summary>Files of the system for programs that name certain functions or paths.</summary>
/// <param name="name">What <c>--verbose</c> calls it.</param>
/// <param name="traces">Names of functions and paths, or starts of such: a program or library in which one of them stands is meant.</param>
/// <param name="paths">What is packed, where it is there: files, and folders with all that is in them.</param>
internal sealed class SystemFilesRule(string name, string[] traces, string[] paths) : PackingRule
{
    private readonly byte[][] _traces = [.. traces.Select(Encoding.ASCII.GetBytes)];

    public override string Name => name;

    /// <summary>Data bases of nsswitch.conf(5) whose services are libraries that the C library opens.</summary>
    public string[] NameServices { get; init; } = [];

    public override string? Apply(PackingContext context)
    {
        PackedProgram[] programs = [.. context.Programs.Where(program => program.NamesAny(_traces))];
        if (programs.Length == 0)
        {
            return null;
        }

        string[] found = [.. paths.Where(path => HostFile.IsFolder(path) ? context.AddTree(path, programs[0]) : context.Add(path))];
        foreach (PackedProgram program in programs)
        {
            AddNameServices(context, program);
        }

        return found.Length == 0 ? null : $"{string.Join(", ", found)} for {programs[0].FileName}";
    }

    private void AddNameServices(PackingContext context, PackedProgram program)
    {
        if (NameServices.Length == 0)
        {
            return;
        }

        foreach (string line in HostFile.ReadText("/etc/nsswitch.conf").Split('\n'))
        {
            string[] words = line.Split('#')[0]
                .Replace(":", ": ", StringComparison.Ordinal)
                .Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
            if (words.Length < 2 || !NameServices.Contains(words[0].TrimEnd(':')))
            {
                continue;
            }

            // [NOTFOUND=return] and the like stand between the services.
            foreach (string service in words.Skip(1).Where(word => !word.Contains('[') && !word.Contains(']') && !word.Contains('=')))
            {
                context.AddLibrary($"libnss_{service}.so.2", program);
            }
        }
    }
}
