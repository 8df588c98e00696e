namespace Semitone.Vm;

/// <summary>What the command says of this host's KVM: tests take it where a run would.</summary>
internal static class UsableKvm
{
    private const string Yes = "KVM can be used";
    private const string Without = ", without ";

    private static readonly Lazy<IReadOnlyList<string>?> s_removedCpuFlags = new(Ask);

    /// <summary>The flags of the CPU that it cannot do; null when it cannot be used, or is not to be (SEMITONE_ACCEL=tcg).</summary>
    public static IReadOnlyList<string>? RemovedCpuFlags => s_removedCpuFlags.Value;

    private static string[]? Ask()
    {
        if (Environment.GetEnvironmentVariable("SEMITONE_ACCEL") == "tcg")
        {
            return null;
        }

        MachineRun run = MachineRun.Run([Repository.Semitone, "kvm"], TimeSpan.FromSeconds(30));
        if (run.Status != 0 || !run.Console.StartsWith(Yes, StringComparison.Ordinal))
        {
            return null;
        }

        string rest = run.Console.TrimEnd()[Yes.Length..];
        return rest.Length == 0 ? [] : rest[Without.Length..].Split(", ");
    }
}
