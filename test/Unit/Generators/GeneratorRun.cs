using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Semitone.Generators;

namespace Semitone.Unit.Generators;

/// <summary>One run of the generator over a piece of source.</summary>
internal sealed class GeneratorRun
{
    /// <summary>What the generated code finds in Semitone.Syscalls.</summary>
    private const string Surroundings = """
        global using System;
        global using System.Threading.Tasks;
        global using Semitone.Abi;
        global using Semitone.Syscalls;
        namespace Semitone.Syscalls
        {
            public sealed partial class SyscallDispatcher
            {
                private static SysResult CallMissing(SyscallContext context, ref Semitone.Machine.GuestRegisters registers) => throw null!;
            }
        }
        """;

    /// <summary>Read once: there are some two hundred.</summary>
    private static readonly MetadataReference[] s_references =
        [.. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!)
            .Split(Path.PathSeparator)
            .Select(path => MetadataReference.CreateFromFile(path))];

    private readonly GeneratorDriver _driver;
    private readonly CSharpCompilation _compilation;

    public GeneratorRun(string source)
    {
        _compilation = CSharpCompilation.Create(
            "Test",
            [CSharpSyntaxTree.ParseText(Surroundings), CSharpSyntaxTree.ParseText(source)],
            s_references,
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable));
        _driver = CSharpGeneratorDriver.Create(
            [new SyscallGenerator().AsSourceGenerator()],
            driverOptions: new GeneratorDriverOptions(IncrementalGeneratorOutputKind.None, trackIncrementalGeneratorSteps: true));
        _driver = _driver.RunGeneratorsAndUpdateCompilation(_compilation, out Compilation output, out _);
        Output = output;
    }

    public Compilation Output { get; }

    /// <summary>What the generator complained about, by id.</summary>
    public IEnumerable<string> Complaints => _driver.GetRunResult().Diagnostics.Select(diagnostic => diagnostic.Id).Order();

    public IEnumerable<Diagnostic> CompilerErrors =>
        Output.GetDiagnostics().Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);

    public string GetSource(string hintName) =>
        _driver.GetRunResult().Results[0].GeneratedSources.Single(source => source.HintName == hintName).SourceText.ToString();

    /// <summary>Adds a comment elsewhere and runs again.</summary>
    /// <returns>Why each output was, or was not, made anew.</returns>
    public IEnumerable<IncrementalStepRunReason> RunAfterUnrelatedEdit()
    {
        CSharpCompilation edited = _compilation.AddSyntaxTrees(CSharpSyntaxTree.ParseText("// nothing that matters"));
        GeneratorDriverRunResult result = _driver.RunGenerators(edited).GetRunResult();
        return result.Results[0].TrackedOutputSteps.SelectMany(step => step.Value)
            .SelectMany(run => run.Outputs)
            .Select(output => output.Reason);
    }
}
