using Microsoft.CodeAnalysis;

namespace Semitone.Analyzers;

/// <summary>What the analyzers refuse. Warnings are errors in this repository.</summary>
internal static class Rules
{
    private const string Category = "Memory";

    public static readonly DiagnosticDescriptor Allocates = new(
        "SEMI101",
        "Something allocates or throws under a lock or in interrupt context",
        "{0}, and this runs {1}: make room before, or answer an errno",
        Category,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        customTags: WellKnownDiagnosticTags.CompilationEnd);

    public static readonly DiagnosticDescriptor CallsUnknown = new(
        "SEMI102",
        "Something is called under a lock or in interrupt context that may allocate or throw",
        "{0} is not known to allocate and throw nothing, and this runs {1}: mark it [NonAllocating], or call it elsewhere",
        Category,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        customTags: WellKnownDiagnosticTags.CompilationEnd);

    public static readonly DiagnosticDescriptor LeavesLock = new(
        "SEMI103",
        "A lock is taken without a scope that ends",
        "What Enter returns must be the resource of a using statement, or the lock may never be let go",
        Category,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        customTags: WellKnownDiagnosticTags.CompilationEnd);
}
