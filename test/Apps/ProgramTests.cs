namespace Semitone.Apps;

/// <summary>Every program of the <see cref="Manifest"/>, natively and in a machine.</summary>
public sealed class ProgramTests
{
    /// <summary>SEMITONE_TEST_ROOTFS_TYPE=9pfs runs Debian's programs on roots that are shared instead of packed.</summary>
    private static readonly string[] s_rootFlags =
        Environment.GetEnvironmentVariable("SEMITONE_TEST_ROOTFS_TYPE") is { Length: > 0 } type ? ["--rootfs-type", type] : [];

    public static TheoryData<string> Names => [.. Manifest.Cases.Select(appCase => appCase.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Run_UnmodifiedProgram_DoesWhatItDoesOnLinux(string name)
    {
        AppCase appCase = Manifest.Cases.Single(candidate => candidate.Name == name);
        Assert.SkipUnless(!appCase.NeedsRoot || Environment.IsPrivilegedProcess, "only the superuser can run it natively");
        (ProgramRun native, ProgramRun guest) = appCase.Packages.Length > 0 ? RunPackaged(appCase) : RunCompiled(appCase);
        string expected = appCase.Normalize?.Invoke(native.Output) ?? native.Output;
        string actual = appCase.Normalize?.Invoke(guest.Output) ?? guest.Output;
        bool isSame = expected == actual && native.Status == guest.Status && (!appCase.ComparesErrors || native.Errors == guest.Errors);
        Assert.True(isSame, $"natively: {native.Describe()}\nin the machine: {guest.Describe()}");
    }

    /// <summary>A program of Debian's: the same folder is the root natively, by chroot(2), and in the machine.</summary>
    private static (ProgramRun Native, ProgramRun Guest) RunPackaged(AppCase appCase)
    {
        string root = DebianRoots.Get(appCase.Packages);
        string[] environment = [Guest.DefaultPath, "HOME=/", .. appCase.Environment];
        ProgramRun native = ProgramRun.Of([.. NativeRoot.Enter(root), appCase.Program, .. appCase.Arguments], appCase.Input, environment);
        ProgramRun guest = Guest.Run(
            [.. GetFlags(appCase), .. s_rootFlags, "--rootfs", root, "--", appCase.Program, .. appCase.Arguments], appCase.Input);
        return (native, guest);
    }

    private static (ProgramRun Native, ProgramRun Guest) RunCompiled(AppCase appCase)
    {
        string program = CompiledPrograms.Get(appCase.Program, appCase.Compiler);
        ProgramRun native =
            ProgramRun.Of([program, .. appCase.Arguments], appCase.Input, [Guest.DefaultPath, "HOME=/", "PWD=/", .. appCase.Environment]);
        ProgramRun guest = Guest.Run([.. GetFlags(appCase), program, "--", .. appCase.Arguments], appCase.Input);
        return (native, guest);
    }

    private static IEnumerable<string> GetFlags(AppCase appCase) =>
    [
        .. appCase.Flags,
        .. appCase.Environment.SelectMany(variable => (string[])["-e", variable])
    ];
}
