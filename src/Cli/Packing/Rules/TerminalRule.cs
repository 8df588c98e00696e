using Semitone.Cli.Posix;

namespace Semitone.Cli.Packing.Rules;

/// <summary>Descriptions of terminals for programs that look one up (terminfo(5)).</summary>
internal sealed class TerminalRule : PackingRule
{
    private static readonly byte[][] s_traces =
    [
        "setupterm"u8.ToArray(), "tgetent"u8.ToArray(), "/lib/terminfo"u8.ToArray(), "/share/terminfo"u8.ToArray()
    ];
    private static readonly string[] s_folders = ["/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo", "/usr/lib/terminfo"];

    public override string Name => "terminal";

    public override string? Apply(PackingContext context)
    {
        if (!context.Programs.Any(program => program.NamesAny(s_traces)))
        {
            return null;
        }

        List<string> found = [];
        string? own = context.GetVariable("TERM") ?? HostEnvironment.Get("TERM");
        foreach (string name in ((string?[])[own, "dumb", "linux", "xterm"]).OfType<string>().Distinct())
        {
            if (name.Length == 0 || name.Contains('/'))
            {
                continue;
            }

            // By the first letter, or where letters' case does not count its number.
            string? path = s_folders.SelectMany(folder => (string[])[$"{folder}/{name[0]}/{name}", $"{folder}/{(int)name[0]:x}/{name}"])
                .FirstOrDefault(HostFile.Exists);
            if (path is not null && context.Add(path))
            {
                found.Add(name);
            }
        }

        return found.Count == 0 ? null : $"descriptions of {string.Join(", ", found)}";
    }
}
