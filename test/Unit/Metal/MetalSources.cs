using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Semitone.Unit.Metal;

/// <summary>Metal's sources, read and compiled as the host's runtime can: Metal itself is its own core library and cannot be loaded.</summary>
internal static partial class MetalSources
{
    private static readonly Lazy<Assembly> s_structures = new(() => Compile("Metal/Cpu/PerCpu.cs", "Metal/Threads/KernelThread.cs", "Metal/Memory/RangeList.cs"));

    /// <summary>A structure that asm/layout.inc describes.</summary>
    public static Type GetStructure(string name) => s_structures.Value.GetType(name, throwOnError: true)!;

    /// <summary>The values of <c>.set NAME, VALUE</c>.</summary>
    public static IReadOnlyDictionary<string, long> ReadConstants(string path) =>
        Setting().Matches(Read(path)).ToDictionary(match => match.Groups[1].Value, match => ParseNumber(match.Groups[2].Value));

    /// <summary>A constant of a class, found by its syntax.</summary>
    public static long ReadConstant(string path, string name)
    {
        VariableDeclaratorSyntax variable = Parse(path).DescendantNodes().OfType<VariableDeclaratorSyntax>().Single(candidate => candidate.Identifier.Text == name && candidate.Initializer is not null);
        return ParseNumber(variable.Initializer!.Value.ToString());
    }

    /// <summary>The fields of a structure in their order, with their types.</summary>
    public static IReadOnlyList<(string Name, TypeSyntax Type)> ReadFields(string path, string structure) =>
    [
        .. from field in Parse(path).DescendantNodes().OfType<StructDeclarationSyntax>().Single(candidate => candidate.Identifier.Text == structure).Members.OfType<FieldDeclarationSyntax>()
           where !field.Modifiers.Any(SyntaxKind.ConstKeyword) && !field.Modifiers.Any(SyntaxKind.StaticKeyword)
           from variable in field.Declaration.Variables
           select (variable.Identifier.Text, field.Declaration.Type),
    ];

    /// <summary>A file below src.</summary>
    public static string Read(string path, [CallerFilePath] string thisFile = "") =>
        File.ReadAllText(Path.Combine(Path.GetDirectoryName(thisFile)!, "../../../src", path));

    private static SyntaxNode Parse(string path) => CSharpSyntaxTree.ParseText(Read(path)).GetRoot();

    private static Assembly Compile(params string[] paths)
    {
        string runtime = RuntimeEnvironment.GetRuntimeDirectory();
        CSharpCompilation compilation = CSharpCompilation.Create(
            "Semitone.Metal.Structures",
            paths.Select(path => CSharpSyntaxTree.ParseText(Read(path))),
            ((string[])["System.Private.CoreLib.dll", "System.Runtime.dll"]).Select(name => MetadataReference.CreateFromFile(Path.Combine(runtime, name))),
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true));
        using MemoryStream image = new();
        Microsoft.CodeAnalysis.Emit.EmitResult result = compilation.Emit(image);
        Assert.True(result.Success, string.Join('\n', result.Diagnostics));
        return Assembly.Load(image.ToArray());
    }

    private static long ParseNumber(string text)
    {
        string digits = text.Replace("_", "", StringComparison.Ordinal);
        return digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? (long)ulong.Parse(digits.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture)
            : long.Parse(digits, CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"^\.set\s+(\w+),\s*(\w+)", RegexOptions.Multiline)]
    private static partial Regex Setting();
}
