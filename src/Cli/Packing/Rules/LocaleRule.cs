using Semitone.Cli.Posix;

namespace Semitone.Cli.Packing.Rules;

/// <summary>
/// The locale that the user's variables ask for (locale(7)); without such variables the program has the one that is built in.
/// </summary>
internal sealed class LocaleRule : PackingRule
{
    private static readonly byte[][] s_traces = ["setlocale"u8.ToArray(), "newlocale"u8.ToArray()];

    public override string Name => "locale";

    public override string? Apply(PackingContext context)
    {
        string[] wanted = [.. ((string[])["LC_ALL", "LC_CTYPE", "LC_MESSAGES", "LC_COLLATE", "LC_TIME", "LC_NUMERIC", "LANG"])
            .Select(context.GetVariable).OfType<string>().Where(name => name is not ("" or "C" or "POSIX") && !name.Contains('/'))
            .Distinct()];
        if (wanted.Length == 0 || !context.Programs.Any(program => program.NamesAny(s_traces)))
        {
            return null;
        }

        List<string> found = [];
        foreach (string name in wanted)
        {
            // de_DE.UTF-8 lies in de_DE.utf8: the character set is spelled in small letters and digits.
            string[] parts = name.Split('.', 2);
            string normal = parts.Length < 2
                ? name
                : $"{parts[0]}.{string.Concat(parts[1].ToLowerInvariant().Where(char.IsLetterOrDigit))}";
            string? folder = ((string[])[$"/usr/lib/locale/{normal}", $"/usr/lib/locale/{name}"]).FirstOrDefault(HostFile.IsFolder);
            if (context.AddTree(folder ?? "/usr/lib/locale/locale-archive", context.Programs[0]))
            {
                found.Add(folder ?? "/usr/lib/locale/locale-archive");
            }
        }

        return found.Count == 0 ? null : $"{string.Join(", ", found.Distinct())} for {string.Join(", ", wanted)}";
    }
}
