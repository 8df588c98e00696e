using System.Globalization;

namespace Semitone.Cli.Running;

/// <summary>Sizes of memory as kraft, Docker and people write them: <c>64Mi</c>, <c>64m</c>, <c>1.5G</c>, <c>512MB</c>, or bytes.</summary>
internal static class MemorySize
{
    private const decimal Largest = 1L << 46;

    /// <summary>Parses a size; it is rounded up to whole pages.</summary>
    /// <remarks>
    /// Ki, Mi, Gi, Ti are powers of two, and K, M, G, T powers of ten, as kraft has them of Kubernetes; small letters alone, k, m, g, t,
    /// are powers of two, as Docker has them. A B may stand behind any, and one blank before it.
    /// </remarks>
    public static bool TryParse(string text, out long bytes)
    {
        bytes = 0;
        int digits = text.AsSpan().IndexOfAnyExcept("0123456789.");
        string number = digits < 0 ? text : text[..digits];
        string unit = digits < 0 ? "" : text[digits..];
        unit = unit.Length > 1 && unit[0] == ' ' ? unit[1..] : unit;
        if (unit is [_, .., 'B' or 'b'] or ['B' or 'b'])
        {
            unit = unit[..^1];
        }

        int power = unit.Length == 0 ? 0 : "kmgt".IndexOf(char.ToLowerInvariant(unit[0]), StringComparison.Ordinal) + 1;
        bool isBinary = unit is [>= 'a', ..] or [_, 'i'];
        bool isUnit = unit.Length == 0 || (power > 0 && unit is [_] or [_, 'i']);
        if (!isUnit || number.StartsWith('.') || number.EndsWith('.')
            || !decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal count))
        {
            return false;
        }

        for (; power > 0 && count <= Largest; power--)
        {
            count *= isBinary ? 1024 : 1000;
        }

        if (count > Largest)
        {
            return false;
        }

        bytes = ((long)decimal.Ceiling(count) + 4095) & ~4095L;
        return true;
    }

    /// <summary>Writes a size in the largest binary unit that gives a whole number.</summary>
    public static string Format(long bytes) =>
        bytes % (1L << 30) == 0 && bytes != 0 ? $"{bytes >> 30}Gi"
        : bytes % (1L << 20) == 0 ? $"{bytes >> 20}Mi"
        : $"{(bytes + 1023) >> 10}Ki";

    /// <summary>Writes a size as one reads it: with one decimal, which may be wrong by half its last digit.</summary>
    public static string FormatRoughly(long bytes) =>
        bytes >= 1L << 30 ? string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 30):0.0} GiB")
        : bytes >= 1L << 20 ? string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 20):0.0} MiB")
        : $"{(bytes + 1023) >> 10} KiB";
}
