using System.Text.RegularExpressions;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Packing.Rules;

/// <summary>CPython: its standard library, found as getpath.py finds it, and of other modules those that the script imports.</summary>
internal sealed partial class PythonRule : PackingRule
{
    /// <summary>Parts of the standard library that are no library: its tests, its editor, what builds and installs.</summary>
    private static readonly string[] s_leftOut = ["test", "idlelib", "turtledemo", "ensurepip", "site-packages", "dist-packages"];

    public override string Name => "python";

    public override string? Apply(PackingContext context)
    {
        if (FindPython(context) is not { } program)
        {
            return null;
        }

        // In a virtual environment, pyvenv.cfg names the folder of the interpreter whose library is used.
        string? environment = PackingContext.FoldersUpFrom(program.Path)
            .Take(2)
            .FirstOrDefault(folder => HostFile.Exists($"{folder}/pyvenv.cfg"));
        string? home = environment is null ? null : ReadHome($"{environment}/pyvenv.cfg");
        string? library = FindLibrary(home is null ? program.Resolved : $"{home}/{program.FileName}", program.FileName);
        if (library is null)
        {
            return null;
        }

        if (environment is not null)
        {
            context.Add($"{environment}/pyvenv.cfg");
        }

        context.AddTree(library, program, path => IsWanted(path, library));
        string version = Path.GetFileName(library);
        string prefix = Path.GetDirectoryName(Path.GetDirectoryName(library)!) ?? "";
        context.AddTree($"{prefix}/lib64/{version}", program, path => IsWanted(path, $"{prefix}/lib64/{version}"));
        context.Add($"{prefix}/lib/{version.Replace(".", "", StringComparison.Ordinal)}.zip");
        ModuleFinder modules = new(context, program, GetModuleFolders(context, environment, prefix, version));
        int found = modules.AddFrom(context.Script, context.Arguments);
        string zones = modules.Imports("zoneinfo") && context.AddTree(TimeZoneRule.Database, program) ? $", {TimeZoneRule.Database}" : "";
        return $"the standard library {library}{zones}" + (found == 0 ? "" : $", and {found} modules that are imported");
    }

    /// <summary>Finds Python among what is packed.</summary>
    public static PackedProgram? FindPython(PackingContext context) => context.Find(name => ProgramName().IsMatch(name));

