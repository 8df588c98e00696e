namespace Semitone.Unit.Exhaustion;

/// <summary>What programs meet when the kernel's own memory runs out: at every allocation of every call that a scenario makes.</summary>
/// <remarks>
/// An allocation that fails costs a call an errno, or the program its life, and nothing else: no lock, frame, timer or thread is
/// left behind, and the machine goes on. A question to the heap (<see cref="Core.KernelHeap"/>) that is answered with no is always an
/// errno,
/// after which the same call succeeds as if nothing had been.
/// </remarks>
public sealed class ExhaustionTests
{
    private static readonly Lazy<InstrumentedKernel> s_kernel = new(() => new InstrumentedKernel());

    public static TheoryData<string> Names => [.. Scenarios.All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Memory_RunsOutAtAnyAllocation_IsAnErrnoOrOneProgramsEnd(string scenario)
    {
        (string[] findings, int faultCount) = s_kernel.Value.Explore(scenario, 1);
        Assert.True(findings.Length == 0, string.Join('\n', findings));
        Assert.True(faultCount > 0, "Nothing was instrumented.");
    }
}
