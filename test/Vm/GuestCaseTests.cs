namespace Semitone.Vm;

/// <summary>The cases of test/Guest on every <see cref="Variant"/> of the machine.</summary>
public sealed class GuestCaseTests
{
    public static TheoryData<string> Variants => [.. Variant.All.Select(variant => variant.Name)];

    /// <summary>
    /// Known only when the machine has run: a case that it did not come to is <see cref="Boot_AnyMachine_RunsEveryCaseThatItAnnounces"/>'s
    /// to miss.
    /// </summary>
    public static IEnumerable<TheoryDataRow<string, string>> Cases =>
        from variant in Variant.All
        from guestCase in CaseReport.Parse(MachineRun.OfCases(variant).Console).Cases
        select new TheoryDataRow<string, string>(variant.Name, guestCase.Name);

    [Theory]
    [MemberData(nameof(Variants))]
    public void Boot_AnyMachine_RunsEveryCaseThatItAnnounces(string variant)
    {
        MachineRun run = MachineRun.OfCases(Variant.Find(variant));
        string? fault = CaseReport.FindFault(run);
        Assert.True(fault is null, $"{fault}: {run.Describe()}");
    }

    [Theory]
    [MemberData(nameof(Cases), DisableDiscoveryEnumeration = true)]
    public void Case_OnBareMachine_Passes(string variant, string name)
    {
        GuestCase guestCase =
            CaseReport.Parse(MachineRun.OfCases(Variant.Find(variant)).Console).Cases.Single(candidate => candidate.Name == name);
        Assert.True(guestCase.Failure is null, guestCase.Failure);
    }
}
