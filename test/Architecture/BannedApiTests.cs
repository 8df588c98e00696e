using System.Reflection;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;

namespace Semitone.Architecture;

/// <summary>
/// The list of banned APIs against the class library itself: what is memory-unsafe without <c>unsafe</c> is on it, and a new SDK cannot add
/// a hole silently.
/// </summary>
/// <remarks>
/// What has a pointer in its signature needs no ban: the compiler lets nobody call it where unsafe blocks are not allowed.
/// </remarks>
public sealed partial class BannedApiTests
{
    private static readonly string[] s_lists = ["src/BannedSymbols.Unsafe.txt", "src/BannedSymbols.Waiting.txt"];

    /// <summary>Whatever is in these is banned, as a namespace or a type, but for enumerations and what is named below.</summary>
    private static readonly string[] s_suspectNamespaces =
    [
        "System.Runtime.InteropServices", "System.Runtime.Loader", "System.Reflection", "System.Linq.Expressions", "System.Dynamic",
        "System.IO.MemoryMappedFiles", "Microsoft.Win32.SafeHandles",
    ];

    /// <summary>Types of those namespaces that are harmless: attributes that the compiler knows, and numbers.</summary>
    private static readonly HashSet<string> s_harmlessTypes =
    [
        // Its members are looked at one by one.
        "System.Runtime.InteropServices.MemoryMarshal",

        // A test looks at every layout that is explicit.
        "System.Runtime.InteropServices.StructLayoutAttribute", "System.Runtime.InteropServices.FieldOffsetAttribute",
        "System.Runtime.InteropServices.InAttribute", "System.Runtime.InteropServices.OutAttribute",
        "System.Runtime.InteropServices.OptionalAttribute",
        "System.Runtime.InteropServices.DefaultParameterValueAttribute", "System.Runtime.InteropServices.ComVisibleAttribute",
        "System.Runtime.InteropServices.GuidAttribute", "System.Runtime.InteropServices.ExternalException",
        "System.Runtime.InteropServices.NFloat", "System.Runtime.InteropServices.CLong", "System.Runtime.InteropServices.CULong",
        "System.Runtime.InteropServices.OSPlatform", "System.Runtime.InteropServices.RuntimeInformation",
    ];

    /// <summary>Members that sound or look dangerous and are not, with the reason.</summary>
    private static readonly (string Pattern, string Reason)[] s_harmlessMembers =
    [
        (@"UnsafeOnCompleted|UnsafeAwaitAwaiter|\.UnsafeRegister\(|\.UnsafeStart|"
            + @"UnsafeQueueUserWorkItem|UnsafeRegisterWaitForSingleObject|UnsafeCreate\(",
            "unsafe for the execution context"),
        (@"CreateScalarUnsafe|AsVector\d+Unsafe|ToVector\d+Unsafe", "elements beyond those given are undefined"),
        (
            @"^[MP]:System\.(Net|Uri|UriCreationOptions|Text\.Encodings\.Web|Security\.Cryptography)\b.*(Dangerous|Unsafe)",
            "about protocols"),
        (@"GetPinnableReference", "the first element; to go further needs what is banned"),
        (@"^M:System\.Collections\.(Immutable|Frozen)\.", "a read-only reference to an element that was looked up"),
        (
            @"MemoryMarshal\.(AsBytes|Cast|Read|TryRead|Write|TryWrite|AsRef|ToEnumerable)``",
            "lengths are checked, and types with references are refused"),
        (
            @"^M:System\.(Math|Numerics\.BitOperations|Buffers\.Binary\.BinaryPrimitives|Threading\.(Interlocked|Volatile|Thread))\.",
            "arithmetic on native integers"),
        (@"^M:System\.Runtime\.InteropServices\.CU?Long\.", "arithmetic on native integers"),
        (@"Nullable\.GetValueRefOrDefaultRef", "a reference into the one that it is given"),
        (
            @"^M:System\.Runtime\.Intrinsics\.[A-Za-z0-9.]+\.(Create|CreateScalar|Splat|ReplaceScalar|DivRem)\(",
            "arithmetic on native integers"),
    ];

