using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Semitone.Architecture;

/// <summary>Registers of devices in memory: the compiler may neither leave out nor merge nor move an access to one.</summary>
public sealed class DeviceWindowTests
{
    private const string Register = "src/Metal/Devices/DeviceRegister.cs";

    /// <summary>Where devices are told of addresses: docs/soundness.md says that these lines are to be right.</summary>
    private static readonly string[] s_addressing =
    [
        "src/Drivers/Virtio/Virtqueue.cs", "src/Drivers/Virtio/VirtqueueLayout.cs", "src/Drivers/Pci/MsixTable.cs",
    ];

    private static readonly SourceFile[] s_metal =
        [.. Repository.Sources.Where(path => path.StartsWith("src/Metal/", StringComparison.Ordinal)).Select(Repository.Parse)];

    [Fact]
    public void Registers_AreVolatile()
    {
        FieldDeclarationSyntax[] fields = [.. Repository.Parse(Register).Node.DescendantNodes().OfType<FieldDeclarationSyntax>()];
        Assert.NotEmpty(fields);
        Assert.All(fields, field => Assert.Contains(field.Modifiers, modifier => modifier.IsKind(SyntaxKind.VolatileKeyword)));
    }

    /// <summary>Safe code that hands a device a wrong address would let it write anywhere: only a few lines know any.</summary>
    [Fact]
    public void AddressesForDevices_AreKnownInFewPlaces()
    {
        SourceFile[] safe =
        [
            .. Repository.Sources.Where(path => path.StartsWith("src/", StringComparison.Ordinal)
                && !path.StartsWith("src/Machine", StringComparison.Ordinal)
                && !path.StartsWith("src/Metal/", StringComparison.Ordinal)).Select(Repository.Parse),
        ];
        (string Path, string Place)[] uses =
        [
            .. from source in safe
               from access in source.Node.DescendantNodes().OfType<MemberAccessExpressionSyntax>()
               where access.Name.Identifier.Text == "DeviceAddress"
                   || (access.Name.Identifier.Text == "Address" && access.Expression.ToString() == "message")
               select (source.Path, source.Locate(access)),
        ];
        Assert.Equal(s_addressing.Order(StringComparer.Ordinal), uses.Select(use => use.Path).Distinct().Order(StringComparer.Ordinal));

        // And nobody above the drivers has registers to tell it by.
        Verdict.None(
            from source in safe
            where !source.Path.StartsWith("src/Drivers/", StringComparison.Ordinal)
            from name in source.Node.DescendantNodes().OfType<IdentifierNameSyntax>()
            where name.Identifier.Text is "IRegisterWindow" or "TryMapRegisters" or "WritePciConfiguration"
            select source.Locate(name));
    }

    /// <summary>The compiler narrows a load to what is used of it, a volatile one too, unless it cannot see who uses it.</summary>
    [Fact]
    public void WindowsForDrivers_HaveAccessesOfOneWidth()
    {
        MethodDeclarationSyntax[] accesses =
        [
            .. Repository.Parse("src/Machine.X64/RegisterWindow.cs").Node.DescendantNodes().OfType<MethodDeclarationSyntax>()
                .Where(method => method.Modifiers.Any(SyntaxKind.PublicKeyword)),
        ];
        Assert.Equal(6, accesses.Length);
        Assert.All(accesses, method => Assert.Contains("NoInlining", method.AttributeLists.ToString(), StringComparison.Ordinal));
        Assert.All(accesses, method => Assert.Contains("Volatile.", method.ExpressionBody?.ToString(), StringComparison.Ordinal));
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
        Assert.Equal(3, calls.Length);
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
