using System.Text;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Fakes;
using Semitone.Files;
using Semitone.Machine;
using Semitone.NineP;
using Semitone.Tasks;
using Semitone.Unit.Tasks;

namespace Semitone.Unit.NineP;

/// <summary>A program's calls on files of a real server, from system call to pipe and back.</summary>
public sealed class NinePGuestTests : IDisposable
{
    private const ulong Path = Guest.Data;
    private const ulong SecondPath = Guest.Data + 0x100;
    private const ulong Buffer = Guest.Data + 0x1000;
    private const ulong MapAt = 0x7000_0000;

    private readonly Guest _guest = new();
    private readonly DiodServer _server;
    private readonly NinePFileSystem _fileSystem;

    public NinePGuestTests()
    {
        _server = new DiodServer(_guest.Machine);
        FileSystemContext context = _guest.Process.FileSystem;
        NinePOptions options = NinePOptions.Parse(Encoding.UTF8.GetBytes($"cache=none,aname={_server.Folder}"), out _)!;
        ValueTask<Outcome<NinePFileSystem>> connecting =
            NinePFileSystem.ConnectAsync(context.Mounts.Services, 99, _guest.System.Executor, _server, options);
        while (!connecting.IsCompleted)
        {
            _server.Deliver();
            while (_guest.System.Executor.RunOne() && !connecting.IsCompleted)
            {
            }
        }

        _fileSystem = connecting.Result.Value;
        _server.Connection = _fileSystem.Connection;
        Assert.Equal(Errno.None, context.MakeDirectory(context.Root, "/far"u8, (Mode)0x1FF));
        Assert.Equal(Errno.None, context.Find(context.Root, "/far"u8, follow: true, out Inode? point));
        context.Mounts.Mount(_fileSystem, (DirectoryInode)point!, "far");
        _guest.Machine.Cpu.OnIdle = _server.Deliver;
        Put(Path, "/far/f");
        Put(SecondPath, "/far/d/g");
    }

    public void Dispose() => _server.Dispose();

