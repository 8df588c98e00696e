using System.Text;
using Semitone.Abi;
using Semitone.Files;
using Semitone.Syscalls;
using Semitone.Unit.Files;
using Semitone.Unit.Tasks;

namespace Semitone.Unit.Syscalls;

/// <summary>Names that are made, moved and taken away in directories that somebody else keeps.</summary>
public sealed class DistantChangeTests
{
    private const ulong Path = Guest.Data;
    private const ulong SecondPath = Guest.Data + 0x100;
    private const ulong ThirdPath = Guest.Data + 0x200;
    private const ulong FourthPath = Guest.Data + 0x300;
    private const ulong Buffer = Guest.Data + 0x1000;

    private readonly DistantGuest _system = new();
    private readonly Guest _guest;
    private readonly DistantFileSystem _distant;

    public DistantChangeTests()
    {
        _guest = _system.Guest;
        _distant = _system.Distant;
        DistantFileSystem.Directory a = _distant.Top.AddDirectory("a");
        a.AddFile("x", [1, 2, 3]);
        DistantFileSystem.Directory b = _distant.Top.AddDirectory("b");
        b.AddFile("y", [1, 2, 3, 4]);
    }

    [Fact]
    public void MakeMoveAndRemove_TheServerIsAsked_AreDoneOnceAndToldOnce()
    {
        _system.Put(Path, "/far/a/new");
        _system.Put(SecondPath, "/far/b/moved");
        _system.Put(ThirdPath, "/far/a/x");
        long[] results = Run(
            (SyscallNumber.mkdir, Path, 0x1ED),
            (SyscallNumber.mkdir, Path, 0x1ED),
            (SyscallNumber.rename, Path, SecondPath),
            (SyscallNumber.stat, Path, Buffer),
            (SyscallNumber.stat, SecondPath, Buffer),
            (SyscallNumber.unlink, ThirdPath, 0),
            (SyscallNumber.unlink, ThirdPath, 0));

        Assert.Equal([0, -(long)Errno.EEXIST, 0, -(long)Errno.ENOENT, 0, 0, -(long)Errno.ENOENT], results);
        string[] told = [.. _system.Trace.Where(line => line.StartsWith("mkdir", StringComparison.Ordinal))];
        Assert.Equal(2, told.Length);
        Assert.EndsWith(" = OK", told[0], StringComparison.Ordinal);
    }

    [Fact]
    public void OpenWithCreate_TheServerMakesTheFile_OpensIt()
    {
        _system.Put(Path, "/far/a/new");
        const ulong Flags = (ulong)(OpenFlags.O_CREAT | OpenFlags.O_EXCL | OpenFlags.O_RDWR);
        _guest.Main.Call(SyscallNumber.open, Path, Flags).Call(SyscallNumber.fstat, 0, Buffer);
        _guest.Do(() => Assert.Equal(10, _guest.Read<Stat>(Buffer).st_size));
        _guest.Main.Call(SyscallNumber.open, Path, Flags).Call(SyscallNumber.open, Path, (ulong)OpenFlags.O_CREAT);
        _guest.Run();

        Assert.Equal([0, 0, -(long)Errno.EEXIST, 1], _guest.Main.Results[..4]);
    }

    [Theory]
    [InlineData(OpenFlags.O_CREAT, 0)]
    [InlineData(OpenFlags.O_CREAT | OpenFlags.O_EXCL, -(long)Errno.EEXIST)]
    public void OpenWithCreate_SomebodyElseWasFaster_OpensThatUnlessItMustBeNew(OpenFlags flags, long expected)
    {
        _system.Put(Path, "/far/a/new");
        _guest.Main.Call(SyscallNumber.stat, Path, Buffer);
        _guest.Do(() => ((DistantFileSystem.Directory)Find("/far/a")).AddFile("new", [7]));
        _guest.Main.Call(SyscallNumber.open, Path, (ulong)flags);
        _guest.Run();
        Assert.Equal([-(long)Errno.ENOENT, expected], _guest.Main.Results[..2]);
    }

    [Fact]
    public void Changes_TwoThreadsInOneDirectory_AreMadeOneAfterTheOther()
    {
        _system.Put(Path, "/far/a/one");
        _system.Put(SecondPath, "/far/a/two");
        ThreadScript? child = null;
        int most = 0;
        _guest.Main.Call(SyscallNumber.stat, Path, Buffer).Call(SyscallNumber.stat, SecondPath, Buffer);
        _guest.MakeThread(script => child = script.Call(SyscallNumber.mkdir, SecondPath, 0));
        _guest.Do(() => _guest.Machine.Cpu.OnIdle = () =>
        {
            most = Math.Max(most, _distant.QuestionCount);
            _system.AnswerOrFail();
        });
        _guest.Main.Call(SyscallNumber.mkdir, Path, 0).Call(SyscallNumber.sched_yield);
        _guest.Run();

        Assert.Equal(0, _guest.Main.Results[^2]);
        Assert.Equal(0, child!.Results[^1]);
        Assert.Equal(1, most);
    }

    /// <summary>Each needs both directories, and they meet them in opposite order.</summary>
    [Fact]
    public void Renames_TwoThatCross_AreBothMade()
    {
        _system.Put(Path, "/far/a/x");
        _system.Put(SecondPath, "/far/b/from-a");
        _system.Put(ThirdPath, "/far/b/y");
        _system.Put(FourthPath, "/far/a/from-b");
        foreach (ulong path in (ulong[])[Path, SecondPath, ThirdPath, FourthPath])
        {
            _guest.Main.Call(SyscallNumber.stat, path, Buffer);
        }

        ThreadScript? child = null;
        _guest.MakeThread(script => child = script.Call(SyscallNumber.rename, ThirdPath, FourthPath));
        _guest.Main.Call(SyscallNumber.rename, Path, SecondPath).Call(SyscallNumber.sched_yield);
        _guest.Run();

        Assert.Equal(0, _guest.Main.Results[^2]);
        Assert.Equal(0, child!.Results[^1]);
        Assert.IsType<DistantFile>(Find("/far/b/from-a"));
        Assert.IsType<DistantFile>(Find("/far/a/from-b"));
    }

    [Fact]
    public void Change_TheProcessIsKilledMeanwhile_IsMadeAllTheSame()
    {
        _system.Put(Path, "/far/a/new");
        _guest.Main.Call(SyscallNumber.stat, Path, Buffer);
        _guest.Do(() => _guest.Machine.Cpu.OnIdle = () => _guest.Process.Kill(Signal.SIGKILL));
        _guest.Main.Call(SyscallNumber.mkdir, Path, 0);
        Assert.Equal(Signal.SIGKILL, _guest.Run().Signal);

        Assert.Equal(1, _distant.QuestionCount);
        _distant.Answer();
        Assert.IsType<DistantFileSystem.Directory>(Find("/far/a/new"));
    }

    private Inode Find(string path)
    {
        FileSystemContext context = _guest.Process.FileSystem;
        Assert.Equal(Errno.None, context.Find(context.Root, Encoding.UTF8.GetBytes(path), follow: false, out Inode? inode));
        return inode!;
    }

    private long[] Run(params (SyscallNumber Number, ulong First, ulong Second)[] calls)
    {
        foreach ((SyscallNumber number, ulong first, ulong second) in calls)
        {
            _guest.Main.Call(number, first, second);
        }

        _guest.Run();
        return [.. _guest.Main.Results[..calls.Length]];
    }
}
