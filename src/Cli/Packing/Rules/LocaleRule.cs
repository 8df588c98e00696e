using Semitone.Cli.Posix;

namespace Semitone.Cli.Packing.Rules;

/// <summary>
/// The locale that the user's variables ask for (locale(7)); without such variables the program has the one that is built in.
/// </summary>
/// <remarks>
/// Two want UTF-8 all the same: a terminal that speaks it, as its TERM goes with it too, and Python, which takes C.UTF-8 by itself where
/// nothing is said (PEP 538).
/// </remarks>
internal sealed class LocaleRule : PackingRule
{
    private const string Plain = "C.UTF-8";

    private static readonly byte[][] s_traces = ["setlocale"u8.ToArray(), "newlocale"u8.ToArray()];
    private static readonly string[] s_variables = ["LC_ALL", "LC_CTYPE", "LC_MESSAGES", "LC_COLLATE", "LC_TIME", "LC_NUMERIC", "LANG"];

    public override string Name => "locale";

    /// <summary>Whether the user sits at a terminal of UTF-8.</summary>
    public bool HasUnicodeTerminal { get; init; } = Descriptor.IsTerminal(Descriptor.StandardOutput) && IsUnicode(
        ((string[])["LC_ALL", "LC_CTYPE", "LANG"]).Select(HostEnvironment.Get).FirstOrDefault(value => value is { Length: > 0 }));

    public override string? Apply(PackingContext context)
    {
        if (!context.Programs.Any(program => program.NamesAny(s_traces)))
        {
            return null;
        }

        string[] given = [.. s_variables.Select(context.GetVariable).OfType<string>()];
        string[] wanted = [.. given.Where(name => name is not ("" or "C" or "POSIX") && !name.Contains('/')).Distinct()];
        if (given.Length == 0 && (HasUnicodeTerminal || PythonRule.FindPython(context) is not null))
        {
            wanted = [Plain];
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

            // The archive of all locales may be large: it is for who asks.
            folder ??= given.Length > 0 ? "/usr/lib/locale/locale-archive" : null;
            if (folder is not null && context.AddTree(folder, context.Programs[0]))
            {
                found.Add(folder);
            }
        }

        if (given.Length == 0 && HasUnicodeTerminal && found.Count > 0)
        {
            context.Environment.Add($"LC_CTYPE={Plain}");
        }

        return found.Count == 0 ? null : $"{string.Join(", ", found.Distinct())} for {string.Join(", ", wanted)}";
    }

    /// <summary>Tells whether a locale's character set is UTF-8: <c>de_DE.UTF-8</c>, <c>C.utf8</c>.</summary>
    private static bool IsUnicode(string? locale) => locale?.Split('@')[0].Split('.') is [_, { } set]
        && set.Replace("-", "", StringComparison.Ordinal).Equals("utf8", StringComparison.OrdinalIgnoreCase);
}
