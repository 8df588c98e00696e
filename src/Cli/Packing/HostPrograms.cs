using Semitone.Cli.Posix;

namespace Semitone.Cli.Packing;

/// <summary>Programs of the host by the names that a user types.</summary>
internal static class HostPrograms
{
    /// <summary>Finds a program: with a slash as a path, whatever is there, else in PATH.</summary>
    /// <returns>Its absolute path; null when there is none.</returns>
    public static string? Find(string name)
    {
        if (name.Contains('/'))
        {
            string path = HostFile.GetFullPath(name);
            return FileStatus.TryFollow(path, out _) ? path : null;
        }

        return FindAll(name).FirstOrDefault();
    }

    /// <summary>Finds all programs of a name in the folders of PATH, in their order.</summary>
    public static IEnumerable<string> FindAll(string name)
    {
        const uint Executable = 0x49;
        foreach (string folder in (HostEnvironment.Get("PATH") ?? "/usr/bin:/bin").Split(':', StringSplitOptions.RemoveEmptyEntries))
        {
            string path = HostFile.GetFullPath($"{folder}/{name}");
            if (FileStatus.TryFollow(path, out FileStatus status) && status.IsRegular && (status.Mode & Executable) != 0)
            {
                yield return path;
            }
        }
    }
}
