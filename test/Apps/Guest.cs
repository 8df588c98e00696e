namespace Semitone.Apps;

/// <summary>Programs in virtual machines, through the command that users type.</summary>
internal static class Guest
{
    /// <summary>The PATH that <c>semitone run</c> gives by default.</summary>
    public const string DefaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// <summary>Long enough for a machine without KVM that is busy with other things too.</summary>
    private const string Timeout = "120";

    /// <summary>Boots a machine and waits for its end.</summary>
    /// <param name="arguments">What follows <c>semitone run</c>.</param>
    public static ProgramRun Run(IEnumerable<string> arguments, string input = "")
    {
        ProgramRun run = ProgramRun.Of([Repository.Semitone, "run", "--timeout", Timeout, .. arguments], input);
        Assert.False(run.HasHung || run.Status == 124, $"the machine hung; its console: {run.Describe()}");
        return run;
    }
}
