using System.Reflection;
using Semitone.Abi;
using Semitone.Syscalls;
using Semitone.Unit.Tasks;

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

    /// <summary>Calls that no scenario can let succeed, and why not.</summary>
    private static readonly Dictionary<SyscallNumber, string> s_neverSucceed = new()
    {
        [SyscallNumber.exit] = "does not return; each scenario ends with it",
        [SyscallNumber.exit_group] = "does not return",
        [SyscallNumber.restart_syscall] = "is EINTR to a program that has nothing to restart",
    };

    public static TheoryData<string> Names => [.. Scenarios.All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Memory_RunsOutAtAnyAllocation_IsAnErrnoOrOneProgramsEnd(string scenario)
    {
        (string[] findings, int faultCount) = s_kernel.Value.Explore(scenario, 1);
        Assert.True(findings.Length == 0, string.Join('\n', findings));
        Assert.True(faultCount > 0, "Nothing was instrumented.");
    }

    /// <summary>
    /// What is not called here nobody has seen without memory: a new call wants a scenario in which it does what it is for.
    /// </summary>
    [Fact]
    public void EveryHandledCall_SucceedsInAScenario()
    {
        HashSet<SyscallNumber> made = [];
        HashSet<SyscallNumber> succeeded = [];
        foreach (Func<ScenarioProgram, IEnumerable<Call>> main in Scenarios.All.Values)
        {
            Guest guest = new();
            ScenarioProgram program = new(guest, main);
            _ = guest.System.RunInit();
            made.UnionWith(program.Made);
            succeeded.UnionWith(program.Succeeded);
        }

        SyscallNumber[] handled =
        [
            .. typeof(SyscallAttribute).Assembly.GetTypes()
                .SelectMany(type => type.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic))
                .Select(method => method.GetCustomAttribute<SyscallAttribute>())
                .OfType<SyscallAttribute>()
                .Select(attribute => (SyscallNumber)attribute.Number),
        ];
        Assert.Equal("", string.Join(' ', handled.Except(made)));
        Assert.Equal(string.Join(' ', s_neverSucceed.Keys.Order()), string.Join(' ', handled.Except(succeeded).Order()));
    }
}
