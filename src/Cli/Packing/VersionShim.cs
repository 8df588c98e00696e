using System.Text.RegularExpressions;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Packing;

/// <summary>
/// The scripts that pyenv, rbenv, nodenv and plenv put in PATH: each stands for a program of the version that is chosen by files and a
/// variable.
/// </summary>
internal static partial class VersionShim
{
    private static readonly Dictionary<string, string> s_languages =
        new(StringComparer.Ordinal) { ["pyenv"] = "python", ["rbenv"] = "ruby", ["nodenv"] = "node", ["plenv"] = "perl" };

    /// <summary>Finds the program that a script of this kind stands for.</summary>
    /// <returns>The path itself when it is none; null when the version that is chosen has no such program.</returns>
    public static string? Resolve(string path)
    {
        string folder = Path.GetDirectoryName(path) ?? "/";
        string root = Path.GetDirectoryName(folder) ?? "/";
        if (Path.GetFileName(folder) != "shims"
            || Tool().Match(HostFile.ReadText(path)) is not { Success: true } match
            || !s_languages.TryGetValue(match.Groups[1].Value, out string? language))
        {
            return path;
        }

        string chosen = HostEnvironment.Get($"{match.Groups[1].Value.ToUpperInvariant()}_VERSION") is { Length: > 0 } variable
            ? variable
            : ReadVersion(root, language);
        return chosen.Split([':', '\n', ' '], StringSplitOptions.RemoveEmptyEntries).Where(version => !version.Contains('/'))
            .Select(version => $"{root}/versions/{version}/bin/{Path.GetFileName(path)}").FirstOrDefault(HostFile.Exists);
    }

    /// <summary>Reads the version from the file in this folder or the nearest above it, or else the one that counts everywhere.</summary>
    private static string ReadVersion(string root, string language)
    {
        for (string? folder = HostFile.CurrentDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (HostFile.Exists($"{folder}/.{language}-version"))
            {
                return HostFile.ReadText($"{folder}/.{language}-version");
            }
        }

        return HostFile.ReadText($"{root}/version");
    }

    [GeneratedRegex(@"exec ""?[^""\n]*/(\w+)""? exec")]
    private static partial Regex Tool();
}
