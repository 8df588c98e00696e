using System.Diagnostics;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Semitone.Architecture;

/// <summary>Rules of .editorconfig and of the guidelines that a compilation does not hold.</summary>
public sealed class StyleTests
{
    /// <summary>Metal's core library declares types of the System namespaces, which only an ordinary namespace can nest.</summary>
    private const string CoreLibrary = "src/Metal/CoreLibrary/";

    [Fact]
    public void TextFiles_AreClean()
    {
        List<string> violations = [];
        foreach (string path in Repository.TextFiles)
        {
            string text = Repository.Read(path);
            if (text.Contains('\r', StringComparison.Ordinal))
            {
                violations.Add($"{path}: carriage return");
            }

            if (text.Length > 0 && !text.EndsWith('\n'))
            {
                violations.Add($"{path}: no end of line at the end");
            }

            bool isCSharp = path.EndsWith(".cs", StringComparison.Ordinal);
            string[] lines = text.Split('\n');
            for (int i = 0; i < lines.Length && isCSharp; i++)
            {
                if (lines[i].EndsWith(' ') || lines[i].Contains('\t', StringComparison.Ordinal))
                {
                    violations.Add($"{path}:{i + 1}: tab or space at the end");
                }
            }
        }

        Verdict.None(violations);
    }

    /// <summary>A line is as long as two windows beside each other let it be. Strings of several lines are what they are.</summary>
    [Fact]
    public void Lines_AreNotLongerThanTheGuidelinesSay()
    {
        const int MostColumns = 140;
        string[] endings = [".cs", ".c", ".h", ".cpp", ".S", ".inc", ".ld", ".sh", ""];
        List<string> violations = [];
        int seen = 0;
        foreach (string path in Repository.TextFiles.Where(path => endings.Contains(Path.GetExtension(path)) && path != "LICENSE"))
        {
            seen++;
            string[] lines = Repository.Read(path).Split('\n');
            HashSet<int>? inStrings = null;
            for (int i = 0; i < lines.Length; i++)
            {
                if (lines[i].Length > MostColumns
                    && !(path.EndsWith(".cs", StringComparison.Ordinal) && (inStrings ??= FindLinesInStrings(path)).Contains(i)))
                {
                    violations.Add($"{path}:{i + 1}: {lines[i].Length} columns");
                }
            }
        }

        Assert.True(seen > 500, $"only {seen} files were looked at");
        Verdict.None(violations);
    }

