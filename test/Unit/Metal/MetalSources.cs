using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Semitone.Unit.Metal;

/// <summary>
/// Metal's sources, read and compiled as the host's runtime can: Metal itself is its own core library and cannot be loaded.
/// </summary>
internal static partial class MetalSources
{
    private static readonly Lazy<Assembly> s_structures =
        new(() => Compile("Metal/Cpu/PerCpu.cs", "Metal/Threads/KernelThread.cs", "Metal/Memory/RangeList.cs"));

    /// <summary>A structure that asm/layout.inc describes.</summary>
    public static Type GetStructure(string name) => s_structures.Value.GetType(name, throwOnError: true)!;

    /// <summary>The values of <c>.set NAME, VALUE</c>.</summary>
    public static IReadOnlyDictionary<string, long> ReadConstants(string path) =>
        Setting().Matches(Read(path)).ToDictionary(match => match.Groups[1].Value, match => ParseNumber(match.Groups[2].Value));

    /// <summary>A constant of a class, found by its syntax.</summary>
    public static long ReadConstant(string path, string name)
    {
        VariableDeclaratorSyntax variable = Parse(path)
            .DescendantNodes()
            .OfType<VariableDeclaratorSyntax>()
            .Single(candidate => candidate.Identifier.Text == name && candidate.Initializer is not null);
        return ParseNumber(variable.Initializer!.Value.ToString());
    }

    /// <summary>The fields of a structure in their order, with their types.</summary>
    public static IReadOnlyList<(string Name, TypeSyntax Type)> ReadFields(string path, string structure) =>
    [
        .. from field in Parse(path).DescendantNodes().OfType<StructDeclarationSyntax>()
        .Single(candidate => candidate.Identifier.Text == structure).Members.OfType<FieldDeclarationSyntax>()
           where !field.Modifiers.Any(SyntaxKind.ConstKeyword) && !field.Modifiers.Any(SyntaxKind.StaticKeyword)
           from variable in field.Declaration.Variables
           select (variable.Identifier.Text, field.Declaration.Type),
    ];

    /// <summary>A file below src.</summary>
    public static string Read(string path, [CallerFilePath] string thisFile = "") =>
        File.ReadAllText(Path.Combine(Path.GetDirectoryName(thisFile)!, "../../../src", path));

    /// <summary>The C# files of a folder below src, as paths from there.</summary>
    public static IEnumerable<string> ListFiles(string folder, [CallerFilePath] string thisFile = "") =>
        Directory.GetFiles(Path.Combine(Path.GetDirectoryName(thisFile)!, "../../../src", folder), "*.cs")
            .Select(path => Path.Combine(folder, Path.GetFileName(path)))
            .Order(StringComparer.Ordinal);

    private static SyntaxNode Parse(string path) => CSharpSyntaxTree.ParseText(Read(path)).GetRoot();

    /// <summary>
    /// Compiles sources into an assembly that the host can load: as often as it is loaded, so often it has its statics anew.
    /// </summary>
    /// <param name="name">Of the assembly, which decides whose internals it sees.</param>
    /// <param name="sources">Texts of C#.</param>
    /// <param name="references">Types whose assemblies it refers to.</param>
    public static byte[] CompileTexts(string name, IEnumerable<string> sources, params Type[] references)
    {
        string runtime = RuntimeEnvironment.GetRuntimeDirectory();
        string[] libraries = ["System.Private.CoreLib.dll", "System.Runtime.dll", "System.Collections.dll"];
        CSharpCompilation compilation = CSharpCompilation.Create(
            name,
            sources.Select(source => CSharpSyntaxTree.ParseText(source)),
            libraries.Select(library => Path.Combine(runtime, library))
                .Concat(references.Select(type => type.Assembly.Location))
                .Select(path => MetadataReference.CreateFromFile(path)),
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true));
        using MemoryStream image = new();
        Microsoft.CodeAnalysis.Emit.EmitResult result = compilation.Emit(image);
        IEnumerable<Diagnostic> errors = result.Diagnostics.Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
        Assert.True(result.Success, string.Join('\n', errors));
        return image.ToArray();
    }

    private static Assembly Compile(params string[] paths) =>
        Assembly.Load(CompileTexts("Semitone.Metal.Structures", paths.Select(path => Read(path))));

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
