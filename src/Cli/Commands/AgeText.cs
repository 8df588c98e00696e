using System.Globalization;

namespace Semitone.Cli.Commands;

/// <summary>Lengths of time as people say them: as docker and kraft do in their tables.</summary>
internal static class AgeText
{
    public static string Describe(TimeSpan age)
    {
        (double count, string unit) = age switch
        {
            { TotalSeconds: < 1 } => (0, ""),
            { TotalSeconds: < 60 } => (age.TotalSeconds, "second"),
            { TotalMinutes: < 60 } => (age.TotalMinutes, "minute"),
            { TotalHours: < 48 } => (age.TotalHours, "hour"),
            { TotalDays: < 14 } => (age.TotalDays, "day"),
            { TotalDays: < 60 } => (age.TotalDays / 7, "week"),
            { TotalDays: < 730 } => (age.TotalDays / 30, "month"),
            _ => (age.TotalDays / 365, "year"),
        };
        int whole = (int)count;
        return whole switch
        {
            0 => "less than a second ago",
            1 => $"{(unit == "hour" ? "an" : "a")} {unit} ago",
            _ => string.Create(CultureInfo.InvariantCulture, $"{whole} {unit}s ago"),
        };
    }
}
