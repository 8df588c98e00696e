using Semitone.Cli.Libraries;

namespace Semitone.Cli.Packing.Rules;

/// <summary>Libraries that a program or library says it opens while it runs.</summary>
internal sealed class OpenedLibrariesRule : PackingRule
{
    public override string Name => "opened libraries";

    public override string? Apply(PackingContext context)
    {
        HashSet<string> found = new(StringComparer.Ordinal);
        foreach (PackedProgram program in context.Programs)
        {
            // What is found may say so too: the list grows while it is walked.
            for (int i = 0; i < program.Finder.Objects.Count; i++)
            {
                ElfObject item = program.Finder.Objects[i];
                found.UnionWith(item.Opened.Where(name => context.AddLibrary(name, program)));
            }
        }

        return found.Count == 0 ? null : $"{string.Join(", ", found)}, by the programs' own notes";
    }
}
