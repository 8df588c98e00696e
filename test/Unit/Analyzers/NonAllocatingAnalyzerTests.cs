using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Semitone.Analyzers;

namespace Semitone.Unit.Analyzers;

/// <summary>What the analyzer refuses under a lock and in interrupt context, and what it lets pass.</summary>
public class NonAllocatingAnalyzerTests
{
    private const string Allocates = "SEMI101";
    private const string CallsUnknown = "SEMI102";
    private const string LeavesLock = "SEMI103";

    private const string Prelude = """
        using System;
        using System.Collections.Generic;
        using Semitone;

        namespace Semitone
        {
            internal sealed class NonAllocatingAttribute : Attribute;
        }

        public struct KernelLock
        {
            public Scope Enter() => default;

            public ref struct Scope
            {
                public void Dispose()
                {
                }
            }
        }

        public interface IDevice
        {
            [NonAllocating]
            void OnInterrupt();

            void OnOther();
        }

        public abstract class Item
        {
            public int Number { get; set; }

            public abstract void Run();
        }

        """;

    public static TheoryData<string, string?> Bodies => new()
    {
        { "_array = new int[2];", Allocates },
        { "_object = new object();", Allocates },
        { "_object = _number;", Allocates },
        { "_text = $\"{_number}\";", Allocates },
        { "_text += \"x\";", Allocates },
        { "_action = () => _number++;", Allocates },
        { "throw new InvalidOperationException();", Allocates },
        { "TakeMany(1, 2, 3);", Allocates },
        { "_array = [1, 2];", Allocates },
        { "Array.Resize(ref _array, 10);", CallsUnknown },
        { "_list.Add(1);", CallsUnknown },
        { "_item.Run();", CallsUnknown },
        { "_action();", CallsUnknown },
        { "_device.OnOther();", CallsUnknown },
        { "Grow();", Allocates },
        { "foreach (int i in (IEnumerable<int>)_list) { _number += i; }", Allocates },
        { "_number = _array[0] + Math.Max(1, 2);", null },
        { "Array.Copy(_array, 0, _array, 1, 1);", null },
        { "foreach (int i in _list) { _number += i; }", null },
        { "foreach (int i in _array) { _number += i; }", null },
        { "Count();", null },
        { "_item.Number = 3;", null },
        { "_device.OnInterrupt();", null },
        { "Span<int> numbers = stackalloc int[4]; numbers[0] = _number;", null },
        { "System.Diagnostics.Debug.Assert(_number == 0, $\"{_number}\");", null },
    };

    [Theory]
    [MemberData(nameof(Bodies))]
    public async Task Lock_IsHeld_WhatAllocatesOrThrowsIsRefused(string body, string? rule)
    {
        ImmutableArray<Diagnostic> found = await AnalyzeAsync($"using (_lock.Enter()) {{ {body} }}");
        Assert.Equal(rule is null ? [] : [rule], found.Select(diagnostic => diagnostic.Id).Distinct());
    }

    [Fact]
    public async Task Lock_AsDeclaration_IsHeldToTheEndOfTheBlock()
    {
        ImmutableArray<Diagnostic> found = await AnalyzeAsync(
            "_object = new object(); { using KernelLock.Scope scope = _lock.Enter(); _object = new object(); } _object = new object();");
        Assert.Equal([Allocates], found.Select(diagnostic => diagnostic.Id));
    }

    [Fact]
    public async Task Lock_ScopeIsDropped_IsRefused() =>
        Assert.Equal([LeavesLock], (await AnalyzeAsync("_lock.Enter();")).Select(diagnostic => diagnostic.Id));

    [Fact]
    public async Task Lock_IsNotHeld_AnythingGoes() =>
        Assert.Empty(await AnalyzeAsync("_array = new int[3]; throw new InvalidOperationException();"));

    [Fact]
    public async Task Handler_OfAnInterrupt_IsCheckedByWhatItImplements()
    {
        const string Handler = """
            public sealed class Driver : IDevice
            {
                private object? _last;

                public void OnInterrupt() => _last = new object();

                public void OnOther() => _last = new object();
            }

            """;
        Assert.Equal([Allocates], (await AnalyzeAsync(string.Empty, Handler)).Select(diagnostic => diagnostic.Id));
    }

    private static async Task<ImmutableArray<Diagnostic>> AnalyzeAsync(string body, string more = "")
    {
        string source = Prelude + more + $$"""
            public sealed class Case(IDevice _device, Item _item)
            {
                private KernelLock _lock;
                private int _number;
                private int[] _array = new int[1];
                private object _object = new object();
                private string _text = "";
                private Action _action = () => { };
                private readonly List<int> _list = new();

                public void Run()
                {
                    {{body}}
                }

                private void Grow() => _array = new int[5];

                private void Count() => _number++;

                private static void TakeMany(params int[] numbers)
                {
                }
            }
            """;
        IEnumerable<MetadataReference> references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => Path.GetFileName(path).StartsWith("System.", StringComparison.Ordinal))
            .Select(path => MetadataReference.CreateFromFile(path));
        CSharpCompilation compilation = CSharpCompilation.Create(
            "case",
            [CSharpSyntaxTree.ParseText(source, cancellationToken: TestContext.Current.CancellationToken)],
            references,
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable));
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        Assert.DoesNotContain(compilation.GetDiagnostics(cancellation), diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
        return await compilation.WithAnalyzers([new NonAllocatingAnalyzer()]).GetAnalyzerDiagnosticsAsync(cancellation);
    }
}
