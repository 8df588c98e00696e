using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Semitone.Architecture;

/// <summary>Registers of devices in memory: the compiler may neither leave out nor merge nor move an access to one.</summary>
public sealed class DeviceWindowTests
{
    private const string Register = "src/Metal/Devices/DeviceRegister.cs";

    private static readonly SourceFile[] s_metal =
        [.. Repository.Sources.Where(path => path.StartsWith("src/Metal/", StringComparison.Ordinal)).Select(Repository.Parse)];

    [Fact]
    public void Registers_AreVolatile()
    {
        FieldDeclarationSyntax[] fields = [.. Repository.Parse(Register).Node.DescendantNodes().OfType<FieldDeclarationSyntax>()];
        Assert.NotEmpty(fields);
        Assert.All(fields, field => Assert.Contains(field.Modifiers, modifier => modifier.IsKind(SyntaxKind.VolatileKeyword)));
    }

    /// <summary>A window is mapped in one way, and what comes of it is taken for registers and for nothing else.</summary>
    [Fact]
    public void Windows_AreRegisters()
    {
        const string Map = "MapDevice";
        InvocationExpressionSyntax[] calls =
        [
            .. from source in s_metal
               from call in source.Node.DescendantNodes().OfType<InvocationExpressionSyntax>()
               where call.Expression.ToString().EndsWith(Map, StringComparison.Ordinal)
               select call,
        ];
        Assert.Equal(2, calls.Length);
        Verdict.None(
            from call in calls
            where call.Parent is not CastExpressionSyntax
            {
                Type: PointerTypeSyntax { ElementType: IdentifierNameSyntax { Identifier.Text: "DeviceRegister" } }
            }
            select $"{call.SyntaxTree.FilePath}: {call.Parent}");

        // Nobody makes an address of the window by other means, or another pointer of a register's.
        Verdict.None(
            from source in s_metal
            where source.Path is not "src/Metal/Memory/PageTables.cs" and not "src/Metal/Memory/Layout.cs"
            from node in source.Node.DescendantNodes().OfType<ExpressionSyntax>()
            where node is MemberAccessExpressionSyntax { Name.Identifier.Text: "DeviceMap" }
                or IdentifierNameSyntax { Identifier.Text: "DeviceMap", Parent: not MemberAccessExpressionSyntax }
                || (node is CastExpressionSyntax
                {
                    Type: PointerTypeSyntax type,
                    Expression: IdentifierNameSyntax { Identifier.Text: "s_base" }
                } && type.ToString() != "DeviceRegister*")
            select source.Locate(node));
    }
}