    [Fact]
    public void Calls_OfAProgram_ReachTheServer()
    {
        const ulong Create = (ulong)(OpenFlags.O_CREAT | OpenFlags.O_RDWR | OpenFlags.O_TRUNC);
        Put(Guest.Data + 0x200, "/far/d");
        Put(Guest.Data + 0x300, "hello, host");
        File.WriteAllText(System.IO.Path.Combine(_server.Folder, "f"), "to be overwritten");
        _guest.Main
            .Call(SyscallNumber.open, Path, Create, 0x1B6)
            .Call(SyscallNumber.write, 0, Guest.Data + 0x300, 11)
            .Call(SyscallNumber.pread64, 0, Buffer, 100, 7)
            .Call(SyscallNumber.fsync, 0)
            .Call(SyscallNumber.ftruncate, 0, 5)
            .Call(SyscallNumber.fstat, 0, Buffer);
        _guest.Do(() => Assert.Equal(5, _guest.Read<Stat>(Buffer).st_size));
        _guest.Main
            .Call(SyscallNumber.mkdir, Guest.Data + 0x200, 0x1ED)
            .Call(SyscallNumber.rename, Path, SecondPath)
            .Call(SyscallNumber.stat, Path, Buffer)
            .Call(SyscallNumber.chmod, SecondPath, 0x180)
            .Call(SyscallNumber.statfs, SecondPath, Buffer)
            .Call(SyscallNumber.close, 0);
        _guest.Run();

        Assert.Equal([0, 11, 4, 0, 0, 0, 0, 0, -(long)Errno.ENOENT, 0, 0, 0], _guest.Main.Results[..12]);
        Assert.Equal("hello", File.ReadAllText(System.IO.Path.Combine(_server.Folder, "d/g")));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(System.IO.Path.Combine(_server.Folder, "d/g")));
    }

    [Fact]
    public void Mapping_Private_IsFetchedAndASharedOneForWritingIsRefused()
    {
        File.WriteAllBytes(System.IO.Path.Combine(_server.Folder, "f"), Enumerable.Repeat((byte)7, 3 * Paging.PageSize).ToArray());
        const ulong ReadWrite = (ulong)(MapProtection.PROT_READ | MapProtection.PROT_WRITE);
        const ulong PrivateAt = (ulong)(MapFlags.MAP_PRIVATE | MapFlags.MAP_FIXED);
        _guest.Main
            .Call(SyscallNumber.open, Path, (ulong)OpenFlags.O_RDWR)
            .Call(SyscallNumber.mmap, MapAt, 3 * Paging.PageSize, ReadWrite, (ulong)MapFlags.MAP_SHARED, 0, 0)
            .Call(SyscallNumber.mmap, MapAt, 3 * Paging.PageSize, ReadWrite, PrivateAt, 0, 0);
        _guest.Main.Trap(() => FakeCpu.PageFault(MapAt + 0x1010, PageFaultFlags.None));
        _guest.Main.Trap(() => FakeCpu.PageFault(MapAt + 0x1010, PageFaultFlags.None));
        _guest.Do(() => Assert.Equal(7, _guest.Read<byte>(MapAt + 0x1010)));
        _guest.Main.Call(SyscallNumber.read, 0, MapAt + 0x0800, 0x2000);
        Assert.Equal(Signal.None, _guest.Run().Signal);
        Assert.Equal([0, -(long)Errno.EINVAL, (long)MapAt, 0x2000], _guest.Main.Results[..4]);
    }

    [Theory]
    [InlineData("/far/f", "/near")]
    [InlineData("/near", "/far/f")]
    [InlineData("/far/f", "/far/g")]
    public void Sendfile_BetweenFilesOfAServerAndOthers_CopiesAll(string from, string to)
    {
        const int Length = 20_000;
        Put(Path, from);
        Put(SecondPath, to);
        byte[] content = [.. Enumerable.Range(0, Length).Select(i => (byte)(i * 3))];
        const ulong Anonymous = (ulong)(MapFlags.MAP_PRIVATE | MapFlags.MAP_FIXED | MapFlags.MAP_ANONYMOUS);
        const ulong ReadWrite = (ulong)(MapProtection.PROT_READ | MapProtection.PROT_WRITE);
        const ulong Create = (ulong)(OpenFlags.O_CREAT | OpenFlags.O_RDWR);
        _guest.Main.Call(SyscallNumber.mmap, MapAt, 0x10000, ReadWrite, Anonymous, ulong.MaxValue, 0);
        _guest.Main.Do(() => Assert.Equal(Length, _guest.Memory.CopyOut(MapAt, content)));
        _guest.Main
            .Call(SyscallNumber.open, Path, Create, 0x1B6)
            .Call(SyscallNumber.open, SecondPath, Create, 0x1B6)
            .Call(SyscallNumber.write, 0, MapAt, Length)
            .Call(SyscallNumber.lseek, 0, 0, 0)
            .Call(SyscallNumber.sendfile, 1, 0, 0, Length * 2)
            .Call(SyscallNumber.pread64, 1, MapAt + 0x8000, Length + 100, 0);
        _guest.Main.Do(() =>
        {
            byte[] copied = new byte[Length];
            Assert.Equal(Length, _guest.Memory.CopyIn(MapAt + 0x8000, copied));
            Assert.Equal(content, copied);
        });
        _guest.Run();
        Assert.Equal([0, 1, Length, 0, Length, Length], _guest.Main.Results[1..7]);
    }

    /// <summary>A server that never answers keeps no process from dying, and is asked to forget what nobody wants any more.</summary>
    [Fact]
    public void Call_ServerStallsAndTheProcessIsKilled_Ends()
    {
        bool isKilled = false;
        _guest.Machine.Cpu.OnIdle = () =>
        {
            Assert.False(isKilled, "The process lives on.");
            isKilled = true;
            _guest.Process.Kill(Signal.SIGKILL);
        };
        _guest.Main.Call(SyscallNumber.stat, Path, Buffer);
        Assert.Equal(Signal.SIGKILL, _guest.Run().Signal);
        Assert.Contains(MessageType.Tflush, _server.Requests);
    }

    private void Put(ulong address, string text)
    {
        byte[] bytes = [.. Encoding.UTF8.GetBytes(text), 0];
        Assert.Equal(bytes.Length, _guest.Memory.CopyOut(address, bytes));
    }
}
