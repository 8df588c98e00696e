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

    /// <summary>What a driver does with a device in a way that it does not know is a line of QEMU's (<c>-d guest_errors</c>).</summary>
    [Fact]
    public void Devices_OfEachKind_HaveNothingToComplainOf()
    {
        Variant[] variants = [.. Variant.All.Where(variant => variant.DeviceCount > 0)];
        Assert.NotEmpty(variants);
        Assert.All(variants, variant => Assert.DoesNotContain("irtio", MachineRun.OfCases(variant).Problems, StringComparison.Ordinal));
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
