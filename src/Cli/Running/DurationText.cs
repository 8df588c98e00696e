using System.Globalization;

namespace Semitone.Cli.Running;

/// <summary>
/// Lengths of time as timeout(1) takes them, and milliseconds: <c>10</c>, <c>1.5s</c>, <c>500ms</c>, <c>2m</c>, <c>1h</c>.
/// </summary>
internal static class DurationText
{
    public static bool TryParse(string text, out TimeSpan duration)
    {
        (string number, double seconds) = text switch
        {
            [.. string start, 'm', 's'] => (start, 0.001),
            [.. string start, 's'] => (start, 1),
            [.. string start, 'm'] => (start, 60),
            [.. string start, 'h'] => (start, 3600),
            _ => (text, 1),
        };
        duration = default;
        if (!double.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double count)
            || !(count * seconds is > 0 and <= 1e7))
        {
            return false;
        }

        duration = TimeSpan.FromSeconds(count * seconds);
        return true;
    }
}
