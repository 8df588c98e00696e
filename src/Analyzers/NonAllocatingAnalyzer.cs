using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace Semitone.Analyzers;

/// <summary>
/// Sees to it that nothing allocates or throws while a KernelLock is held, or in a method that is marked [NonAllocating], as interrupt
/// handlers are.
/// </summary>
/// <remarks>
/// Follows calls into every method of the same project. A method of another project, and one that may be overridden, must be marked;
/// those of
/// the base class library are known by name (<see cref="KnownMethods"/>). What the CPU throws for a bug (a null reference, an index out
/// of range)
/// is not seen: a lock's scope ends on it.
/// </remarks>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class NonAllocatingAnalyzer : DiagnosticAnalyzer
{
    private const string UnderLock = "while a lock is held";
    private const string Marked = "where nothing may be allocated";

    /// <inheritdoc/>
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } =
        [Rules.Allocates, Rules.CallsUnknown, Rules.LeavesLock];

    /// <inheritdoc/>
    public override void Initialize(AnalysisContext context)
    {
        context.EnableConcurrentExecution();
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.Analyze | GeneratedCodeAnalysisFlags.ReportDiagnostics);
        context.RegisterCompilationStartAction(static start =>
        {
            ConcurrentDictionary<ISymbol, ImmutableArray<IOperation>> bodies = new(SymbolEqualityComparer.Default);
            start.RegisterOperationBlockAction(block => bodies[block.OwningSymbol] = block.OperationBlocks);
            start.RegisterCompilationEndAction(end => new Analysis(end.Compilation.Assembly, bodies, end.ReportDiagnostic).Run());
        });
    }

    private sealed class Analysis(
        IAssemblySymbol assembly, IReadOnlyDictionary<ISymbol, ImmutableArray<IOperation>> bodies, System.Action<Diagnostic> report)
    {
        private readonly IAssemblySymbol _assembly = assembly;
        private readonly HashSet<ISymbol> _visited = new(SymbolEqualityComparer.Default);
        private readonly HashSet<(Location Location, string Message)> _reported = [];

        public void Run()
        {
            foreach (KeyValuePair<ISymbol, ImmutableArray<IOperation>> body in bodies)
            {
                foreach (IOperation block in body.Value)
                {
                    FindLocks(block);
                }

                if (body.Key is IMethodSymbol method && KnownMethods.IsMarked(method))
                {
                    Follow(method, Marked);
                }
            }
        }

        private static bool IsLockScope(ITypeSymbol? type) => type is { Name: "Scope", ContainingType.Name: "KernelLock" };

        private void FindLocks(IOperation root)
        {
            foreach (IOperation operation in root.DescendantsAndSelf())
            {
                switch (operation)
                {
                    case IUsingOperation { Resources: { } resources } scope when IsLockScope(GetResourceType(resources)):
                        Check(scope.Body, UnderLock);
                        break;
                    case IUsingDeclarationOperation { Parent: { } parent } declaration
                        when IsLockScope(GetResourceType(declaration.DeclarationGroup)):
                        bool isBehind = false;
                        foreach (IOperation sibling in parent.ChildOperations)
                        {
                            if (isBehind)
                            {
                                Check(sibling, UnderLock);
                            }

                            isBehind |= sibling == declaration;
                        }

                        break;
                    case IInvocationOperation call when IsLockScope(call.Type) && call.TargetMethod.Name == "Enter" && !IsResource(call):
                        Report(Rules.LeavesLock, call);
                        break;
                }
            }
        }

        private static ITypeSymbol? GetResourceType(IOperation resources) => resources switch
        {
            IVariableDeclarationGroupOperation group => group.Declarations[0].Declarators[0].Symbol.Type,
            _ => resources.Type,
        };

        private static bool IsResource(IOperation call)
        {
            IOperation? parent = call.Parent;
            while (parent is IVariableInitializerOperation or IVariableDeclaratorOperation or IVariableDeclarationOperation
                or IVariableDeclarationGroupOperation or IConversionOperation)
            {
                parent = parent.Parent;
            }

            return parent is IUsingOperation or IUsingDeclarationOperation;
        }

        private void Check(IOperation root, string where)
        {
            Stack<IOperation> left = new();
            left.Push(root);
            while (left.Count > 0)
            {
                IOperation operation = left.Pop();
                if (operation is IAttributeOperation
                    || (operation is IInvocationOperation { TargetMethod: { } target } && KnownMethods.IsConditional(target)))
                {
                    continue;
                }

                if (AllocationFinder.Describe(operation) is { } description)
                {
                    Report(Rules.Allocates, operation, description, where);
                }
                else
                {
                    foreach (IMethodSymbol callee in AllocationFinder.GetCallees(operation))
                    {
                        CheckCall(operation, callee, where);
                    }
                }

                foreach (IOperation child in operation.ChildOperations)
                {
                    left.Push(child);
                }
            }
        }

        private void CheckCall(IOperation call, IMethodSymbol callee, string where)
        {
            IMethodSymbol method = (callee.ReducedFrom ?? callee).OriginalDefinition;
            if (method.PartialImplementationPart is { } implementation)
            {
                method = implementation;
            }

            if (KnownMethods.IsMarked(method) || KnownMethods.IsConditional(method))
            {
                return;
            }

            if (method.MethodKind == MethodKind.Constructor
                && SymbolEqualityComparer.Default.Equals(method.ContainingType.ContainingAssembly, _assembly))
            {
                // What its fields begin with is a part of it; of a primary constructor it is all.
                foreach (ISymbol member in method.ContainingType.GetMembers())
                {
                    if (!member.IsStatic && member is IFieldSymbol or IPropertySymbol)
                    {
                        Follow(member, where);
                    }
                }

                Follow(method, where);
                return;
            }

            bool isVirtual = method.IsAbstract || method.IsVirtual || (method.IsOverride && !method.IsSealed);
            bool isFinal = !isVirtual || (method.ContainingType.IsSealed && !method.IsAbstract);
            if (isFinal && bodies.ContainsKey(method))
            {
                Follow(method, where);
            }
            else if (method.MethodKind != MethodKind.LocalFunction && !KnownMethods.IsHarmless(method))
            {
                Report(Rules.CallsUnknown, call, method.ToDisplayString(SymbolDisplayFormat.CSharpShortErrorMessageFormat), where);
            }
        }

        private void Follow(ISymbol method, string where)
        {
            if (_visited.Add(method) && bodies.TryGetValue(method, out ImmutableArray<IOperation> blocks))
            {
                foreach (IOperation block in blocks)
                {
                    Check(block, where);
                }
            }
        }

        private void Report(DiagnosticDescriptor rule, IOperation operation, params object[] arguments)
        {
            Location location = operation.Syntax.GetLocation();
            if (_reported.Add((location, rule.Id + string.Concat(arguments))))
            {
                report(Diagnostic.Create(rule, location, arguments));
            }
        }
    }
}
