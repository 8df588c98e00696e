using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Microsoft.CodeAnalysis;

namespace Semitone.Analyzers;

/// <summary>What is known of methods whose code is not at hand.</summary>
internal static class KnownMethods
{
    private const string AttributeName = "Semitone.NonAllocatingAttribute";

    /// <summary>Names as in <see cref="s_library"/>: System.Object, not object.</summary>
    private static readonly SymbolDisplayFormat s_names = SymbolDisplayFormat.FullyQualifiedFormat
        .WithGlobalNamespaceStyle(SymbolDisplayGlobalNamespaceStyle.Omitted)
        .WithMiscellaneousOptions(SymbolDisplayMiscellaneousOptions.None);

    /// <summary>
    /// Types of the base class library of which all, or the named members allocate nothing and throw for nothing but a bug.
    /// </summary>
    private static readonly Dictionary<string, string[]> s_library = new()
    {
        ["System.Object"] = ["ReferenceEquals", ".ctor"],
        ["System.ValueType"] = [],
        ["System.Math"] = [],
        ["System.Nullable<T>"] = [],
        ["System.Span<T>"] =
        [
            "get_Item", "get_Length", "get_IsEmpty", "get_Empty", "Slice", "Clear", "Fill", "CopyTo", "TryCopyTo", "GetEnumerator",
            "op_Implicit", ".ctor",
        ],
        ["System.ReadOnlySpan<T>"] =
            ["get_Item", "get_Length", "get_IsEmpty", "get_Empty", "Slice", "CopyTo", "TryCopyTo", "GetEnumerator", "op_Implicit", ".ctor"],
        ["System.Span<T>.Enumerator"] = [],
        ["System.ReadOnlySpan<T>.Enumerator"] = [],
        ["System.MemoryExtensions"] =
            ["AsSpan", "IndexOf", "LastIndexOf", "IndexOfAny", "Contains", "SequenceEqual", "StartsWith", "EndsWith", "CopyTo"],
        ["System.Array"] = ["Copy", "Clear", "get_Length"],
        ["System.String"] = ["get_Length", "get_Chars", "op_Implicit"],
        ["System.Threading.Interlocked"] = [],
        ["System.Threading.Volatile"] = [],
        ["System.Threading.Thread"] = ["SpinWait"],
        ["System.Threading.Monitor"] = ["Exit"],
        ["System.Numerics.BitOperations"] = [],
        ["System.Buffers.Binary.BinaryPrimitives"] = [],
        ["System.Runtime.InteropServices.MemoryMarshal"] = [],
        ["System.Runtime.CompilerServices.Unsafe"] = [],
        ["System.Text.Unicode.Utf8"] = ["FromUtf16", "ToUtf16"],
        ["System.UInt128"] = [],
        ["System.Int128"] = [],
        ["System.Index"] = [],
        ["System.Range"] = [],
        ["System.HashCode"] = [],
        ["System.Collections.Generic.List<T>"] =
            ["get_Count", "get_Capacity", "get_Item", "set_Item", "GetEnumerator", "Contains", "IndexOf", "Remove", "RemoveAt", "Clear"],
        ["System.Collections.Generic.List<T>.Enumerator"] = [],
        ["System.Collections.Generic.IReadOnlyList<T>"] = ["get_Item"],
        ["System.Collections.Generic.IReadOnlyCollection<T>"] = ["get_Count"],
    };

    /// <summary>Whether a method says that it allocates nothing: itself, its type, or what it overrides or implements.</summary>
    public static bool IsMarked(IMethodSymbol method)
    {
        method = method.OriginalDefinition;
        for (IMethodSymbol? current = method; current is not null; current = current.OverriddenMethod?.OriginalDefinition)
        {
            if (HasAttribute(current) || HasAttribute(current.AssociatedSymbol) || HasAttribute(current.ContainingType))
            {
                return true;
            }
        }

        return GetImplemented(method).Any(implemented =>
            HasAttribute(implemented) || HasAttribute(implemented.AssociatedSymbol) || HasAttribute(implemented.ContainingType));
    }

    /// <summary>Whether a method without source is known to allocate nothing.</summary>
    public static bool IsHarmless(IMethodSymbol method)
    {
        method = method.ReducedFrom ?? method;
        method = method.OriginalDefinition;
        INamedTypeSymbol? type = method.ContainingType;
        if (type is null || type.TypeKind == TypeKind.Enum || method.MethodKind == MethodKind.BuiltinOperator)
        {
            return true;
        }

        // What the compiler makes of a property without code, and of a record.
        if (method.IsImplicitlyDeclared
            || method.GetAttributes().Any(attribute => attribute.AttributeClass?.Name == "CompilerGeneratedAttribute"))
        {
            return method.ReturnType.SpecialType != SpecialType.System_String;
        }

        // A struct without a constructor of its own.
        if (method.MethodKind == MethodKind.Constructor && type.IsValueType && method.Parameters.IsEmpty)
        {
            return true;
        }

        if (type.SpecialType
            is (>= SpecialType.System_Boolean and <= SpecialType.System_Double) or SpecialType.System_IntPtr or SpecialType.System_UIntPtr)
        {
            return method.Name is "CompareTo" or "Equals" or "TryFormat" or "get_Size" or "Min" or "Max";
        }

        // A property that is a field.
        if (method.AssociatedSymbol is IPropertySymbol property
            && type.GetMembers().OfType<IFieldSymbol>().Any(
                field => SymbolEqualityComparer.Default.Equals(field.AssociatedSymbol, property)))
        {
            return true;
        }

        string name = type.ToDisplayString(s_names);
        return s_library.TryGetValue(name, out string[]? members) && (members.Length == 0 || members.Contains(method.Name));
    }

    /// <summary>Whether calls of a method are left out of some builds, as those of Debug.Assert.</summary>
    public static bool IsConditional(IMethodSymbol method) =>
        method.GetAttributes().Any(attribute => attribute.AttributeClass?.Name == "ConditionalAttribute");

    private static bool HasAttribute(ISymbol? symbol) =>
        symbol is not null && symbol.GetAttributes().Any(attribute => attribute.AttributeClass?.ToDisplayString(s_names) == AttributeName);

    private static IEnumerable<IMethodSymbol> GetImplemented(IMethodSymbol method)
    {
        if (!method.ExplicitInterfaceImplementations.IsEmpty)
        {
            return method.ExplicitInterfaceImplementations.Select(implemented => implemented.OriginalDefinition);
        }

        if (method.ContainingType is not { } type || method.DeclaredAccessibility != Accessibility.Public || method.IsStatic)
        {
            return [];
        }

        return type.AllInterfaces
            .SelectMany(contract => contract.GetMembers(method.Name).OfType<IMethodSymbol>())
            .Where(member => SymbolEqualityComparer.Default.Equals(type.FindImplementationForInterfaceMember(member), method))
            .Select(member => member.OriginalDefinition);
    }
}
