using Semitone.Cli.Posix;

namespace Semitone.Cli.Libraries;

/// <summary>Finds the shared libraries of a program as ld.so(8) would, without running anything.</summary>
/// <remarks>
/// The order for a name without a slash: DT_RPATH of the object that needs it and of those that needed that one (where the object has no
/// DT_RUNPATH); LD_LIBRARY_PATH; the object's DT_RUNPATH; the cache; the default folders. musl has one order for RPATH and RUNPATH, after
/// LD_LIBRARY_PATH, and a file with its folders.
/// </remarks>
internal sealed class LibraryFinder
{
    private const string CachePath = "/etc/ld.so.cache";
    private const string ThreadCancellationLibrary = "libgcc_s.so.1";

    /// <summary>Folders that a glibc is built to search; Debian's first, then those of the distributions that have lib64.</summary>
    private static readonly string[] s_defaultFolders =
    [
        "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"
    ];

    private static readonly string[] s_libVariants = ["lib/x86_64-linux-gnu", "lib64", "lib"];
    private static readonly string[] s_platformVariants = ["haswell", "x86_64", "xeon_phi"];
    private static readonly string[] s_musl = ["c", "pthread", "rt", "m", "dl", "util", "xnet"];

    private readonly string _root;
    private readonly string? _libraryPath;
    private readonly List<ElfObject> _objects = [];
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private readonly HashSet<string> _paths = new(StringComparer.Ordinal);
    private readonly List<(string Name, string NeededBy)> _missing = [];
    private LinkerCache? _cache;
    private bool _usesLibraryPath;
    private bool _isMusl;
    private string[] _muslFolders = [];
    private int _done;

    /// <param name="root">Where the file system starts that is searched; "" for the host's own.</param>
    /// <param name="libraryPath">LD_LIBRARY_PATH.</param>
    public LibraryFinder(string root, string? libraryPath)
    {
        _root = root;
        _libraryPath = string.IsNullOrEmpty(libraryPath) ? null : libraryPath;
    }

    private LinkerCache Cache => _cache ??= LinkerCache.Read(_root + CachePath);

    /// <summary>Finds everything that a program needs.</summary>
    /// <param name="program">Its absolute path, below the root.</param>
    /// <exception cref="CommandFailedException">The program is missing or is none for this machine.</exception>
    public LibrarySet Find(string program)
    {
        if (!ElfObject.TryRead(_root + program, neededBy: null, out ElfObject? executable, out string? problem))
        {
            throw problem is null
                ? new CommandFailedException(ExitStatus.NotFound, $"{program}: not found")
                : new CommandFailedException(ExitStatus.CannotRun, $"{program} cannot be run: {problem}");
        }

        if (executable!.Interpreter is not { } interpreter)
        {
            return new LibrarySet([], [], null);
        }

        if (!ElfObject.TryRead(_root + interpreter, executable, out ElfObject? linker, out problem))
        {
            throw new CommandFailedException(
                ExitStatus.NotFound,
                $"{program} cannot be run: its interpreter "
                    + $"{interpreter} {(problem is null ? "is missing" : $"cannot be used: {problem}")}");
        }

        _isMusl = Path.GetFileName(interpreter).StartsWith("ld-musl-", StringComparison.Ordinal);
        _paths.Add(interpreter);
        _names.Add(Path.GetFileName(interpreter));
        if (linker!.SoName is { } soName)
        {
            _names.Add(soName);
        }

        _muslFolders = _isMusl ? ReadMuslFolders(interpreter) : [];
        _objects.Add(executable);
        AddNeeded();
        if (!_isMusl && _names.Contains("libc.so.6"))
        {
            AddCancellationLibrary(executable);
            if (HostFile.Exists(_root + CachePath))
            {
                _paths.Add(CachePath);
            }
        }

        return new LibrarySet([.. _paths], _missing, _usesLibraryPath ? _libraryPath : null);
    }

    /// <summary>The program and its libraries, in the order in which they were found; empty for a static program.</summary>
    public IReadOnlyList<ElfObject> Objects => _objects;

    /// <summary>Finds a library that the program may open while it runs, and what that needs.</summary>
    /// <param name="name">As for dlopen(3): a path, or a name that is searched for.</param>
    /// <returns>The paths that were not known before; none when the library, which the program may do without, is not there.</returns>
    public IReadOnlyList<string> FindMore(string name)
    {
        if (_objects.Count == 0)
        {
            return [];
        }

        HashSet<string> known = [.. _paths];
        int missing = _missing.Count;
        if (name.Contains('/'))
        {
            if (_paths.Contains(name) || !ElfObject.TryRead(_root + name, _objects[0], out ElfObject? library, out _))
            {
                return [];
            }

            _names.Add(library!.SoName ?? name);
            _objects.Add(library);
        }
        else
        {
            Add(name, _objects[0]);
        }

        AddNeeded();
        _missing.RemoveRange(missing, _missing.Count - missing);
        return [.. _paths.Where(path => !known.Contains(path))];
    }

    private void AddNeeded()
    {
        for (; _done < _objects.Count; _done++)
        {
            foreach (string name in _objects[_done].Needed)
            {
                Add(name, _objects[_done]);
            }
        }
    }

    private void Add(string name, ElfObject neededBy)
    {
        if (!_names.Add(name) || (_isMusl && IsPartOfMusl(name)))
        {
            return;
        }

        IEnumerable<string> candidates = name.Contains('/') ? [HostFile.GetFullPath(name)]
            : _isMusl ? GetMuslCandidates(name, neededBy, _muslFolders) : GetCandidates(name, neededBy);
        foreach (string candidate in candidates)
        {
            if (!ElfObject.TryRead(_root + candidate, neededBy, out ElfObject? library, out _))
            {
                continue;
            }

            _paths.Add(candidate);
            _objects.Add(library!);
            if (library!.SoName is { } soName)
            {
                _names.Add(soName);
            }

            return;
        }

        _missing.Add((name, neededBy.Path[_root.Length..]));
    }

