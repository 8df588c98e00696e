using System.Text;
using Semitone.Abi;
using Semitone.Files;
using Semitone.Syscalls;
using Semitone.Unit.Files;
using Semitone.Unit.Tasks;

namespace Semitone.Unit.Syscalls;

/// <summary>Names that are made, moved and taken away in directories that somebody else keeps.</summary>
public sealed class DistantChangeTests : ITraceOutput
{
    private const ulong Path = Guest.Data;
    private const ulong SecondPath = Guest.Data + 0x100;
    private const ulong ThirdPath = Guest.Data + 0x200;
    private const ulong FourthPath = Guest.Data + 0x300;
    private const ulong Buffer = Guest.Data + 0x1000;

    private readonly Guest _guest;
    private readonly DistantFileSystem _distant;
    private readonly StringBuilder _trace = new();

    public DistantChangeTests()
    {
        _guest = new Guest(strace: new Strace(this));
        FileSystemContext context = _guest.Process.FileSystem;
        Assert.Equal(Errno.None, context.MakeDirectory(context.Root, "/far"u8, (Mode)0x1FF));
        Assert.Equal(Errno.None, context.Find(context.Root, "/far"u8, follow: true, out Inode? point));
        _distant = new DistantFileSystem(context.Mounts.Services);
        context.Mounts.Mount(_distant, (DirectoryInode)point!, "far");
        DistantFileSystem.Directory a = _distant.Top.AddDirectory("a");
        a.AddFile("x", [1, 2, 3]);
        DistantFileSystem.Directory b = _distant.Top.AddDirectory("b");
        b.AddFile("y", [1, 2, 3, 4]);
        _guest.Machine.Cpu.OnIdle = AnswerOrFail;
    }

    [Fact]
    public void MakeMoveAndRemove_TheServerIsAsked_AreDoneOnceAndToldOnce()
    {
        Put(Path, "/far/a/new");
        Put(SecondPath, "/far/b/moved");
        Put(ThirdPath, "/far/a/x");
        long[] results = Run(
            (SyscallNumber.mkdir, Path, 0x1ED),
            (SyscallNumber.mkdir, Path, 0x1ED),
            (SyscallNumber.rename, Path, SecondPath),
            (SyscallNumber.stat, Path, Buffer),
            (SyscallNumber.stat, SecondPath, Buffer),
            (SyscallNumber.unlink, ThirdPath, 0),
            (SyscallNumber.unlink, ThirdPath, 0));

        Assert.Equal([0, -(long)Errno.EEXIST, 0, -(long)Errno.ENOENT, 0, 0, -(long)Errno.ENOENT], results);
        string[] told = [.. _trace.ToString().Split('\n').Where(line => line.StartsWith("mkdir", StringComparison.Ordinal))];
        Assert.Equal(2, told.Length);
        Assert.EndsWith(" = OK", told[0], StringComparison.Ordinal);
    }

    [Fact]
    public void OpenWithCreate_TheServerMakesTheFile_OpensIt()
    {
        Put(Path, "/far/a/new");
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
        Put(Path, "/far/a/new");
        _guest.Main.Call(SyscallNumber.stat, Path, Buffer);
        _guest.Do(() => ((DistantFileSystem.Directory)Find("/far/a")).AddFile("new", [7]));
        _guest.Main.Call(SyscallNumber.open, Path, (ulong)flags);
        _guest.Run();
        Assert.Equal([-(long)Errno.ENOENT, expected], _guest.Main.Results[..2]);
    }

    [Fact]
    public void Changes_TwoThreadsInOneDirectory_AreMadeOneAfterTheOther()
    {
        Put(Path, "/far/a/one");
        Put(SecondPath, "/far/a/two");
        ThreadScript? child = null;
        int most = 0;
        _guest.Main.Call(SyscallNumber.stat, Path, Buffer).Call(SyscallNumber.stat, SecondPath, Buffer);
        _guest.MakeThread(script => child = script.Call(SyscallNumber.mkdir, SecondPath, 0));
        _guest.Do(() => _guest.Machine.Cpu.OnIdle = () =>
        {
            most = Math.Max(most, _distant.QuestionCount);
            AnswerOrFail();
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
        Put(Path, "/far/a/x");
        Put(SecondPath, "/far/b/from-a");
        Put(ThirdPath, "/far/b/y");
        Put(FourthPath, "/far/a/from-b");
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
        Put(Path, "/far/a/new");
        _guest.Main.Call(SyscallNumber.stat, Path, Buffer);
        _guest.Do(() => _guest.Machine.Cpu.OnIdle = () => _guest.Process.Kill(Signal.SIGKILL));
        _guest.Main.Call(SyscallNumber.mkdir, Path, 0);
        Assert.Equal(Signal.SIGKILL, _guest.Run().Signal);

        Assert.Equal(1, _distant.QuestionCount);
        _distant.Answer();
        Assert.IsType<DistantFileSystem.Directory>(Find("/far/a/new"));
    }

    void ITraceOutput.Write(ReadOnlySpan<byte> line) => _trace.Append(Encoding.UTF8.GetString(line));

    private Inode Find(string path)
    {
        FileSystemContext context = _guest.Process.FileSystem;
        Assert.Equal(Errno.None, context.Find(context.Root, Encoding.UTF8.GetBytes(path), follow: false, out Inode? inode));
        return inode!;
    }

    private void AnswerOrFail()
    {
        Assert.NotEqual(0, _distant.QuestionCount);
        _distant.Answer();
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

    private void Put(ulong address, string text)
    {
        byte[] bytes = [.. Encoding.UTF8.GetBytes(text), 0];
        Assert.Equal(bytes.Length, _guest.Memory.CopyOut(address, bytes));
    }
}
