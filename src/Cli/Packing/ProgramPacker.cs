using Semitone.Cli.Libraries;
using Semitone.Cli.Packing.Rules;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Packing;

/// <summary>What a program of the host came down to: how the guest starts it.</summary>
/// <param name="Command">Program and arguments.</param>
/// <param name="Environment">Variables that it must have, <c>NAME=VALUE</c>.</param>
/// <param name="MemoryBytes">What it needs by experience, besides what is packed; 0 for the usual.</param>
internal sealed record PackedCommand(IReadOnlyList<string> Command, IReadOnlyList<string> Environment, long MemoryBytes);

/// <summary>Packs a program of the host with all that it takes to start it and to run.</summary>
internal sealed class ProgramPacker(RootFileSystemWriter writer, PackingReport report)
{
    private const int MaxScriptDepth = 5;
    private const uint Executable = 0x49;

    private readonly List<(string Name, string NeededBy)> _missing = [];
    private readonly List<PackedProgram> _programs = [];
    private readonly List<string> _searched = [];
    private string? _libraryPath;
    private string? _script;

    /// <summary>Packs what a user typed: a program, or a script or archive that an interpreter runs.</summary>
    /// <param name="name">A path, a name in PATH, or a name in the working directory.</param>
    /// <param name="arguments">What follows it.</param>
    /// <param name="variables">What the user gives the guest, <c>NAME=VALUE</c> or <c>NAME</c>.</param>
    public PackedCommand Pack(string name, IReadOnlyList<string> arguments, IReadOnlyList<string> variables)
    {
        // The usual places for temporary files; everything else that a program expects of a system is its user's to give.
        writer.AddFolder("/tmp", permissions: 0x3FF);
        bool isTyped = name.Contains('/');
        string? path = HostPrograms.Find(name);
        if (path is null && !isTyped && HostFile.Exists($"{HostFile.CurrentDirectory}/{name}"))
        {
            (path, isTyped) = ($"{HostFile.CurrentDirectory}/{name}", true);
        }

        if (path is null)
        {
            bool isLink = isTyped && FileStatus.TryRead(HostFile.GetFullPath(name), out FileStatus link) && link.IsSymbolicLink;
            string shown = name.Length == 0 ? "''" : name;
            string hint = isLink ? ": it is a symbolic link that leads nowhere"
                : name.Length > 0 && HostFile.IsFolder(name)
                    ? $": it is a folder; to run a program in it, say --rootfs {name} /path/of/program"
                : "";
            throw new CommandFailedException(ExitStatus.NotFound, $"{shown}: not found{hint}");
        }

        // A program is called by the name that the user typed, as a shell would; where that is relative, it is so to the folder that we are
        // in.
        string called = isTyped ? name : FindReal(path, name);
        // What is started by itself needs a slash, or the guest would look for it in PATH.
        IReadOnlyList<string> command = AddFile(isTyped ? path : called, called) is { } interpreter
            ? [.. interpreter, called, .. arguments]
            : [called.Contains('/') ? called : $"./{called}", .. arguments];
        if (_missing.Count > 0)
        {
            throw new CommandFailedException(
                ExitStatus.NotFound,
                string.Join(
                    '\n', _missing.Select(library => $"{library.NeededBy} needs the library {library.Name}, which is not to be found")));
        }

        _script ??= FindScript(arguments);
        report.Add("program", $"{name}, and {_programs.Sum(program => Math.Max(program.Finder.Objects.Count - 1, 0))} libraries");
        PackingContext context = new(writer, _programs, command.Count > 0 ? [.. command.Skip(1)] : [], variables) { Script = _script };
        foreach (PackingRule rule in _programs.Count == 0 ? [] : PackingRules.All)
        {
            report.Add(rule.Name, rule.Apply(context));
        }

        return new PackedCommand(command, [.. GetVariables(), .. context.Environment], context.MemoryBytes);
    }

    private IEnumerable<string> GetVariables()
    {
        if (_libraryPath is not null)
        {
            yield return $"LD_LIBRARY_PATH={_libraryPath}";
        }

        // env(1) looks its program up in the guest's PATH, which need not have the folder where the host's PATH had it.
        string[] usual = Running.RunPlan.DefaultPath.Split('=', 2)[1].Split(':');
        string[] others = [.. _searched.Where(folder => !usual.Contains(folder)).Distinct()];
        if (others.Length > 0)
        {
            yield return $"PATH={string.Join(':', [.. others, .. usual])}";
        }
    }

    /// <summary>Packs a file that is to be run.</summary>
    /// <returns>The interpreter with its flags, where the file cannot be started by itself; null where it can.</returns>
    private List<string>? AddFile(string path, string shown)
    {
        FileStatus status = Check(path, shown);
        ProgramScript? script = ProgramScript.Read(path);
        bool canStart = (status.Mode & Executable) != 0
            && (script is not null || PackingRules.FindInterpreter(path) is null || IsElf(path));
        if (canStart)
        {
            AddProgram(path, depth: 0);
            _script = script is null ? null : path;
            return null;
        }

        List<string>? interpreter = script is not null ? GetInterpreter(script) : FindInterpreter(path);
        if (interpreter is null || IsElf(path))
        {
            throw new CommandFailedException(ExitStatus.CannotRun, $"{shown} cannot be run: it is not executable (chmod +x)");
        }

        writer.TryAddPath(path);
        _script = path;
        AddProgram(interpreter[0], depth: 1);
        return interpreter;
    }

