namespace Semitone.Cli.Posix;

/// <summary>Paths without a symbolic link in them.</summary>
internal static class ResolvedPath
{
    /// <summary>Resolves every symbolic link in an absolute path.</summary>
    /// <returns>Null when something on the way is missing.</returns>
    public static string? Get(string path)
    {
        const int MaxLinks = 40;
        Stack<string> rest = new();
        PushParts(rest, path);
        string resolved = "";
        int links = 0;
        while (rest.TryPop(out string? part))
        {
            if (part == "..")
            {
                resolved = resolved.Length == 0 ? "" : resolved[..resolved.LastIndexOf('/')];
                continue;
            }

            string current = $"{resolved}/{part}";
            if (!FileStatus.TryRead(current, out FileStatus status))
            {
                return null;
            }

            if (!status.IsSymbolicLink)
            {
                resolved = current;
                continue;
            }

            if (++links > MaxLinks || HostFile.ReadLink(current) is not { } target)
            {
                return null;
            }

            PushParts(rest, target);
            resolved = target.StartsWith('/') ? "" : resolved;
        }

        return resolved.Length == 0 ? "/" : resolved;
    }

    private static void PushParts(Stack<string> rest, string path)
    {
        string[] parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        for (int i = parts.Length - 1; i >= 0; i--)
        {
            if (parts[i] != ".")
            {
                rest.Push(parts[i]);
            }
        }
    }
}
