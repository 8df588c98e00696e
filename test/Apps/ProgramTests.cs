namespace Semitone.Apps;

/// <summary>Every program of the <see cref="Manifest"/>, natively and in a machine.</summary>
public sealed class ProgramTests
{
    /// <summary>Enters a root with the host's devices in it, in a user and mount name space of its own: nothing of it stays, and no one need be root.</summary>
    private const string ChangeRoot = "/bin/mount --rbind /dev \"$1/dev\" && exec /usr/bin/env -u PWD /usr/sbin/chroot \"$@\"";

    // Root needs no user name space, and gets none where it is confined itself.
    private static readonly string[] s_unshare = Environment.IsPrivilegedProcess ? ["/usr/bin/unshare", "-m"] : ["/usr/bin/unshare", "-r", "-m"];

    public static TheoryData<string> Names => [.. Manifest.Cases.Select(appCase => appCase.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Run_UnmodifiedProgram_DoesWhatItDoesOnLinux(string name)
    {
        AppCase appCase = Manifest.Cases.Single(candidate => candidate.Name == name);
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
        ProgramRun native = ProgramRun.Of([.. s_unshare, "/bin/sh", "-c", ChangeRoot, "-", root, appCase.Program, .. appCase.Arguments], appCase.Input, environment);
        ProgramRun guest = Guest.Run([.. GetFlags(appCase), "--rootfs", root, "--", appCase.Program, .. appCase.Arguments], appCase.Input);
        return (native, guest);
    }

    private static (ProgramRun Native, ProgramRun Guest) RunCompiled(AppCase appCase)
    {
        string program = CompiledPrograms.Get(appCase.Program, appCase.Compiler);
        ProgramRun native = ProgramRun.Of([program, .. appCase.Arguments], appCase.Input, [Guest.DefaultPath, "HOME=/", "PWD=/", .. appCase.Environment]);
        ProgramRun guest = Guest.Run([.. GetFlags(appCase), program, "--", .. appCase.Arguments], appCase.Input);
        return (native, guest);
    }

    private static IEnumerable<string> GetFlags(AppCase appCase) => [.. appCase.Flags, .. appCase.Environment.SelectMany(variable => (string[])["-e", variable])];
}
