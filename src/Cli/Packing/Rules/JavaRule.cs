using System.IO.Compression;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Packing.Rules;

/// <summary>Java: the runtime image that the launcher lies in, and what class paths name.</summary>
internal sealed class JavaRule : PackingRule
{
    /// <summary>A class path of jars, each of which may name more, must end somewhere.</summary>
    private const int MostArchives = 4096;

    public override string Name => "java";

    public override string? Apply(PackingContext context)
    {
        if (context.Find(name => name is "java") is not { } program || FindHome(program) is not { } home)
        {
            return null;
        }

        // The heap is a quarter of the memory; classes, compiled code and stacks come on top.
        context.NeedMemory(384L << 20);
        context.AddTree($"{home}/lib", program, path => Path.GetFileName(path)
            is not ("src.zip" or "ct.sym" or "libawt_xawt.so" or "libjawt.so" or "libsplashscreen.so" or "libjsound.so"));
        context.AddTree($"{home}/conf", program);
        context.Add($"{home}/release");
        int archives = AddClassPaths(context);
        return archives == 0 ? $"the runtime {home}" : $"the runtime {home}, and {archives} entries of class paths";
    }

    private static string? FindHome(PackedProgram program)
    {
        string home = Path.GetDirectoryName(program.Folder) ?? "/";
        return HostFile.Exists($"{home}/lib/modules") || HostFile.Exists($"{home}/lib/rt.jar") ? home : null;
    }

    private static int AddClassPaths(PackingContext context)
    {
        Queue<string> rest = new(context.Script is { } script ? [script] : []);
        IReadOnlyList<string> arguments = context.Arguments;
        for (int i = 0; i + 1 < arguments.Count; i++)
        {
            if (arguments[i] is "-cp" or "-classpath" or "--class-path" or "-p" or "--module-path")
            {
                Enqueue(rest, arguments[i + 1]);
            }
        }

        Enqueue(rest, context.GetVariable("CLASSPATH") ?? "");
        HashSet<string> seen = new(StringComparer.Ordinal);
        while (rest.TryDequeue(out string? path) && seen.Count < MostArchives)
        {
            if (!seen.Add(path) || !context.AddTree(path, context.Programs[0]))
            {
                continue;
            }

            foreach (string entry in ReadClassPath(path))
            {
                rest.Enqueue(HostFile.GetFullPath($"{Path.GetDirectoryName(path)}/{entry}"));
            }
        }

        return seen.Count - (context.Script is null ? 0 : 1);
    }

    private static void Enqueue(Queue<string> rest, string classPath)
    {
        foreach (string entry in classPath.Split(':', StringSplitOptions.RemoveEmptyEntries))
        {
            // "folder/*" stands for the jars in it.
            rest.Enqueue(HostFile.GetFullPath(entry.EndsWith("/*", StringComparison.Ordinal) ? entry[..^2] : entry));
        }
    }

    /// <summary>Reads the Class-Path of a jar's manifest, whose lines of 72 bytes go on behind a blank.</summary>
    private static IEnumerable<string> ReadClassPath(string jar)
    {
        if (!jar.EndsWith(".jar", StringComparison.OrdinalIgnoreCase))
        {
            return [];
        }

        try
        {
            using ZipArchive archive = new(HostFile.OpenStream(jar), ZipArchiveMode.Read);
            if (archive.GetEntry("META-INF/MANIFEST.MF") is not { Length: < 1 << 20 } manifest)
            {
                return [];
            }

            using StreamReader reader = new(manifest.Open());
            string text = reader.ReadToEnd().Replace("\r\n", "\n", StringComparison.Ordinal).Replace("\n ", "", StringComparison.Ordinal);
            string? line =
                Array.Find(text.Split('\n'), candidate => candidate.StartsWith("Class-Path:", StringComparison.OrdinalIgnoreCase));
            return line is null
                ? []
                : line["Class-Path:".Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries).Where(entry => !entry.Contains(':'));
        }
        catch (Exception failure) when (failure is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            // Java itself will say what is wrong with it.
            return [];
        }
    }
}