    /// <summary>
    /// Blanks and the breaks of lines are as .editorconfig has them: <c>dotnet format whitespace --folder</c> puts them right.
    /// </summary>
    [Fact]
    public async Task Sources_AreFormatted()
    {
        ProcessStartInfo start =
            new("dotnet", ["format", "whitespace", Repository.Root, "--folder", "--verify-no-changes", "--exclude", "out"])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        string output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, output + await errors);
    }

    /// <summary>Paths of somebody's machine have no place in a repository.</summary>
    [Fact]
    public void TextFiles_NameNoPlaceOfOneMachine()
    {
        // Put together here, so that this file does not hold them.
        string[] words = ["/" + "work/", "/" + "root/", "/home" + "/user"];
        IEnumerable<string> violations =
            from path in Repository.TextFiles
            from word in words
            where Repository.Read(path).Contains(word, StringComparison.Ordinal)
            select $"{path}: {word}";
        Verdict.None(violations);
    }

    [Fact]
    public void Namespaces_AreFileScopedAndFollowFolders()
    {
        List<string> violations = [];
        foreach (string path in Repository.Sources.Where(path => !path.StartsWith(CoreLibrary, StringComparison.Ordinal)))
        {
            SourceFile source = Repository.Parse(path);
            violations.AddRange(source.Node.DescendantNodes()
                .OfType<NamespaceDeclarationSyntax>()
                .Select(node => $"{source.Locate(node)}: block-scoped namespace"));
            string[] parts = path.Split('/');
            string project = $"Semitone.{parts[1]}";
            foreach (FileScopedNamespaceDeclarationSyntax node in source.Node.DescendantNodes()
                .OfType<FileScopedNamespaceDeclarationSyntax>())
            {
                string name = node.Name.ToString();
                string expected = string.Join('.', parts[1..^1].Prepend("Semitone"));
                if (name != expected
                    && name != project
                    && !path.StartsWith("src/Metal/", StringComparison.Ordinal)
                    && name != "System.Runtime.CompilerServices")
                {
                    violations.Add($"{source.Locate(node)}: {name} instead of {expected}");
                }
            }
        }

        Verdict.None(violations);
    }

    [Fact]
    public void Statements_HaveBraces()
    {
        List<string> violations = [];
        foreach (SourceFile source in Repository.Sources.Select(Repository.Parse))
        {
            foreach (SyntaxNode node in source.Node.DescendantNodes())
            {
                StatementSyntax? body = node switch
                {
                    IfStatementSyntax statement => statement.Statement,
                    ElseClauseSyntax { Statement: not IfStatementSyntax } clause => clause.Statement,
                    WhileStatementSyntax statement => statement.Statement,
                    DoStatementSyntax statement => statement.Statement,
                    ForStatementSyntax statement => statement.Statement,
                    CommonForEachStatementSyntax statement => statement.Statement,
                    LockStatementSyntax statement => statement.Statement,
                    UsingStatementSyntax { Statement: not UsingStatementSyntax } statement => statement.Statement,
                    FixedStatementSyntax { Statement: not FixedStatementSyntax } statement => statement.Statement,
                    _ => null,
                };
                if (body is not null and not BlockSyntax)
                {
                    violations.Add(source.Locate(node));
                }
            }
        }

        Verdict.None(violations);
    }

    [Fact]
    public void Fields_AreNamedAsTheGuidelinesSay()
    {
        List<string> violations = [];
        foreach (string path in Repository.Sources.Where(path => !path.StartsWith(CoreLibrary, StringComparison.Ordinal)))
        {
            bool isAbi = path.StartsWith("src/Abi/", StringComparison.Ordinal);
            SourceFile source = Repository.Parse(path);
            foreach (FieldDeclarationSyntax field in source.Node.DescendantNodes().OfType<FieldDeclarationSyntax>())
            {
                bool isConstant = field.Modifiers.Any(SyntaxKind.ConstKeyword);
                bool isStatic = field.Modifiers.Any(SyntaxKind.StaticKeyword);
                bool isPrivate = !field.Modifiers.Any(modifier =>
                    modifier.Kind() is SyntaxKind.PublicKeyword or SyntaxKind.InternalKeyword or SyntaxKind.ProtectedKeyword);
                foreach (VariableDeclaratorSyntax variable in field.Declaration.Variables)
                {
                    string name = variable.Identifier.Text;
                    bool isRight = (isConstant, isStatic, isPrivate) switch
                    {
                        (true, _, _) => isAbi || char.IsUpper(name[0]),
                        (_, true, true) when field.AttributeLists.ToString().Contains("ThreadStatic", StringComparison.Ordinal) =>
                            name.StartsWith("t_", StringComparison.Ordinal),
                        (_, true, true) => name.StartsWith("s_", StringComparison.Ordinal) && name.Length > 2 && char.IsLower(name[2]),
                        (_, false, true) => name.Length > 1 && name[0] == '_' && char.IsLower(name[1]),
                        _ => true,
                    };
                    if (!isRight)
                    {
                        violations.Add($"{source.Locate(variable)}: {name}");
                    }
                }
            }
        }

        Verdict.None(violations);
    }

    /// <summary>Lines, from 0 on, that begin inside of a string.</summary>
    private static HashSet<int> FindLinesInStrings(string path)
    {
        SourceFile source = Repository.Parse(path);
        HashSet<int> lines = [];
        foreach (SyntaxNode node in source.Node.DescendantNodes())
        {
            if (node is InterpolatedStringExpressionSyntax || node.IsKind(SyntaxKind.StringLiteralExpression))
            {
                FileLinePositionSpan span = source.Tree.GetLineSpan(node.Span);
                for (int line = span.StartLinePosition.Line + 1; line < span.EndLinePosition.Line; line++)
                {
                    lines.Add(line);
                }
            }
        }

        return lines;
    }
}
