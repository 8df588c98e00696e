using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Semitone.Cli.Benchmarks;

/// <summary>Measurements by row and system, printed as a table and as JSON.</summary>
internal sealed class BenchmarkTable(string title, string unit, IReadOnlyList<string> systems)
{
    private readonly List<string> _rows = [];
    private readonly Dictionary<(string Row, string System), List<double>> _values = [];

    public void Add(string row, string system, double value)
    {
        if (!_rows.Contains(row))
        {
            _rows.Add(row);
        }

        if (!_values.TryGetValue((row, system), out List<double>? values))
        {
            _values.Add((row, system), values = []);
        }

        values.Add(value);
    }

    /// <summary>Writes the table: medians, and how many times as much the others take as the first system.</summary>
    public string Print()
    {
        string heading = $"{title} ({unit})";
        int width = _rows.Select(row => row.Length).Append(heading.Length).Max();
        StringBuilder text = new();
        text.Append('\n').Append(heading.PadRight(width));
        foreach (string system in systems)
        {
            text.Append($"{system,16}");
        }

        foreach (string other in systems.Skip(1))
        {
            text.Append($"{other + "/" + systems[0],24}");
        }

        text.Append('\n');
        foreach (string row in _rows)
        {
            text.Append(row.PadRight(width));
            foreach (string system in systems)
            {
                text.Append($"{Format(GetMedian(row, system)),16}");
            }

            foreach (string other in systems.Skip(1))
            {
                text.Append($"{Format(GetMedian(row, other) / GetMedian(row, systems[0])),24}");
            }

            text.Append('\n');
        }

        return text.ToString();
    }

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject(title);
        json.WriteString("unit", unit);
        foreach (string row in _rows)
        {
            json.WriteStartObject(row);
            foreach (string system in systems)
            {
                if (_values.TryGetValue((row, system), out List<double>? values))
                {
                    json.WriteStartArray(system);
                    foreach (double value in values)
                    {
                        json.WriteNumberValue(Math.Round(value, 3));
                    }

                    json.WriteEndArray();
                }
            }

            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    public double? GetMedian(string row, string system)
    {
        if (!_values.TryGetValue((row, system), out List<double>? values))
        {
            return null;
        }

        List<double> sorted = [.. values.Order()];
        int middle = sorted.Count / 2;
        return sorted.Count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    private static string Format(double? value) => value switch
    {
        null => "-",
        double number when double.IsNaN(number) || double.IsInfinity(number) => "-",
        >= 100 or 0 => value.Value.ToString("N0", CultureInfo.InvariantCulture),
        _ => value.Value.ToString("0.##", CultureInfo.InvariantCulture),
    };
}
