using System.Text;

namespace Semitone.Cli.Commands;

/// <summary>Rows of text under headings, as docker and kraft print them: columns with blanks between.</summary>
internal sealed class TextTable(params string[] headings)
{
    private const int Gap = 3;

    private readonly List<string[]> _rows = [headings];

    /// <summary>Adds a row with a value for each heading; what would upset a terminal is left out.</summary>
    public void Add(params string[] values) => _rows.Add([.. values.Select(Clean)]);

    public override string ToString()
    {
        int[] widths = [.. headings.Select((_, column) => _rows.Max(row => row[column].Length))];
        StringBuilder text = new();
        foreach (string[] row in _rows)
        {
            for (int column = 0; column < row.Length - 1; column++)
            {
                text.Append(row[column].PadRight(widths[column] + Gap));
            }

            text.Append(row[^1]).Append('\n');
        }

        return text.ToString();
    }

    private static string Clean(string text) => string.Concat(text.Select(letter => char.IsControl(letter) ? ' ' : letter));
}
