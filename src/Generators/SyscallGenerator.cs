using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Semitone.Generators;

/// <summary>Makes the dispatcher, the strace printer and the table of names from the methods that carry <c>[Syscall]</c>.</summary>
[Generator(LanguageNames.CSharp)]
public sealed class SyscallGenerator : IIncrementalGenerator
{
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        IncrementalValuesProvider<DeclarationModel> declarations = context.SyntaxProvider.ForAttributeWithMetadataName(
            "Semitone.Syscalls.SyscallAttribute",
            static (node, _) => node is MethodDeclarationSyntax,
            static (syntax, _) => DeclarationReader.Read(syntax));

        IncrementalValueProvider<EquatableArray<NumberModel>> numbers = context.CompilationProvider.Select(
            static (compilation, _) => ReadNumbers(compilation));

        context.RegisterSourceOutput(
            declarations.Collect().Combine(numbers), static (output, source) => Emit(output, source.Left, source.Right));
        context.RegisterSourceOutput(numbers, static (output, source) =>
        {
            if (source.Count > 0)
            {
                output.AddSource("SyscallNames.g.cs", NamesEmitter.Emit(source));
            }
        });
    }

    private static EquatableArray<NumberModel> ReadNumbers(Compilation compilation)
    {
        INamedTypeSymbol? type = compilation.GetTypeByMetadataName("Semitone.Abi.SyscallNumber");
        IEnumerable<NumberModel> numbers = type is null
            ? Enumerable.Empty<NumberModel>()
            : type.GetMembers().OfType<IFieldSymbol>()
                .Where(field => field.ConstantValue is int)
                .Select(field => new NumberModel((int)field.ConstantValue!, field.Name));
        return new EquatableArray<NumberModel>(numbers);
    }

    private static void Emit(
        SourceProductionContext output, ImmutableArray<DeclarationModel> declarations, EquatableArray<NumberModel> numbers)
    {
        Dictionary<int, string> names = new();
        foreach (NumberModel number in numbers)
        {
            names[number.Number] = number.Name;
        }

        SortedDictionary<int, HandlerModel> handlers = new();
        foreach (DeclarationModel declaration in declarations)
        {
            foreach (DiagnosticModel diagnostic in declaration.Diagnostics)
            {
                output.ReportDiagnostic(diagnostic.ToDiagnostic());
            }

            HandlerModel? handler = declaration.Handler;
            if (handler is null)
            {
                continue;
            }

            string number = handler.Number.ToString();
            names.TryGetValue(handler.Number, out string? known);
            if (known != handler.Name)
            {
                output.ReportDiagnostic(
                    Diagnostic.Create(Rules.WrongPair, handler.Location.ToLocation(), number, handler.Name, known ?? "no such call"));
            }
            else if (handlers.TryGetValue(handler.Number, out HandlerModel? other))
            {
                output.ReportDiagnostic(
                    Diagnostic.Create(Rules.Duplicate, handler.Location.ToLocation(), number, handler.Name, other.Method));
            }
            else
            {
                handlers.Add(handler.Number, handler);
            }
        }

        output.AddSource("SyscallDispatcher.g.cs", DispatcherEmitter.Emit(handlers.Values));
        output.AddSource("SyscallTracer.g.cs", new TraceEmitter().Emit(handlers.Values));
    }
}
