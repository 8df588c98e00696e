using Semitone.Abi;

namespace Semitone.Loader;

/// <summary>The search of a program by its bare name, as execvp(3) does it.</summary>
public static class ProgramPath
{
    /// <summary>What is searched when the environment says nothing.</summary>
    public static ReadOnlySpan<byte> Default => "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"u8;

    /// <summary>Finds the path to execute.</summary>
    /// <param name="files">Where to look.</param>
    /// <param name="name">What the user typed; with a slash in it, it is the path.</param>
    /// <param name="environment">The environment whose PATH is searched.</param>
    /// <param name="path">The path, when the result is None.</param>
    /// <returns>None; ENOENT when no folder has it, EACCES when one has it but it cannot be executed.</returns>
    public static Errno Find(IProgramLookup files, byte[] name, IReadOnlyList<byte[]> environment, out byte[] path)
    {
        path = name;
        if (name.Length == 0)
        {
            return Errno.ENOENT;
        }

        if (name.AsSpan().Contains((byte)'/'))
        {
            return Errno.None;
        }

        Errno result = Errno.ENOENT;
        ReadOnlySpan<byte> rest = GetVariable(environment, "PATH="u8, Default);
        bool isLast = false;
        while (!isLast)
        {
            int colon = rest.IndexOf((byte)':');
            isLast = colon < 0;
            ReadOnlySpan<byte> folder = isLast ? rest : rest[..colon];
            rest = isLast ? [] : rest[(colon + 1)..];

            byte[] candidate = Join(folder, name);
            Errno error = files.Open(candidate, out _);
            if (error == Errno.None)
            {
                path = candidate;
                return Errno.None;
            }

            if (error == Errno.EACCES)
            {
                result = Errno.EACCES;
            }
            else if (error is not (Errno.ENOENT or Errno.ENOTDIR or Errno.ELOOP or Errno.ENAMETOOLONG))
            {
                return error;
            }
        }

        return result;
    }

    /// <summary>Gets the value of an environment variable.</summary>
    /// <param name="environment">Where to look; the first of several counts, as for getenv(3).</param>
    /// <param name="prefix">The name with its equals sign.</param>
    /// <param name="missing">What to give when it is not set.</param>
    public static ReadOnlySpan<byte> GetVariable(IReadOnlyList<byte[]> environment, ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> missing)
    {
        for (int index = 0; index < environment.Count; index++)
        {
            ReadOnlySpan<byte> variable = environment[index];
            if (variable.StartsWith(prefix))
            {
                return variable[prefix.Length..];
            }
        }

        return missing;
    }

    /// <summary>Puts a name behind a folder; an empty folder is the working directory.</summary>
    private static byte[] Join(ReadOnlySpan<byte> folder, ReadOnlySpan<byte> name)
    {
        bool needsSlash = !folder.IsEmpty && folder[^1] != '/';
        byte[] path = new byte[folder.Length + (needsSlash ? 1 : 0) + name.Length];
        folder.CopyTo(path);
        name.CopyTo(path.AsSpan(path.Length - name.Length));
        if (needsSlash)
        {
            path[folder.Length] = (byte)'/';
        }

        return path;
    }
}
