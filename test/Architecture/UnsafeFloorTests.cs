using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Semitone.Architecture;

/// <summary>The rule that memory-unsafe code is confined to the two projects below everything else, and says why it is sound.</summary>
public sealed class UnsafeFloorTests
{
    private static readonly string[] s_floor = ["Metal", "Machine.X64"];

    [Fact]
    public void AllowUnsafeBlocks_IsSetInTheFloorOnly()
    {
        Assert.Contains("<AllowUnsafeBlocks>false</AllowUnsafeBlocks>", Repository.Read("Directory.Build.props"), StringComparison.Ordinal);
        IEnumerable<string> allowing = Repository.TextFiles
            .Where(path => path.EndsWith(".csproj", StringComparison.Ordinal)
                || path.EndsWith(".props", StringComparison.Ordinal)
                || path.EndsWith(".targets", StringComparison.Ordinal))
            .Where(path => Repository.Read(path).Contains("<AllowUnsafeBlocks>true", StringComparison.OrdinalIgnoreCase));
        Assert.Equal(s_floor.Select(name => $"src/{name}/{name}.csproj").Order(StringComparer.Ordinal), allowing);
    }

    [Fact]
    public void BannedSymbols_BindEveryKernelProject()
    {
        string properties = Repository.Read("src/Directory.Build.props");
        Assert.Contains("Microsoft.CodeAnalysis.BannedApiAnalyzers", properties, StringComparison.Ordinal);
        Assert.Contains("BannedSymbols.Waiting.txt", properties, StringComparison.Ordinal);
        Assert.Contains("BannedSymbols.Unsafe.txt", properties, StringComparison.Ordinal);
        string[] escapes = ["RunsInKernel", "IsUnsafeFloor", "RS0030", "BannedSymbols", "<TreatWarningsAsErrors>false"];
        foreach (string project in Repository.ProductProjects)
        {
            Assert.All(escapes, escape => Assert.DoesNotContain(escape, Repository.Read(project), StringComparison.Ordinal));
        }

        Assert.All(
            Repository.Sources.Where(path => path.StartsWith("src/", StringComparison.Ordinal)),
            path => Assert.DoesNotContain("RS0030", Repository.Read(path), StringComparison.Ordinal));
    }

    /// <summary>
    /// A block or method that is unsafe says right there why it is sound; a type that is unsafe as a whole says so at least once.
    /// </summary>
    [Fact]
    public void UnsafeCode_SaysWhyItIsSound()
    {
        List<string> silent = [];
        foreach (string path in Repository.Sources.Where(
            path => s_floor.Any(name => path.StartsWith($"src/{name}/", StringComparison.Ordinal))))
        {
            SourceFile source = Repository.Parse(path);
            string[] lines = Repository.Read(path).Split('\n');
            foreach (SyntaxToken token in source.Node.DescendantTokens().Where(token => token.IsKind(SyntaxKind.UnsafeKeyword)))
            {
                bool isType = token.Parent is Microsoft.CodeAnalysis.CSharp.Syntax.TypeDeclarationSyntax;
                if (isType ? !lines.Any(HasNote) : !NotesAround(lines, token))
                {
                    silent.Add(isType ? path : source.Locate(token));
                }
            }
        }

        Verdict.None(silent);
    }

    private static bool NotesAround(string[] lines, SyntaxToken token)
    {
        const int LinesBefore = 8;
        FileLinePositionSpan declaration = token.SyntaxTree!.GetLineSpan(token.Parent!.Span);
        int first = Math.Max(0, declaration.StartLinePosition.Line - LinesBefore);
        return lines[first..(declaration.EndLinePosition.Line + 1)].Any(HasNote);
    }

    private static bool HasNote(string line) => line.Contains("SAFETY:", StringComparison.Ordinal);
}
