using Semitone.Abi;
using Semitone.Files;
using Semitone.Syscalls;
using Semitone.Tasks;
using Semitone.Unit.Files;
using Semitone.Unit.Tasks;

namespace Semitone.Unit.Syscalls;

/// <summary>Calls whose path leads through a file system that has to ask somebody else.</summary>
public sealed class DistantFileTests
{
    private const ulong Path = Guest.Data;
    private const ulong SecondPath = Guest.Data + 0x100;
    private const ulong Buffer = Guest.Data + 0x1000;

    private readonly DistantGuest _system = new();
    private readonly Guest _guest;
    private readonly DistantFileSystem _distant;

    public DistantFileTests()
    {
        _guest = _system.Guest;
        _distant = _system.Distant;
        DistantFileSystem.Directory a = _distant.Top.AddDirectory("a");
        a.AddDirectory("b").AddDirectory("c");
        _distant.Top.AddLink("link", "a/b");
    }

    [Fact]
    public void Stat_NamesAndLinksMustBeFetched_WaitsForEachOnce()
    {
        _system.Put(Path, "/far/link/c");
        long[] results = Run((SyscallNumber.stat, Path), (SyscallNumber.stat, Path));

        Assert.Equal([0, 0], results);
        // The link, its target, a, b, c.
        Assert.Equal(5, _distant.AskedCount);
    }

    [Fact]
    public void Strace_CallThatWaitsForNames_IsToldOnce()
    {
        _system.Put(Path, "/far/a/b");
        _guest.Main.Call(SyscallNumber.access, Path, 0);
        _guest.Run();

        string line = Assert.Single(_system.Trace, line => line.StartsWith("access", StringComparison.Ordinal));
        Assert.StartsWith("access(\"/far/a/b\", ", line, StringComparison.Ordinal);
        Assert.EndsWith(" = OK", line, StringComparison.Ordinal);
    }

    [Fact]
    public void Stat_NameIsNotThereAtTheServer_IsENOENTAndAskedOnce()
    {
        _system.Put(Path, "/far/a/none/c");
        long[] results = Run((SyscallNumber.stat, Path), (SyscallNumber.stat, Path));

        Assert.Equal([-(long)Errno.ENOENT, -(long)Errno.ENOENT], results);
        Assert.Equal(2, _distant.AskedCount);
    }

    [Fact]
    public void OpenAndReadLinkAndChangeDirectory_NamesMustBeFetched_Wait()
    {
        _system.Put(Path, "/far/link");
        _system.Put(SecondPath, "/far/a/b");
        _guest.Main
            .Call(SyscallNumber.readlink, Path, Buffer, 100)
            .Call(SyscallNumber.chdir, SecondPath)
            .Call(SyscallNumber.open, SecondPath, (ulong)OpenFlags.O_DIRECTORY)
            .Call(SyscallNumber.rename, SecondPath, Path);
        _guest.Run();

        // A directory cannot take the place of what is none.
        Assert.Equal([3, 0, 0, -(long)Errno.ENOTDIR], _guest.Main.Results[..4]);
    }

    [Fact]
    public void Walk_WhileItWaits_NothingIsHeldThatOthersNeed()
    {
        _system.Put(Path, "/far/a/b/c");
        _system.Put(SecondPath, "/far");
        List<long> results = [];
        _guest.MakeThread(child => child
            .Call(SyscallNumber.stat, SecondPath, Buffer)
            .Do(() => results.Add(child.Results[^1]))
            .Do(() => Assert.Equal(1, _distant.QuestionCount)));
        _guest.Main.Call(SyscallNumber.stat, Path, Buffer);
        _guest.Run();

        Assert.Equal([0L], results);
        Assert.Equal(0, _guest.Main.Results[^1]);
    }

    [Fact]
    public void Walk_TwoThreadsLackTheSameName_ItIsAskedForOnceAndBothGoOn()
    {
        _system.Put(Path, "/far/a/b/c");
        ThreadScript? child = null;
        _guest.MakeThread(script => child = script.Call(SyscallNumber.stat, Path, Buffer));
        _guest.Main.Call(SyscallNumber.stat, Path, Buffer).Call(SyscallNumber.sched_yield);
        _guest.Run();

        Assert.Equal(3, _distant.AskedCount);
        Assert.Equal(0, child!.Results[^1]);
    }

    /// <summary>A signal that is pending does not end the wait: no program expects EINTR from stat(2).</summary>
    [Fact]
    public void Walk_SignalComesWhileItWaits_GoesOnAndTheHandlerRunsAfterwards()
    {
        _system.Put(Path, "/far/a");
        _guest.SetHandler(Signal.SIGUSR1, SigactionFlags.SA_SIGINFO);
        int idle = 0;
        _guest.Machine.Cpu.OnIdle = () =>
        {
            if (idle++ == 0)
            {
                _guest.MainThread.Send(SignalInfo.FromUser(Signal.SIGUSR1, SignalCode.SI_USER, 1, 0));
                _guest.Machine.Clock.MonotonicNs++;
            }
            else
            {
                _system.AnswerOrFail();
            }
        };
        _guest.Main.Call(SyscallNumber.stat, Path, Buffer).ReturnFromHandler();
        _guest.Run();

        Assert.Equal(0, _guest.Main.Results[0]);
        Assert.Equal(2, idle);
    }

    /// <summary>A server that never answers keeps no process from dying.</summary>
    [Fact]
    public void Walk_ServerNeverAnswersAndTheProcessIsKilled_Ends()
    {
        _system.Put(Path, "/far/a");
        bool isKilled = false;
        _guest.Machine.Cpu.OnIdle = () =>
        {
            Assert.False(isKilled, "The process lives on.");
            isKilled = true;
            _guest.Process.Kill(Signal.SIGKILL);
        };
        _guest.Main.Call(SyscallNumber.stat, Path, Buffer);
        ExitStatus status = _guest.Run();

        Assert.Equal(Signal.SIGKILL, status.Signal);
        Assert.False(_distant.Top.Fetches!.HasWaiters);
    }

    private long[] Run(params (SyscallNumber Number, ulong Path)[] calls)
    {
        foreach ((SyscallNumber number, ulong path) in calls)
        {
            _guest.Main.Call(number, path, Buffer);
        }

        _guest.Run();
        return [.. _guest.Main.Results[..calls.Length]];
    }
}
