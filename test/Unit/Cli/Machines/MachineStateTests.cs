using System.Diagnostics;
using Semitone.Cli.Machines;
using Semitone.Cli.Posix;

namespace Semitone.Unit.Cli.Machines;

/// <summary>What a machine is said to be when its supervisor was killed, at whatever step.</summary>
public sealed class MachineStateTests : IDisposable
{
    private readonly TemporaryTree _tree = new();
    private readonly MachineFolder _folder;

    public MachineStateTests()
    {
        _folder = new MachineFolder(_tree["/web"]);
        Directory.CreateDirectory(_folder.Location);
    }

    public void Dispose() => _tree.Dispose();

    [Theory]
    [InlineData(MachineStatus.Running)]
    [InlineData(MachineStatus.Paused)]
    internal void ReadState_UpAndHeld_IsWhatIsWritten(MachineStatus status)
    {
        using FileLock hold = _folder.TryHold()!;
        _folder.Write(new MachineState { Status = status });
        Assert.Equal(status, _folder.ReadState().Status);
    }

    [Theory]
    [InlineData(MachineStatus.Running, null, 255)]
    [InlineData(MachineStatus.Paused, null, 255)]
    [InlineData(MachineStatus.Running, 3, 3)]
    internal void ReadState_UpAndNobodyHoldsIt_HasExited(MachineStatus status, int? told, int expected)
    {
        using (_folder.TryHold()!)
        {
            _folder.Write(new MachineState { Status = status, ExitStatus = told, Qemu = ProcessIdentity.Of(Environment.ProcessId) });
        }

        MachineState state = _folder.ReadState();
        Assert.Equal((MachineStatus.Exited, expected), (state.Status, state.ExitStatus));
        Assert.Null(state.Qemu);
        Assert.NotNull(state.Finished);
        Assert.Equal(told is null, state.Error is not null);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("{\"status\":\"flying\"}")]
    public void ReadState_DamagedFile_IsThatOfAFreshMachine(string content)
    {
        File.WriteAllText(_folder.Location + "/state.json", content);
        Assert.Equal(MachineState.Fresh, _folder.ReadState());
        File.WriteAllText(_folder.Location + "/machine.json", content);
        Assert.Null(_folder.ReadRecord());
    }

    /// <summary>A writer is killed at any byte of the file: the old state stays, as the new one is written beside it.</summary>
    [Fact]
    public void Write_KilledInTheMiddle_LeavesTheOldState()
    {
        _folder.Write(new MachineState { Status = MachineStatus.Exited, ExitStatus = 7 });
        byte[] whole = File.ReadAllBytes(_folder.Location + "/state.json");
        for (int length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(_folder.Location + "/state.json.new", whole[..length]);
            Assert.Equal(7, _folder.ReadState().ExitStatus);
        }

        _folder.Write(new MachineState { Status = MachineStatus.Exited, ExitStatus = 8 });
        Assert.Equal(8, _folder.ReadState().ExitStatus);
    }

    /// <summary>The kernel lets go of the lock of a process that is killed.</summary>
    [Fact]
    public void TryHold_HolderIsKilled_IsFreeAtOnce()
    {
        // flock(1) takes another kind of lock; python3's fcntl takes ours.
        const string Script =
            "import fcntl,struct,sys,time\n"
            + "f=open(sys.argv[1],'w')\n"
            + "fcntl.fcntl(f,37,struct.pack('hhqqi',fcntl.F_WRLCK,0,0,0,0))\n"
            + "print('held',flush=True)\n"
            + "time.sleep(60)\n";
        Assert.SkipUnless(File.Exists("/usr/bin/python3"), "there is no python3");
        ProcessStartInfo start = new("/usr/bin/python3", ["-c", Script, _folder.LockFile]) { RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        Assert.Equal("held", process.StandardOutput.ReadLine());
        Assert.True(_folder.IsHeld);
        Assert.Null(_folder.TryHold());
        process.Kill();
        process.WaitForExit();
        Assert.False(_folder.IsHeld);
        using FileLock? hold = _folder.TryHold();
        Assert.NotNull(hold);
    }

    [Fact]
    public void TryHold_FolderWasRemoved_IsNothing()
    {
        using FileLock hold = _folder.TryHold()!;
        Directory.Delete(_folder.Location, recursive: true);
        Assert.Null(_folder.TryHold());
        Assert.False(_folder.IsHeld);
    }

    /// <summary>Who opened the file before it was removed gets a lock of nothing.</summary>
    [Fact]
    public void TryHold_AnotherFolderOfTheName_IsAnotherLock()
    {
        using FileLock hold = _folder.TryHold()!;
        Directory.Move(_folder.Location, _folder.Location + ".old");
        Directory.CreateDirectory(_folder.Location);
        using FileLock? other = _folder.TryHold();
        Assert.NotNull(other);
    }

    [Fact]
    public void Identity_OfAnotherWithTheNumber_IsNotAlive()
    {
        using Process process = Process.Start("/bin/sleep", ["60"]);
        ProcessIdentity identity = ProcessIdentity.Of(process.Id)!;
        Assert.True(identity.IsAlive);
        Assert.False((identity with { StartTicks = identity.StartTicks + 1 }).IsAlive);
        Assert.False((identity with { Boot = "another" }).IsAlive);
        Assert.False((identity with { StartTicks = identity.StartTicks + 1 }).TrySignal(LibC.SIGKILL));
        Assert.False(process.HasExited);
        Assert.True(identity.TrySignal(LibC.SIGKILL));
        process.WaitForExit();
        Assert.False(identity.IsAlive);
        Assert.False(identity.TrySignal(LibC.SIGKILL));
    }
}
