using System.Runtime.CompilerServices;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Semitone.Architecture;

/// <summary>The files of the repository that these tests were compiled from.</summary>
internal static class Repository
{
    private static readonly string[] s_unreadFolders = ["bin", "obj", "out", ".git", ".vs", "TestResults", "node_modules"];

    private static readonly string[] s_textEndings =
    [
        ".cs", ".csproj", ".props", ".targets", ".slnx", ".json", ".md", ".txt", ".c", ".h", ".S", ".inc", ".ld", ".lds", ".map",
        ".sh", ".py", ".yml", ".yaml", ".golden", ".editorconfig", ".gitignore", "",
    ];

    public static string Root { get; } = FindRoot();

    /// <summary>All text files, as paths from the root.</summary>
    public static IReadOnlyList<string> TextFiles { get; } =
        [.. Walk(Root)
            .Where(path => s_textEndings.Contains(Path.GetExtension(path)))
            .Select(path => Path.GetRelativePath(Root, path))
            .Order(StringComparer.Ordinal)];

    public static IEnumerable<string> Projects => TextFiles.Where(path => path.EndsWith(".csproj", StringComparison.Ordinal));

    /// <summary>The projects under src, by name.</summary>
    public static IEnumerable<string> ProductProjects => Projects.Where(path => path.StartsWith("src/", StringComparison.Ordinal));

    public static IEnumerable<string> Sources => TextFiles.Where(path => path.EndsWith(".cs", StringComparison.Ordinal));

    public static string Read(string path) => File.ReadAllText(Path.Combine(Root, path));

    public static SourceFile Parse(string path) => new(path, CSharpSyntaxTree.ParseText(Read(path), path: path));

    public static string NameOf(string project) => Path.GetFileNameWithoutExtension(project);

    private static IEnumerable<string> Walk(string directory)
    {
        foreach (string file in Directory.EnumerateFiles(directory))
        {
            yield return file;
        }

        foreach (string child in Directory.EnumerateDirectories(directory))
        {
            // The launcher's folders and the like begin with a dot; .ci is the one that is ours.
            string name = Path.GetFileName(child);
            if (s_unreadFolders.Contains(name) || (name.StartsWith('.') && name != ".ci"))
            {
                continue;
            }

            foreach (string file in Walk(child))
            {
                yield return file;
            }
        }
    }

    private static string FindRoot([CallerFilePath] string thisFile = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(thisFile)!, "..", ".."));
}

/// <summary>A parsed file.</summary>
internal sealed record SourceFile(string Path, SyntaxTree Tree)
{
    public SyntaxNode Node => Tree.GetRoot();

    /// <summary>Says where a piece of syntax is.</summary>
    public string Locate(SyntaxNodeOrToken syntax) => $"{Path}:{Tree.GetLineSpan(syntax.Span).StartLinePosition.Line + 1}";
}
