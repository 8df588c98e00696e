using System.Reflection;
using System.Runtime.Loader;

namespace Semitone.Unit.Exhaustion;

/// <summary>A second copy of the kernel and of these tests in this process, with the kernel's assemblies instrumented.</summary>
internal sealed class InstrumentedKernel : AssemblyLoadContext
{
    private static readonly string[] s_instrumented =
    [
        "Core", "Memory", "Files", "Sockets", "Loader", "Tasks", "Syscalls", "Elf", "Cpio", "HostLink",
    ];

    private readonly MethodInfo _run;

    public InstrumentedKernel()
        : base("instrumented kernel")
    {
        Assembly tests = LoadFromAssemblyName(typeof(InstrumentedKernel).Assembly.GetName());
        Type run = tests.GetType(typeof(ExhaustionRun).FullName!, throwOnError: true)!;
        _run = run.GetMethod(nameof(ExhaustionRun.Explore))!;
    }

    /// <summary>Lets a scenario run with each allocation failing in turn, and with each question answered with no.</summary>
    /// <param name="stride">Every which one: 1 for all.</param>
    /// <returns>What was found, and how many faults there were.</returns>
    public (string[] Findings, int FaultCount) Explore(string scenario, int stride) =>
        ((string[] Findings, int FaultCount))_run.Invoke(null, [scenario, stride])!;

    protected override Assembly? Load(AssemblyName assemblyName)
    {
        const string Prefix = "Semitone.";
        if (assemblyName.Name is not { } name || !name.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return null;
        }

        string path = Path.Combine(AppContext.BaseDirectory, name + ".dll");
        if (!s_instrumented.Contains(name[Prefix.Length..]))
        {
            return LoadFromStream(new MemoryStream(File.ReadAllBytes(path)));
        }

        using Instrumentation instrumentation = new();
        return LoadFromStream(new MemoryStream(instrumentation.Rewrite(path)));
    }
}
