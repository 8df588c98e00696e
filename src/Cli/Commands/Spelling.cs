namespace Semitone.Cli.Commands;

/// <summary>Finds the word that somebody meant.</summary>
internal static class Spelling
{
    /// <summary>Of words with fewer letters a typo is as near to everything else.</summary>
    private const int ShortestWord = 3;

    /// <summary>Ends an error message with the known word that is nearest to an unknown one, if one is near.</summary>
    /// <returns><c>; did you mean 'WORD'?</c>, or nothing.</returns>
    public static string Suggest(string unknown, IEnumerable<string> known) =>
        FindNearest(unknown, known) is { } word ? $"; did you mean '{word}'?" : "";

    /// <summary>Finds the known word with the fewest changes, of which a third of the letters may be.</summary>
    public static string? FindNearest(string unknown, IEnumerable<string> known)
    {
        string? nearest = null;
        int length = unknown.TrimStart('-').Length;
        int least = length < ShortestWord ? 0 : Math.Max(1, length / 3) + 1;
        foreach (string word in known)
        {
            // `--memory` for `-memory`, and `--rootfs` for `--root`.
            int changes = word.TrimStart('-').StartsWith(unknown.TrimStart('-'), StringComparison.Ordinal)
                ? 1
                : CountChanges(unknown.TrimStart('-'), word.TrimStart('-'));
            if (changes < least)
            {
                (nearest, least) = (word, changes);
            }
        }

        return nearest;
    }

    /// <summary>
    /// Counts the letters to insert, leave out, replace, or swap with their neighbour (the optimal string alignment distance).
    /// </summary>
    private static int CountChanges(string from, string to)
    {
        int[,] changes = new int[from.Length + 1, to.Length + 1];
        for (int i = 0; i <= from.Length; i++)
        {
            for (int j = 0; j <= to.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    changes[i, j] = i + j;
                    continue;
                }

                int replaced = changes[i - 1, j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
                changes[i, j] = Math.Min(replaced, Math.Min(changes[i - 1, j], changes[i, j - 1]) + 1);
                if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1])
                {
                    changes[i, j] = Math.Min(changes[i, j], changes[i - 2, j - 2] + 1);
                }
            }
        }

        return changes[from.Length, to.Length];
    }
}