    [Fact]
    public void WhatIsUnsafeInDisguise_IsBanned()
    {
        HashSet<string> banned = ReadList();
        List<string> violations = [];
        foreach (INamedTypeSymbol type in ClassLibrary.Types)
        {
            string name = type.GetDocumentationCommentId()!;
            if (IsCovered(type, banned))
            {
                continue;
            }

            if (IsSuspect(type))
            {
                violations.Add(name);
                continue;
            }

            violations.AddRange(type.GetMembers()
                .Where(IsSuspect)
                .Select(member => member.GetDocumentationCommentId()!)
                .Where(id => !banned.Contains(id) && !IsHarmless(id)));
        }

        Verdict.None(violations.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void EveryBannedSymbol_Exists() =>
        Verdict.None(ReadList().Where(id => DocumentationCommentId.GetFirstSymbolForDeclarationId(id, ClassLibrary.Compilation) is null));

    /// <summary>
    /// A structure that stands for an address can be made of any bytes (<c>MemoryMarshal.Cast</c>), so it must be of no use to safe code.
    /// </summary>
    [Fact]
    public void StructuresThatHoldAnAddress_AreBanned()
    {
        HashSet<string> banned = ReadList();
        string[] harmless =
        [
            "System.IntPtr", "System.UIntPtr", "System.Runtime.InteropServices.NFloat", "System.Runtime.InteropServices.CLong",
            "System.Runtime.InteropServices.CULong", "System.Threading.NativeOverlapped",
            "System.Diagnostics.Tracing.EventSource+EventData",
        ];
        bool IsBanned(Type? type) => type is not null
            && (banned.Contains("N:" + type.Namespace)
                || banned.Contains("T:" + type.FullName!.Replace('+', '.'))
                || IsBanned(type.DeclaringType));
        Verdict.None(typeof(object).Assembly.GetExportedTypes()
            .Where(type => type is { IsValueType: true, IsByRefLike: false, IsEnum: false } && HoldsAddress(type) && !HoldsReference(type))
            .Where(type => !harmless.Contains(type.FullName) && !IsBanned(type))
            .Select(type => type.FullName!));
    }

    private static bool HoldsAddress(Type type) => type
        .GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
        .Any(field => field.FieldType.IsPointer
            || field.FieldType.IsFunctionPointer
            || field.FieldType == typeof(nint)
            || field.FieldType == typeof(nuint)
                || (field.FieldType is { IsValueType: true, IsPrimitive: false, IsEnum: false }
                    && field.FieldType != type
                    && HoldsAddress(field.FieldType)));

    /// <summary>Whether a type has a reference in it, and so cannot be made of bytes.</summary>
    private static bool HoldsReference(Type type) => type
        .GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
        .Any(field => field.FieldType is { IsValueType: false, IsPointer: false, IsFunctionPointer: false }
            || (field.FieldType is { IsValueType: true, IsPrimitive: false, IsEnum: false }
                && field.FieldType != type
                && HoldsReference(field.FieldType)));

    private static HashSet<string> ReadList() =>
        [.. s_lists.SelectMany(path => Repository.Read(path).Split('\n', StringSplitOptions.RemoveEmptyEntries)).Select(
            line => line.Split(';')[0])];

    private static bool IsCovered(INamedTypeSymbol? type, HashSet<string> banned)
    {
        if (banned.Contains(type!.ContainingNamespace.GetDocumentationCommentId()!))
        {
            return true;
        }

        for (; type is not null; type = type.ContainingType)
        {
            if (banned.Contains(type.GetDocumentationCommentId()!))
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsHarmless(string id) =>
        s_harmlessMembers.Any(entry => Regex.IsMatch(id, entry.Pattern, RegexOptions.CultureInvariant));

    private static bool IsSuspect(INamedTypeSymbol type)
    {
        if (type.TypeKind == TypeKind.Enum || s_harmlessTypes.Contains(ClassLibrary.NameOf(type)))
        {
            return false;
        }

        string space = ClassLibrary.NameOf(type.ContainingNamespace);
        if (space == "System.Reflection" && type.Name.EndsWith("Attribute", StringComparison.Ordinal))
        {
            return false; // they describe an assembly
        }

        return s_suspectNamespaces.Any(name => space == name || space.StartsWith(name + ".", StringComparison.Ordinal))
            || SuspectName().IsMatch(type.Name);
    }

    private static bool IsSuspect(ISymbol member)
    {
        if (member.DeclaredAccessibility is not (Accessibility.Public or Accessibility.Protected or Accessibility.ProtectedOrInternal)
            || member is INamedTypeSymbol
                || member.ContainingType.TypeKind is TypeKind.Delegate or TypeKind.Enum
                || member is IMethodSymbol { AssociatedSymbol: not null })
        {
            return false;
        }

        if (member.GetAttributes().Any(attribute => attribute.AttributeClass!.Name == "RequiresUnsafeAttribute"))
        {
            return true;
        }

        if (member is IMethodSymbol method
            && (method.Parameters.Any(parameter => IsPointer(parameter.Type)) || IsPointer(method.ReturnType)))
        {
            return false;
        }

        return SuspectName().IsMatch(member.Name)
            || member is IMethodSymbol { MethodKind: MethodKind.Ordinary or MethodKind.Constructor } candidate
                && HasSuspectSignature(candidate);
    }

    private static bool IsPointer(ITypeSymbol type) => type.TypeKind is TypeKind.Pointer or TypeKind.FunctionPointer
        || type is IArrayTypeSymbol array && IsPointer(array.ElementType);

    private static bool HasSuspectSignature(IMethodSymbol method)
    {
        bool makesReference = method.ReturnsByRef || method.ReturnsByRefReadonly;
        bool walksFromReference =
            method.Parameters.Any(parameter => parameter.RefKind is RefKind.Ref or RefKind.In or RefKind.RefReadOnlyParameter)
                && method.Parameters.Any(parameter => parameter.RefKind == RefKind.None && IsNative(parameter.Type));
        bool takesAddress = !IsNumber(method.ContainingType) && (method.IsStatic || method.MethodKind == MethodKind.Constructor)
            && method.Parameters.Any(parameter => IsNative(parameter.Type));
        bool makesView = !method.ContainingType.IsRefLikeType
            && ClassLibrary.NameOf(method.ContainingType) == "System.Runtime.InteropServices.MemoryMarshal";
        return makesView || makesReference || walksFromReference || takesAddress;
    }

    private static bool IsNative(ITypeSymbol type) => type.SpecialType is SpecialType.System_IntPtr or SpecialType.System_UIntPtr;

    private static bool IsNumber(INamedTypeSymbol type) => type.AllInterfaces.Any(implemented => implemented.Name is "INumberBase");

    [GeneratedRegex(
        "Unsafe|Dangerous|Uninitialized|SkipLocals|FixedBuffer|TypedReference|ArgIterator|ArgumentHandle|MethodHandle|FieldHandle|"
            + "TypeHandle|CreateDelegate|InvokeMember|FormatterServices|^Activator$|^AppDomain$")]
    private static partial Regex SuspectName();
}
