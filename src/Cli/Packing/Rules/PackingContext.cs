using Semitone.Cli.Posix;

namespace Semitone.Cli.Packing.Rules;

/// <summary>What a rule sees and does: the programs that are packed so far, and the means to pack more.</summary>
internal sealed class PackingContext(
    RootFileSystemWriter writer, IReadOnlyList<PackedProgram> programs, IReadOnlyList<string> arguments, IReadOnlyList<string> variables)
{
    private readonly HashSet<string> _objects = new(StringComparer.Ordinal);

    public IReadOnlyList<PackedProgram> Programs => programs;

    /// <summary>The script, archive or assembly that is run, absolute; null for a program that is run by itself.</summary>
    public string? Script { get; init; }

    /// <summary>What the program is called with, without its name.</summary>
    public IReadOnlyList<string> Arguments => arguments;

    /// <summary>Variables that the guest must have, <c>NAME=VALUE</c>.</summary>
    public List<string> Environment { get; } = [];

    /// <summary>Memory that the program needs by experience, besides what is packed.</summary>
    public long MemoryBytes { get; private set; }

    /// <summary>Finds a packed program by the name of its file.</summary>
    public PackedProgram? Find(Func<string, bool> hasName) => programs.FirstOrDefault(program => hasName(program.FileName));

    /// <summary>Gets a variable that the user has set for the guest, or in the terminal's case the one that comes from the host.</summary>
    public string? GetVariable(string name)
    {
        string prefix = name + "=";
        if (variables.LastOrDefault(variable => variable == name || variable.StartsWith(prefix, StringComparison.Ordinal)) is not { } found)
        {
            return null;
        }

        return found == name ? HostEnvironment.Get(name) : found[prefix.Length..];
    }

    public void NeedMemory(long bytes) => MemoryBytes = Math.Max(MemoryBytes, bytes);

    /// <summary>Packs a path, and the libraries that it needs if it is one itself.</summary>
    /// <returns>False when nothing is there.</returns>
    public bool Add(string path, PackedProgram? opener = null)
    {
        if (!writer.TryAddPath(path))
        {
            return false;
        }

        if (opener is not null && IsLibrary(path))
        {
            AddLibrary(path, opener);
        }

        return true;
    }

    /// <summary>Packs a path and all below it, and the libraries that those in there need.</summary>
    /// <param name="opener">The program that opens the libraries in there.</param>
    /// <param name="takes">Says of a path below whether it is wanted; null for all.</param>
    /// <returns>False when nothing is there.</returns>
    public bool AddTree(string path, PackedProgram opener, Func<string, bool>? takes = null)
    {
        List<string> libraries = [];
        bool isThere = writer.TryAddTree(path, child =>
        {
            bool isWanted = takes is null || takes(child);
            if (isWanted && IsLibrary(child))
            {
                libraries.Add(child);
            }

            return isWanted;
        });
        foreach (string library in libraries)
        {
            AddLibrary(library, opener);
        }

        return isThere;
    }

    /// <summary>Packs a library that a program opens while it runs, with what it needs; nothing where there is none.</summary>
    /// <param name="name">As for dlopen(3): a path, or a name that is searched for.</param>
    public bool AddLibrary(string name, PackedProgram opener)
    {
        if (!_objects.Add(name))
        {
            return true;
        }

        IReadOnlyList<string> paths = opener.Finder.FindMore(name);
        foreach (string path in paths)
        {
            writer.TryAddPath(path);
        }

        return paths.Count > 0;
    }

    /// <summary>Lists the names in a folder; none where it cannot be read.</summary>
    public static string[] List(string folder)
    {
        try
        {
            return HostFile.IsFolder(folder) ? HostFile.List(folder) : [];
        }
        catch (IOException)
        {
            return [];
        }
    }

    /// <summary>Gives the folders from a path's own up to the root.</summary>
    public static IEnumerable<string> FoldersUpFrom(string path)
    {
        for (string? folder = Path.GetDirectoryName(path); folder is not null; folder = Path.GetDirectoryName(folder))
        {
            yield return folder == "/" ? "" : folder;
        }
    }

    private static bool IsLibrary(string path) => path.EndsWith(".so", StringComparison.Ordinal)
        || path.Contains(".so.", StringComparison.Ordinal);
}
