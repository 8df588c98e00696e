using Microsoft.CodeAnalysis;

namespace Semitone.Analyzers;

/// <summary>
/// Gives every project of the kernel the attribute that <see cref="NonAllocatingAnalyzer"/> looks for: the lowest layers have no common
/// one below them.
/// </summary>
[Generator]
public sealed class NonAllocatingAttributeSource : IIncrementalGenerator
{
    private const string Source = """
        namespace Semitone;

        /// <summary>
        /// Allocates nothing and throws nothing: may run under a lock and in interrupt context. Holds for what overrides or implements it
        /// as well; on a type, for all its members. An analyzer checks it.
        /// </summary>
        [global::System.AttributeUsage(
            global::System.AttributeTargets.Method | global::System.AttributeTargets.Property | global::System.AttributeTargets.Constructor
                | global::System.AttributeTargets.Class | global::System.AttributeTargets.Struct
                | global::System.AttributeTargets.Interface)]
        internal sealed class NonAllocatingAttribute : global::System.Attribute
        {
        }
        """;

    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context) =>
        context.RegisterPostInitializationOutput(static output => output.AddSource("NonAllocatingAttribute.g.cs", Source));
}
