using Semitone.Cli.Libraries;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Packing;

/// <summary>Packs a program of the host with all that it takes to start it.</summary>
internal sealed class ProgramPacker(RootFileSystemWriter writer)
{
    private const int MaxScriptDepth = 5;

    private readonly List<(string Name, string NeededBy)> _missing = [];

    /// <summary>What LD_LIBRARY_PATH must be in the guest; null for nothing.</summary>
    public string? LibraryPath { get; private set; }

    /// <summary>Packs a program under the path that it has on the host.</summary>
    /// <param name="program">Absolute path.</param>
    public void Add(string program)
    {
        // The usual places for temporary files; everything else that a program expects of a system is its user's to give.
        writer.AddFolder("/tmp", permissions: 0x3FF);
        AddProgram(program, depth: 0);
        if (_missing.Count > 0)
        {
            throw new CommandFailedException(
                ExitStatus.NotFound,
                string.Join('\n', _missing.Select(library => $"{library.NeededBy} needs the library {library.Name}, which is not to be found")));
        }
    }

    private void AddProgram(string program, int depth)
    {
        string? resolved = ResolvedPath.Get(program);
        if (resolved is null || !FileStatus.TryRead(resolved, out FileStatus status))
        {
            throw new CommandFailedException(ExitStatus.NotFound, $"{program}: not found");
        }

        if (!status.IsRegular || (status.Mode & 0x49) == 0)
        {
            throw new CommandFailedException(ExitStatus.CannotRun, $"{program} cannot be run: it is {(status.IsRegular ? "not executable (chmod +x)" : "not a file")}");
        }

        writer.TryAddPath(program);
        if (ProgramScript.Read(resolved) is { } script)
        {
            AddInterpreter(program, script, depth);
            return;
        }

        LibrarySet libraries = new LibraryFinder("", Environment.GetEnvironmentVariable("LD_LIBRARY_PATH")).Find(program);
        LibraryPath ??= libraries.SearchPath;
        _missing.AddRange(libraries.Missing);
        foreach (string path in libraries.Paths)
        {
            writer.TryAddPath(path);
        }
    }

    private void AddInterpreter(string program, ProgramScript script, int depth)
    {
        if (depth == MaxScriptDepth)
        {
            throw new CommandFailedException(ExitStatus.CannotRun, $"{program} cannot be run: the interpreters of scripts are scripts, and so on");
        }

        string interpreter = Path.GetFullPath(script.Interpreter);
        if (!File.Exists(interpreter))
        {
            throw new CommandFailedException(ExitStatus.NotFound, $"{program} cannot be run: its interpreter {script.Interpreter} is missing");
        }

        AddProgram(interpreter, depth + 1);

        // env(1) looks the real interpreter up in PATH.
        if (Path.GetFileName(interpreter) == "env"
            && script.Argument?.Split(' ', StringSplitOptions.RemoveEmptyEntries).FirstOrDefault(word => !word.StartsWith('-') && !word.Contains('=')) is { } name)
        {
            string found = HostPrograms.Find(name)
                ?? throw new CommandFailedException(ExitStatus.NotFound, $"{program} cannot be run: its interpreter {name} is not in PATH");
            AddProgram(found, depth + 1);
        }
    }
}
