using System.Xml.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Semitone.Architecture;

/// <summary>What docs/soundness.md relies on at the boundary between the floor and the safe code above it, and no compiler holds.</summary>
public sealed class FloorBoundaryTests
{
    private static readonly string[] s_outside = ["src/Metal/", "src/Machine.X64/", "src/Cli/", "src/Generators/", "src/Analyzers/"];

    private static readonly Lazy<SourceFile[]> s_safeSources = new(() =>
        [.. Repository.Sources.Where(path => path.StartsWith("src/", StringComparison.Ordinal)
            && !s_outside.Any(path.StartsWith)).Select(Repository.Parse)]);

    /// <summary>Frames, page tables and contexts are made by the two machines only.</summary>
    [Fact]
    public void InternalsOfMachine_AreVisibleToTheTwoMachinesOnly()
    {
        IEnumerable<string> friends = XDocument.Parse(Repository.Read("src/Machine/Machine.csproj"))
            .Descendants("InternalsVisibleTo")
            .Select(item => item.Attribute("Include")!.Value);
        Assert.Equal(["Semitone.Fakes", "Semitone.Machine.X64"], friends.Order(StringComparer.Ordinal));
        Verdict.None(
            from path in Repository.Sources
            where path.StartsWith("src/", StringComparison.Ordinal)
                && Repository.Read(path).Contains("InternalsVisibleTo(", StringComparison.Ordinal)
                    && path.StartsWith("src/Machine", StringComparison.Ordinal)
            select path);
        foreach (string path in (string[])["src/Machine/IPageTable.cs", "src/Machine/IGuestContext.cs"])
        {
            // A member that others cannot implement: a machine casts what it is handed without looking.
            Assert.Contains(
                Repository.Parse(path).Node.DescendantNodes().OfType<MethodDeclarationSyntax>(),
                method => method.Modifiers.Any(SyntaxKind.InternalKeyword) && method.Body is null && method.ExpressionBody is null);
        }

        ConstructorDeclarationSyntax constructor =
            Assert.Single(Repository.Parse("src/Machine/Frame.cs").Node.DescendantNodes().OfType<ConstructorDeclarationSyntax>());
        Assert.Equal("internal", constructor.Modifiers.ToString());
    }

    /// <summary>Two references that overlap are a cast that nobody checks.</summary>
    [Fact]
    public void ExplicitLayouts_HoldNoReferences()
    {
        SyntaxTree usings = CSharpSyntaxTree.ParseText(
            "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; global using "
                + "System.Threading; global using System.Threading.Tasks;",
            cancellationToken: TestContext.Current.CancellationToken);
        CSharpCompilation compilation = CSharpCompilation.Create(
            "Kernel", [usings, .. s_safeSources.Value.Select(source => source.Tree)], ClassLibrary.FindReferences());
        List<string> violations = [];
        int seen = 0;
        foreach (SourceFile source in s_safeSources.Value)
        {
            foreach (TypeDeclarationSyntax type in source.Node.DescendantNodes().OfType<TypeDeclarationSyntax>().Where(HasExplicitLayout))
            {
                seen++;
                if (compilation.GetSemanticModel(source.Tree).GetDeclaredSymbol(type, TestContext.Current.CancellationToken)
                    is not { IsUnmanagedType: true })
                {
                    violations.Add(source.Locate(type));
                }
            }
        }

        Assert.True(seen > 0, "no explicit layout was found: the test looks for the wrong thing");
        Verdict.None(violations);
    }

    /// <summary>A method without a body is somebody else's code, and nobody says what that does.</summary>
    [Fact]
    public void ExternMethods_AreInTheFloorOnly() => Verdict.None(
        from source in s_safeSources.Value
        from token in source.Node.DescendantTokens()
        where token.IsKind(SyntaxKind.ExternKeyword)
        select source.Locate(token));

    /// <summary>
    /// The one way in which the machine lends memory is a reference to a context's registers; while a guest runs or the CPU idles, nobody
    /// may have one.
    /// </summary>
    /// <remarks>
    /// It lives on the stack only, so the methods to look at are those that may be there: all that call Run or Idle, or call one that does,
    /// by name.
    /// </remarks>
    [Fact]
    public void RegistersOfAGuest_AreNotHeldWhileGuestsRun()
    {
        MethodDeclarationSyntax[] methods =
        [
            .. s_safeSources.Value.SelectMany(source => source.Node.DescendantNodes().OfType<MethodDeclarationSyntax>())
        ];
        HashSet<MethodDeclarationSyntax> below = [.. methods.Where(method => CallsOf(method).Any(IsRunOrIdle))];
        Assert.Equal(2, below.Count);
        for (int before = 0; before != below.Count;)
        {
            before = below.Count;
            HashSet<string> names = [.. below.Select(method => method.Identifier.Text)];
            below.UnionWith(methods.Where(method => CallsOf(method).Any(call => names.Contains(NameOf(call)))));
        }

        Verdict.None(below.Where(HoldsRegisters).Select(method => $"{method.SyntaxTree.FilePath}: {method.Identifier.Text}"));

        // The test would find them: these do, elsewhere.
        Assert.Contains(methods, HoldsRegisters);
    }

    private static IEnumerable<InvocationExpressionSyntax> CallsOf(SyntaxNode node) =>
        node.DescendantNodes().OfType<InvocationExpressionSyntax>();

    private static bool IsRunOrIdle(InvocationExpressionSyntax call) =>
        call.Expression is MemberAccessExpressionSyntax { Name.Identifier.Text: "Run" or "Idle" } member
        && member.Expression.ToString().EndsWith("cpu", StringComparison.OrdinalIgnoreCase);

    private static string NameOf(InvocationExpressionSyntax call) => call.Expression switch
    {
        MemberAccessExpressionSyntax member => member.Name.Identifier.Text,
        MemberBindingExpressionSyntax binding => binding.Name.Identifier.Text,
        SimpleNameSyntax name => name.Identifier.Text,
        _ => "",
    };

    /// <summary>Whether a method has a local or a parameter that refers to registers.</summary>
    private static bool HoldsRegisters(MethodDeclarationSyntax method) =>
        method.DescendantNodes().OfType<RefTypeSyntax>().Any(type => type.Type.ToString() is "GuestRegisters" or "var")
        || method.ParameterList.Parameters.Any(parameter => parameter.Type?.ToString() == "GuestRegisters"
            && parameter.Modifiers.Count > 0);

    private static bool HasExplicitLayout(TypeDeclarationSyntax type) =>
        type.AttributeLists.SelectMany(list => list.Attributes).Any(
            attribute => attribute.ToString().Contains("LayoutKind.Explicit", StringComparison.Ordinal));
}