    /// <summary>Takes the interpreter of a file's first line, with its argument; what env(1) would find stands in its place.</summary>
    private List<string> GetInterpreter(ProgramScript script)
    {
        string[] flags = script.Argument is { } argument ? [argument] : [];
        if (Path.GetFileName(script.Interpreter) == "env" && script.FindProgram() is { } name)
        {
            string interpreter = FindReal(name)
                ?? throw new CommandFailedException(ExitStatus.NotFound, $"the interpreter {script.Describe(name)} is not in PATH");
            return [interpreter, .. script.Argument!.Split(' ').SkipWhile(word => word != name).Skip(1)];
        }

        return [HostFile.GetFullPath(script.Interpreter), .. flags];
    }

    private static List<string>? FindInterpreter(string path)
    {
        if (PackingRules.FindInterpreter(path) is not { } kind)
        {
            return null;
        }

        return kind.Interpreters.Select(FindReal).FirstOrDefault(found => found is not null) is { } interpreter
            ? [interpreter, .. kind.Flags]
                : throw new CommandFailedException(ExitStatus.NotFound, $"{path} is run with {kind.Interpreters[0]}, which is not in PATH");
    }

    /// <summary>Finds a program in PATH, and what it stands for.</summary>
    private static string? FindReal(string name) =>
        HostPrograms.FindAll(name).Select(VersionShim.Resolve).FirstOrDefault(path => path is not null);

    private static string FindReal(string path, string name) => VersionShim.Resolve(path) ?? FindReal(name) ?? path;

    /// <summary>Finds the script among the arguments of an interpreter that the user named.</summary>
    private string? FindScript(IReadOnlyList<string> arguments)
    {
        foreach (string argument in arguments)
        {
            if (argument is "-c" or "-e" or "-m" || _programs.Count == 0)
            {
                return null;
            }

            if (!argument.StartsWith('-')
                && PackingRules.FindInterpreter(argument) is not null
                && HostFile.Exists(HostFile.GetFullPath(argument)))
            {
                string path = HostFile.GetFullPath(argument);
                writer.TryAddPath(path);
                return path;
            }
        }

        return null;
    }

    private static FileStatus Check(string path, string shown)
    {
        if (!FileStatus.TryFollow(path, out FileStatus status))
        {
            throw new CommandFailedException(ExitStatus.NotFound, $"{shown}: not found");
        }

        if (!status.IsRegular)
        {
            throw new CommandFailedException(ExitStatus.CannotRun, $"{shown} cannot be run: it is not a file");
        }

        try
        {
            // A program that may be run and not be read is nothing for us: it has to be packed.
            HostFile.Open(path).Dispose();
            return status;
        }
        catch (IOException failure)
        {
            throw new CommandFailedException(ExitStatus.CannotRun, $"{shown} cannot be run: it cannot be read: {failure.Message}");
        }
    }

    private static bool IsElf(string path)
    {
        try
        {
            using FileStream file = HostFile.OpenStream(path);
            Span<byte> magic = stackalloc byte[4];
            return file.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false) == magic.Length
                && magic.SequenceEqual<byte>([0x7F, (byte)'E', (byte)'L', (byte)'F']);
        }
        catch (IOException failure)
        {
            throw new CommandFailedException(ExitStatus.CannotRun, $"{path} cannot be read: {failure.Message}");
        }
    }

    private void AddProgram(string program, int depth)
    {
        string? resolved = ResolvedPath.Get(program);
        if (resolved is null || !FileStatus.TryRead(resolved, out FileStatus status))
        {
            throw new CommandFailedException(ExitStatus.NotFound, $"{program}: not found");
        }

        if (!status.IsRegular || (status.Mode & Executable) == 0)
        {
            throw new CommandFailedException(
                ExitStatus.CannotRun, $"{program} cannot be run: it is {(status.IsRegular ? "not executable (chmod +x)" : "not a file")}");
        }

        writer.TryAddPath(program);
        if (ProgramScript.Read(resolved) is { } script)
        {
            AddInterpreter(program, script, depth);
            return;
        }

        LibraryFinder finder = new("", HostEnvironment.Get("LD_LIBRARY_PATH"));
        LibrarySet libraries = finder.Find(program);
        _libraryPath ??= libraries.SearchPath;
        _missing.AddRange(libraries.Missing);
        foreach (string path in libraries.Paths)
        {
            writer.TryAddPath(path);
        }

        if (ElfObject.TryRead(program, neededBy: null, out ElfObject? executable, out _))
        {
            _programs.Add(new PackedProgram(program, resolved, executable!, finder));
        }
    }

    private void AddInterpreter(string program, ProgramScript script, int depth)
    {
        if (depth == MaxScriptDepth)
        {
            throw new CommandFailedException(
                ExitStatus.CannotRun, $"{program} cannot be run: the interpreters of scripts are scripts, and so on");
        }

        string interpreter = HostFile.GetFullPath(script.Interpreter);
        if (!HostFile.Exists(interpreter))
        {
            string shown = script.Describe(script.Interpreter);
            throw new CommandFailedException(ExitStatus.NotFound, $"{program} cannot be run: its interpreter {shown} is missing");
        }

        AddProgram(interpreter, depth + 1);

        // env(1) looks the real interpreter up in PATH.
        if (Path.GetFileName(interpreter) == "env" && script.FindProgram() is { } name)
        {
            string found = FindReal(name)
                ?? throw new CommandFailedException(
                    ExitStatus.NotFound, $"{program} cannot be run: its interpreter {script.Describe(name)} is not in PATH");
            _searched.Add(Path.GetDirectoryName(found) ?? "/");
            AddProgram(found, depth + 1);
        }
    }
}
