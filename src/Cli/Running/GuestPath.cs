namespace Semitone.Cli.Running;

/// <summary>Places in the guest that something is mounted on.</summary>
internal static class GuestPath
{
    /// <summary>Makes a path one that an entry of <c>vfs.fstab</c> can have.</summary>
    /// <param name="flag">Whose value it is, for messages.</param>
    /// <exception cref="CommandFailedException">It cannot be such a place.</exception>
    public static string Check(string flag, string path)
    {
        if (!path.StartsWith('/'))
        {
            throw new CommandFailedException(ExitStatus.Usage, $"{flag}: '{path}' is no absolute path in the guest");
        }

        string full = Path.GetFullPath(path);
        if (full.Length == 1)
        {
            throw new CommandFailedException(
                ExitStatus.Usage, $"{flag}: '{path}': the root is what --rootfs or packing makes it; name a folder below it");
        }

        return full.AsSpan().IndexOfAny(':', '"', '\'') >= 0 || full.Any(char.IsWhiteSpace)
            ? throw new CommandFailedException(
                ExitStatus.Usage, $"{flag}: '{full}': the place in the guest cannot have colons, quotes or spaces in its name")
            : full.TrimEnd('/');
    }
}
