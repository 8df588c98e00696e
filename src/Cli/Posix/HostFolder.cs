using System.Runtime.InteropServices;

namespace Semitone.Cli.Posix;

/// <summary>Folders of the host, made, renamed and removed by names of any bytes.</summary>
internal static class HostFolder
{
    /// <summary>Nobody but the user.</summary>
    private const uint Private = 0x1C0;

    /// <summary>Makes a folder that only its owner may enter, and those that lead there.</summary>
    /// <exception cref="IOException">It cannot be made; the message says why.</exception>
    public static void CreateAll(string path)
    {
        if (HostFile.IsFolder(path))
        {
            return;
        }

        if (Path.GetDirectoryName(path) is { Length: > 1 } parent)
        {
            CreateAll(parent);
        }

        if (!TryCreate(path) && !HostFile.IsFolder(path))
        {
            throw MakeException(path);
        }
    }

    /// <summary>Makes a folder that only its owner may enter.</summary>
    /// <returns>False when that name is taken.</returns>
    /// <exception cref="IOException">It cannot be made; the message says why.</exception>
    public static bool TryCreate(string path)
    {
        if (LibC.mkdir(HostText.ToCString(path), Private) == 0)
        {
            return true;
        }

        return Marshal.GetLastPInvokeError() == LibC.EEXIST ? false : throw MakeException(path);
    }

    /// <summary>Renames a folder that has something in it, in one step and never over another such folder (rename(2)).</summary>
    /// <returns>False when the new name is taken, or the old one is there no more.</returns>
    /// <exception cref="IOException">It cannot be renamed; the message says why.</exception>
    public static bool TryRename(string from, string to)
    {
        if (LibC.rename(HostText.ToCString(from), HostText.ToCString(to)) == 0)
        {
            return true;
        }

        return Marshal.GetLastPInvokeError() is LibC.EEXIST or LibC.ENOTEMPTY or LibC.ENOTDIR or LibC.ENOENT
            ? false
            : throw MakeException(to);
    }

    /// <summary>Removes a folder and the files in it, as far as that can be done.</summary>
    /// <param name="path">Of a folder without folders in it.</param>
    public static void Remove(string path)
    {
        try
        {
            foreach (string name in HostFile.List(path))
            {
                LibC.unlink(HostText.ToCString($"{path}/{name}"));
            }
        }
        catch (IOException)
        {
            // Somebody else removes it too.
        }

        LibC.rmdir(HostText.ToCString(path));
    }

    private static IOException MakeException(string path) =>
        new($"{path}: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");
}
