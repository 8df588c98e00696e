using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Semitone.Architecture;

/// <summary>How much there is that no compiler checks, as docs/soundness.md says it.</summary>
/// <remarks>
/// The rule. C#: a line counts when a token on it lies in a declaration or block marked <c>unsafe</c>; the number of those marks is
/// counted, too. Assembly and C: every line that is not blank and no comment. Safe C#: a line with a token. SEMITONE_UPDATE_GOLDEN=1 writes
/// the table anew.
/// </remarks>
public sealed class UnsafeCensusTests
{
    private const string Page = "docs/soundness.md";

    /// <summary>Small changes need not touch the page; a twentieth more is worth a look.</summary>
    private const double Tolerance = 0.05;

    private static readonly string[] s_host = ["src/Cli/", "src/Generators/", "src/Analyzers/"];

    [Fact]
    public void Table_SaysHowMuchIsUnsafe()
    {
        (string Name, int[] Counts)[] actual = Count();
        string text = Repository.Read(Page);
        if (Environment.GetEnvironmentVariable("SEMITONE_UPDATE_GOLDEN") == "1")
        {
            foreach ((string name, int[] counts) in actual)
            {
                text = RowOf(name).Replace(
                    text, $"| {name} | {string.Join(" | ", counts.Select(count => count.ToString("N0", CultureInfo.InvariantCulture)))} |");
            }

            File.WriteAllText(Path.Combine(Repository.Root, Page), text);
            return;
        }

        List<string> violations = [];
        foreach ((string name, int[] counts) in actual)
        {
            Match row = RowOf(name).Match(text);
            Assert.True(row.Success, $"{Page} has no row of {name}");
            int[] told = [.. row.Value.Split('|')[2..^1].Select(cell => int.Parse(
                cell,
                NumberStyles.AllowThousands | NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite,
                CultureInfo.InvariantCulture))];
            if (told.Length != counts.Length || told.Zip(counts).Any(pair => Math.Abs(pair.First - pair.Second) > Tolerance * pair.Second))
            {
                violations.Add($"{name}: {Page} says {string.Join(", ", told)}, and it is {string.Join(", ", counts)}");
            }
        }

        Verdict.None(violations);
    }

    private static Regex RowOf(string name) =>
        new($@"^\| {Regex.Escape(name)} \|.*\|$", RegexOptions.Multiline | RegexOptions.CultureInvariant);

    private static (string Name, int[] Counts)[] Count()
    {
        string[] kernel =
        [
            .. Repository.Sources.Where(path => path.StartsWith("src/", StringComparison.Ordinal) && !s_host.Any(path.StartsWith))
        ];
        string[] metal = [.. kernel.Where(path => path.StartsWith("src/Metal/", StringComparison.Ordinal))];
        string[] machine = [.. kernel.Where(path => path.StartsWith("src/Machine.X64/", StringComparison.Ordinal))];
        return
        [
            ("Metal, C#", CountUnsafe(metal)),
            ("Machine.X64, C#", CountUnsafe(machine)),
            ("Metal, assembly", [0, CountText("src/Metal/asm/", ".S", ".inc") + CountText("src/Metal/libc/", ".S")]),
            ("Metal, C library", [0, CountText("src/Metal/libc/", ".c", ".h")]),
            ("everything else in the kernel", [0, kernel.Except(metal)
                .Except(machine)
                .Sum(path => LinesOf(Repository.Parse(path).Node.DescendantTokens()).Count)]),
        ];
    }

    private static int[] CountUnsafe(string[] paths)
    {
        int marks = 0;
        int lines = 0;
        foreach (SourceFile source in paths.Select(Repository.Parse))
        {
            SyntaxNode[] contexts =
            [
                .. source.Node.DescendantTokens().Where(token => token.IsKind(SyntaxKind.UnsafeKeyword)).Select(token => token.Parent!)
            ];
            marks += contexts.Length;
            lines += LinesOf(contexts.SelectMany(context => context.DescendantTokens())).Count;
        }

        return [marks, lines];
    }

    private static HashSet<int> LinesOf(IEnumerable<SyntaxToken> tokens) =>
        [.. tokens.Where(token => token.Span.Length > 0).Select(token => token.SyntaxTree!.GetLineSpan(token.Span).StartLinePosition.Line)];

    private static int CountText(string folder, params string[] endings) => Repository.TextFiles
        .Where(path => path.StartsWith(folder, StringComparison.Ordinal) && endings.Contains(Path.GetExtension(path)))
        .SelectMany(path => Repository.Read(path).Split('\n'))
        .Select(line => line.Trim())
        .Count(line => line.Length > 0
            && !line.StartsWith("//", StringComparison.Ordinal)
            && (!line.StartsWith('#') || line.StartsWith("#include", StringComparison.Ordinal)
                || line.StartsWith("#define", StringComparison.Ordinal)));
}
