using System.Text;

namespace Semitone.Cli.Packing.Rules;

/// <summary>
/// The time zone of this machine and that of <c>TZ</c>, for programs that tell local time; every zone, for those that ask for one by name.
/// </summary>
internal sealed class TimeZoneRule : PackingRule
{
    /// <summary>Where zones lie by their names, as zic(8) compiles them.</summary>
    public const string Database = "/usr/share/zoneinfo";

    private static readonly byte[][] s_tellLocalTime =
        [.. ((string[])["localtime", "mktime", "tzset", "/etc/localtime"]).Select(Encoding.ASCII.GetBytes)];

    /// <summary>
    /// Go's time.LoadLocation, by its whole name: the linker leaves it out where nobody calls it. The database's path by itself says
    /// nothing, as it stands in every static program that tells local time.
    /// </summary>
    private static readonly byte[][] s_askByName = ["time.LoadLocation\0"u8.ToArray()];

    public override string Name => "time zone";

    public override string? Apply(PackingContext context)
    {
        List<string> found = [];
        PackedProgram? reader = context.Programs.FirstOrDefault(program => program.NamesAny(s_tellLocalTime));
        if (reader is not null)
        {
            found.AddRange(((string[])["/etc/localtime", "/etc/timezone"]).Where(path => context.Add(path)));
            if (context.GetVariable("TZ") is { } zone)
            {
                context.Add($"{Database}/{zone.TrimStart(':')}");
            }
        }

        PackedProgram? chooser = context.Programs.FirstOrDefault(program => program.NamesAny(s_askByName));
        if (chooser is not null && context.AddTree(Database, chooser))
        {
            found.Add(Database);
        }

        return found.Count == 0 ? null : $"{string.Join(", ", found)} for {(reader ?? chooser)!.FileName}";
    }
}
