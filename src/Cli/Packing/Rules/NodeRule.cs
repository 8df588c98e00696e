using System.Text.Json;
using System.Text.RegularExpressions;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Packing.Rules;

/// <summary>
/// Node.js: what the script requires or imports, by relative paths and from node_modules; its own modules are in the executable.
/// </summary>
internal sealed partial class NodeRule : PackingRule
{
    private static readonly string[] s_endings = ["", ".js", ".mjs", ".cjs", ".json", ".node", "/index.js", "/index.mjs", "/index.json"];

    /// <summary>Debian keeps a few of Node's own modules in files.</summary>
    private static readonly string[] s_shared =
    [
        "/usr/share/nodejs/acorn", "/usr/share/nodejs/acorn-walk", "/usr/share/nodejs/cjs-module-lexer", "/usr/share/nodejs/undici"
    ];

    public override string Name => "node";

    public override string? Apply(PackingContext context)
    {
        if (context.Find(name => name is "node" or "nodejs") is not { } program)
        {
            return null;
        }

        context.NeedMemory(256L << 20);
        if (program.Finder.Objects.Any(item => item.SoName?.StartsWith("libnode.so", StringComparison.Ordinal) == true))
        {
            foreach (string folder in s_shared)
            {
                context.AddTree(folder, program);
            }
        }

        int files = 0;
        HashSet<string> packages = new(StringComparer.Ordinal);
        HashSet<string> seen = new(StringComparer.Ordinal);
        Queue<string> rest = new(context.Script is { } script ? [script] : []);
        while (rest.TryDequeue(out string? file))
        {
            AddPackageFile(context, file);
            foreach (Match match in Import().Matches(HostFile.ReadText(file)))
            {
                string name = match.Groups[1].Value;
                if (!name.StartsWith('.') && !name.StartsWith('/'))
                {
                    AddPackage(context, program, file, name, packages);
                    continue;
                }

                string target = name.StartsWith('/') ? name : HostFile.GetFullPath($"{Path.GetDirectoryName(file)}/{name}");
                if (s_endings.Select(ending => target + ending).FirstOrDefault(HostFile.Exists) is { } found
                    && seen.Add(found)
                    && context.Add(found, program))
                {
                    files++;
                    rest.Enqueue(found);
                }
            }
        }

        return $"{files} files and {packages.Count} packages that are required or imported";
    }

    /// <summary>Packs the package.json above a file: it says what kind of module a .js file is.</summary>
    private static void AddPackageFile(PackingContext context, string file)
    {
        if (PackingContext.FoldersUpFrom(file).FirstOrDefault(folder => HostFile.Exists($"{folder}/package.json")) is { } folder)
        {
            context.Add($"{folder}/package.json");
        }
    }

    /// <summary>Packs a package, and those that it depends on, from the node_modules above a file.</summary>
    private static void AddPackage(PackingContext context, PackedProgram program, string file, string name, HashSet<string> packages)
    {
        // Of "@scope/package/part" the first two count, of "package/part" the first.
        string package = string.Join('/', name.Split('/').Take(name.StartsWith('@') ? 2 : 1));
        if (PackingContext.FoldersUpFrom(file)
            .Select(folder => $"{folder}/node_modules/{package}")
            .FirstOrDefault(HostFile.IsFolder) is not { } found || !packages.Add(found))
        {
            return;
        }

        context.AddTree(found, program);
        string resolved = ResolvedPath.Get(found) ?? found;
        foreach (string dependency in ReadDependencies($"{found}/package.json"))
        {
            AddPackage(context, program, $"{resolved}/package.json", dependency, packages);
        }
    }

    private static IEnumerable<string> ReadDependencies(string file)
    {
        if (!HostFile.TryReadAll(file, out byte[] content))
        {
            return [];
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(content);
            return document.RootElement.ValueKind == JsonValueKind.Object
                && document.RootElement.TryGetProperty("dependencies", out JsonElement dependencies)
                && dependencies.ValueKind == JsonValueKind.Object
                ? [.. dependencies.EnumerateObject().Select(property => property.Name)]
                : [];
        }
        catch (JsonException)
        {
            return [];
        }
    }

    [GeneratedRegex(@"(?:\brequire\s*\(|\bimport\s*\(|\bfrom\s|\bimport\s)\s*['""]([^'""\n]+)['""]")]
    private static partial Regex Import();
}
