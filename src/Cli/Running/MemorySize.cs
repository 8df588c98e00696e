using System.Globalization;

namespace Semitone.Cli.Running;

/// <summary>Sizes of memory as kraft takes them: <c>64Mi</c>, <c>64M</c>, <c>1Gi</c>, <c>512K</c>, or bytes.</summary>
internal static class MemorySize
{
    /// <summary>Parses a size. K, M and G are powers of ten and Ki, Mi and Gi powers of two, as in Kubernetes; the result is rounded up to whole pages.</summary>
    public static bool TryParse(string text, out long bytes)
    {
        bytes = 0;
        int digits = 0;
        while (digits < text.Length && char.IsAsciiDigit(text[digits]))
        {
            digits++;
        }

        long unit = text[digits..] switch
        {
            "" or "B" => 1,
            "K" or "k" => 1000,
            "Ki" or "ki" => 1L << 10,
            "M" => 1000 * 1000,
            "Mi" => 1L << 20,
            "G" => 1000 * 1000 * 1000,
            "Gi" => 1L << 30,
            _ => 0,
        };
        if (unit == 0 || !long.TryParse(text.AsSpan(0, digits), NumberStyles.None, CultureInfo.InvariantCulture, out long count) || count > (1L << 46) / unit)
        {
            return false;
        }

        bytes = ((count * unit) + 4095) & ~4095L;
        return true;
    }

    /// <summary>Writes a size in the largest binary unit that gives a whole number.</summary>
    public static string Format(long bytes) =>
        bytes % (1L << 30) == 0 && bytes != 0 ? $"{bytes >> 30}Gi"
        : bytes % (1L << 20) == 0 ? $"{bytes >> 20}Mi"
        : $"{(bytes + 1023) >> 10}Ki";
}
