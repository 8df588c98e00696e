namespace Semitone.Cli.Packing;

/// <summary>Programs of the host by the names that a user types.</summary>
internal static class HostPrograms
{
    /// <summary>Finds a program: with a slash as a path, else in PATH.</summary>
    /// <returns>Its absolute path; null when there is none.</returns>
    public static string? Find(string name)
    {
        if (name.Contains('/'))
        {
            string path = Path.GetFullPath(name);
            return File.Exists(path) ? path : null;
        }

        foreach (string folder in (Environment.GetEnvironmentVariable("PATH") ?? "/usr/bin:/bin").Split(':', StringSplitOptions.RemoveEmptyEntries))
        {
            string path = Path.GetFullPath($"{folder}/{name}");
            if (File.Exists(path) && (File.GetUnixFileMode(path) & (UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute)) != 0)
            {
                return path;
            }
        }

        return null;
    }
}
