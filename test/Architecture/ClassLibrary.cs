using System.Reflection.PortableExecutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Semitone.Architecture;

/// <summary>
/// The public surface of .NET's class library, as the compiler sees it: the reference assemblies of the SDK that runs the tests.
/// </summary>
internal static class ClassLibrary
{
    private static readonly SymbolDisplayFormat s_fullName =
        new(typeQualificationStyle: SymbolDisplayTypeQualificationStyle.NameAndContainingTypesAndNamespaces);

    public static CSharpCompilation Compilation { get; } = CSharpCompilation.Create("Surface", references: FindReferences());

    /// <summary>All public types, nested ones included.</summary>
    public static IEnumerable<INamedTypeSymbol> Types => Compilation.References
        .Select(Compilation.GetAssemblyOrModuleSymbol)
        .OfType<IAssemblySymbol>()
        .SelectMany(assembly => TypesIn(assembly.GlobalNamespace));

    public static string NameOf(ISymbol symbol) => symbol.ToDisplayString(s_fullName);

    public static MetadataReference[] FindReferences()
    {
        string runtime = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        string packs = Path.GetFullPath(Path.Combine(runtime, "..", "..", "..", "packs", "Microsoft.NETCore.App.Ref"));
        string framework = $"net{Environment.Version.Major}.{Environment.Version.Minor}";
        string? folder = Directory.Exists(packs)
            ? Directory.EnumerateDirectories(packs)
                .Select(pack => Path.Combine(pack, "ref", framework))
                .Where(Directory.Exists)
                .Order(StringComparer.Ordinal)
                .LastOrDefault()
            : null;
        Assert.True(folder is not null, $"the reference assemblies of {framework} are not below {packs}");
        return [.. Directory.EnumerateFiles(folder, "*.dll").Where(IsManaged).Select(file => MetadataReference.CreateFromFile(file))];
    }

    private static bool IsManaged(string file)
    {
        using PEReader reader = new(File.OpenRead(file));
        return reader.HasMetadata;
    }

    private static IEnumerable<INamedTypeSymbol> TypesIn(INamespaceOrTypeSymbol container)
    {
        foreach (ISymbol member in container.GetMembers())
        {
            if (member is INamespaceSymbol inner)
            {
                foreach (INamedTypeSymbol type in TypesIn(inner))
                {
                    yield return type;
                }
            }
            else if (member is INamedTypeSymbol { DeclaredAccessibility: Accessibility.Public } type)
            {
                yield return type;
                foreach (INamedTypeSymbol nested in TypesIn(type))
                {
                    yield return nested;
                }
            }
        }
    }
}