    private static IEnumerable<string> GetModuleFolders(PackingContext context, string? environment, string prefix, string version)
    {
        foreach (string folder in (context.GetVariable("PYTHONPATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries))
        {
            yield return folder;
        }

        if (environment is not null)
        {
            yield return $"{environment}/lib/{version}/site-packages";
        }

        yield return $"{HostEnvironment.Get("HOME")}/.local/lib/{version}/site-packages";
        yield return $"{prefix}/lib/{version}/site-packages";
        yield return $"{prefix}/local/lib/{version}/dist-packages";
        yield return $"{prefix}/lib/python3/dist-packages";
        yield return $"{prefix}/lib/{version}/dist-packages";
    }

    private static string? ReadHome(string file) => HostFile.ReadText(file).Split('\n')
        .Select(line => line.Split('=', 2, StringSplitOptions.TrimEntries)).FirstOrDefault(parts => parts is ["home", { Length: > 0 }])?[1];

    /// <summary>Finds <c>lib/pythonX.Y</c> with its landmark, os.py, in the folders above the interpreter.</summary>
    private static string? FindLibrary(string interpreter, string fileName)
    {
        string version = VersionedName().IsMatch(fileName) ? fileName : "";
        foreach (string folder in PackingContext.FoldersUpFrom(interpreter))
        {
            IEnumerable<string> names = version.Length > 0 ? [version]
                : PackingContext.List($"{folder}/lib")
                    .Where(name => VersionedName().IsMatch(name))
                    .OrderByDescending(name => int.Parse(name.Split('.')[1], System.Globalization.CultureInfo.InvariantCulture));
            if (names.Select(name => $"{folder}/lib/{name}").FirstOrDefault(candidate => HostFile.Exists($"{candidate}/os.py"))
                is { } library)
            {
                return library;
            }
        }

        return null;
    }

    private static bool IsWanted(string path, string library)
    {
        string name = Path.GetFileName(path);
        bool isTop = Path.GetDirectoryName(path) == library;
        return !(isTop && (s_leftOut.Contains(name) || name.StartsWith("config-", StringComparison.Ordinal)))
            && !name.Contains(".opt-", StringComparison.Ordinal) && name is not ("tests" or "idle_test");
    }

    [GeneratedRegex(@"^python(\d(\.\d+)?)?$")]
    private static partial Regex ProgramName();

    [GeneratedRegex(@"^python\d\.\d{1,3}$")]
    private static partial Regex VersionedName();

    /// <summary>Follows imports by their text.</summary>
    private sealed partial class ModuleFinder(PackingContext context, PackedProgram program, IEnumerable<string> folders)
    {
        private readonly string[] _folders = [.. folders.Where(HostFile.IsFolder).Distinct()];
        private readonly HashSet<string> _seen = new(StringComparer.Ordinal);
        private readonly Queue<string> _files = [];
        private string? _own;
        private int _found;

        /// <summary>
        /// Packs the modules that a script imports, or what stands behind <c>-c</c> or <c>-m</c>, and those that they import.
        /// </summary>
        /// <returns>How many there were.</returns>
        public int AddFrom(string? script, IReadOnlyList<string> arguments)
        {
            if (script is not null)
            {
                _own = Path.GetDirectoryName(script);
                _files.Enqueue(script);
            }
            else
            {
                _own = HostFile.CurrentDirectory;
                for (int i = 0; i + 1 < arguments.Count && arguments[i].StartsWith('-'); i++)
                {
                    if (arguments[i] == "-c")
                    {
                        AddImports(arguments[i + 1]);
                    }
                    else if (arguments[i] == "-m")
                    {
                        Add(arguments[i + 1].Split('.')[0]);
                    }
                }
            }

            while (_files.TryDequeue(out string? file))
            {
                AddImports(HostFile.ReadText(file));
            }

            return _found;
        }

        /// <summary>Tells whether a module, the standard library's too, is imported by one of the files that were followed.</summary>
        public bool Imports(string module) => _seen.Contains(module);

        private void AddImports(string text)
        {
            foreach (Match match in Import().Matches(text))
            {
                if (match.Groups["from"].Success)
                {
                    Add(match.Groups["from"].Value);
                    continue;
                }

                foreach (string name in match.Groups["names"].Value.Split(','))
                {
                    Add(name.Trim().Split('.', ' ')[0]);
                }
            }
        }

        private void Add(string module)
        {
            if (module.Length == 0 || !_seen.Add(module))
            {
                return;
            }

            foreach (string folder in _own is null ? _folders : [_own, .. _folders])
            {
                if (TryAdd(folder, module))
                {
                    _found++;
                    return;
                }
            }
        }

        private bool TryAdd(string folder, string module)
        {
            bool isThere = false;
            string package = $"{folder}/{module}";
            if (HostFile.IsFolder(package) && (folder != _own || HostFile.Exists($"{package}/__init__.py")))
            {
                isThere = context.AddTree(package, program, path =>
                {
                    if (path.EndsWith(".py", StringComparison.Ordinal))
                    {
                        _files.Enqueue(path);
                    }

                    return Path.GetFileName(path) is not ("tests" or "test");
                });

                // Beside a package may lie the libraries that it brings.
                context.AddTree($"{package}.libs", program);
            }

            if (HostFile.Exists($"{package}.py"))
            {
                _files.Enqueue($"{package}.py");
                isThere = context.Add($"{package}.py");
            }

            foreach (string name in PackingContext.List(folder))
            {
                if (name.StartsWith(module + ".", StringComparison.Ordinal) && name.EndsWith(".so", StringComparison.Ordinal))
                {
                    isThere |= context.Add($"{folder}/{name}", program);
                }
                else if (name.StartsWith(module + "-", StringComparison.OrdinalIgnoreCase)
                    && name.EndsWith(".dist-info", StringComparison.Ordinal))
                {
                    context.AddTree($"{folder}/{name}", program);
                }
            }

            return isThere;
        }

        // At the start of a line or behind a semicolon; a module of the own package (from . import) is packed with it.
        [GeneratedRegex(
            @"(?:^|;)[ \t]*(?:from[ \t]+(?<from>[A-Za-z_]\w*)|import[ \t]+(?<names>[A-Za-z_][\w. ,]*))", RegexOptions.Multiline)]
        private static partial Regex Import();
    }
}