    private IEnumerable<string> GetCandidates(string name, ElfObject neededBy)
    {
        if (neededBy.RunPath is null)
        {
            for (ElfObject? loader = neededBy; loader is not null; loader = loader.NeededBy)
            {
                foreach (string folder in Expand(loader.RPath, loader))
                {
                    yield return $"{folder}/{name}";
                }
            }
        }

        foreach (string path in GetLibraryPathCandidates(name, neededBy))
        {
            yield return path;
        }

        foreach (string folder in Expand(neededBy.RunPath, neededBy))
        {
            yield return $"{folder}/{name}";
        }

        if (neededBy.IgnoresDefaultPaths)
        {
            yield break;
        }

        foreach (string path in Cache.Find(name))
        {
            yield return path;
        }

        foreach (string folder in s_defaultFolders)
        {
            yield return $"{folder}/{name}";
        }
    }

    private IEnumerable<string> GetMuslCandidates(string name, ElfObject neededBy, string[] muslFolders)
    {
        foreach (string path in GetLibraryPathCandidates(name, neededBy))
        {
            yield return path;
        }

        for (ElfObject? loader = neededBy; loader is not null; loader = loader.NeededBy)
        {
            foreach (string folder in Expand(loader.RunPath ?? loader.RPath, loader))
            {
                yield return $"{folder}/{name}";
            }
        }

        foreach (string folder in muslFolders)
        {
            yield return $"{folder}/{name}";
        }
    }

    private IEnumerable<string> GetLibraryPathCandidates(string name, ElfObject neededBy)
    {
        foreach (string folder in Expand(_libraryPath?.Replace(';', ':'), neededBy))
        {
            string path = $"{folder}/{name}";
            _usesLibraryPath |= HostFile.Exists(_root + path);
            yield return path;
        }
    }

    /// <summary>Splits a search path into absolute folders and replaces $ORIGIN, $LIB and $PLATFORM, which may stand in braces.</summary>
    private IEnumerable<string> Expand(string? searchPath, ElfObject owner)
    {
        if (searchPath is null)
        {
            yield break;
        }

        foreach (string part in searchPath.Split(':'))
        {
            // An empty part is the current folder.
            string folder = part.Length == 0 ? "." : part;
            folder = ReplaceToken(folder, "ORIGIN", GetOrigin(owner));
            foreach (string withLib in ReplaceVariants(folder, "LIB", s_libVariants))
            {
                foreach (string expanded in ReplaceVariants(withLib, "PLATFORM", s_platformVariants))
                {
                    yield return expanded.StartsWith('/') ? expanded.TrimEnd('/') : HostFile.GetFullPath(expanded);
                }
            }
        }
    }

    /// <summary>Finds the folder that $ORIGIN stands for.</summary>
    /// <remarks>
    /// A program's comes from /proc/self/exe, which has no symbolic link in it; a library's is the path it was loaded by.
    /// </remarks>
    private string GetOrigin(ElfObject owner)
    {
        string path = owner.Path[_root.Length..];
        if (owner.NeededBy is null && _root.Length == 0)
        {
            path = ResolvedPath.Get(path) ?? path;
        }

        string folder = Path.GetDirectoryName(path) ?? "/";
        return folder == "/" ? "" : folder;
    }

    private static IEnumerable<string> ReplaceVariants(string text, string token, string[] variants) =>
        text.Contains("$" + token, StringComparison.Ordinal) || text.Contains("${" + token + "}", StringComparison.Ordinal)
            ? variants.Select(variant => ReplaceToken(text, token, variant))
            : [text];

    private static string ReplaceToken(string text, string token, string value) =>
        text.Replace("${" + token + "}", value, StringComparison.Ordinal).Replace("$" + token, value, StringComparison.Ordinal);

    private string[] ReadMuslFolders(string interpreter)
    {
        // /lib/ld-musl-x86_64.so.1 reads /etc/ld-musl-x86_64.path, one folder a line or with colons.
        string configuration = $"/etc/{Path.GetFileName(interpreter).Replace(".so.1", ".path", StringComparison.Ordinal)}";
        if (!HostFile.TryReadAll(_root + configuration, out byte[] text))
        {
            return ["/lib", "/usr/local/lib", "/usr/lib"];
        }

        _paths.Add(configuration);
        return HostText.FromBytes(text).Split([':', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
    }

    /// <summary>Tells whether a name is one of those that musl's linker serves itself: libc.so, libm.so.6, ...</summary>
    private static bool IsPartOfMusl(string name)
    {
        int dot = name.IndexOf('.', StringComparison.Ordinal);
        return name.StartsWith("lib", StringComparison.Ordinal) && dot > 3 && s_musl.AsSpan().Contains(name[3..dot]);
    }

    /// <summary>Adds the library that glibc opens by itself when a thread is cancelled or exits, in a program with threads.</summary>
    private void AddCancellationLibrary(ElfObject executable)
    {
        if (_names.Contains(ThreadCancellationLibrary)
            || !_objects.Exists(library => library.SoName is not "libc.so.6" && library.EndsThreads()))
        {
            return;
        }

        foreach (string candidate in GetCandidates(ThreadCancellationLibrary, executable))
        {
            if (HostFile.Exists(_root + candidate))
            {
                _names.Add(ThreadCancellationLibrary);
                _paths.Add(candidate);
                return;
            }
        }
    }
}
