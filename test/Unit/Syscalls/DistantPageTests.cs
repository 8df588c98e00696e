using Semitone.Abi;
using Semitone.Fakes;
using Semitone.Files;
using Semitone.Machine;
using Semitone.Syscalls;
using Semitone.Tasks;
using Semitone.Unit.Files;
using Semitone.Unit.Tasks;

namespace Semitone.Unit.Syscalls;

/// <summary>Programs and calls that come to pages which must be fetched: by a fault, in a file, in a buffer, in an argument.</summary>
public sealed class DistantPageTests
{
    private const int PageCount = 6;
    private const ulong Path = Guest.Data;
    private const ulong Buffer = Guest.Data + 0x1000;
    private const ulong MapAt = 0x7000_0000;

    private const ulong ReadWrite = (ulong)(MapProtection.PROT_READ | MapProtection.PROT_WRITE);
    private const ulong SharedAt = (ulong)(MapFlags.MAP_SHARED | MapFlags.MAP_FIXED);

    private readonly DistantGuest _system = new();
    private readonly Guest _guest;
    private readonly DistantFileSystem _distant;
    private readonly DistantFile _file;

    public DistantPageTests()
    {
        _guest = _system.Guest;
        _distant = _system.Distant;
        _file = _distant.Top.AddFile("file", [.. Enumerable.Range(0, PageCount * Paging.PageSize).Select(i => ByteAt(i))]);
        _system.Put(Path, "/far/file");
        _guest.Main.Call(SyscallNumber.open, Path, (ulong)OpenFlags.O_RDWR);
        _guest.Main.Call(SyscallNumber.mmap, MapAt, PageCount * Paging.PageSize, ReadWrite, SharedAt, 0, 0);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Fault_PageMustBeFetched_ThreadWaitsAndTheInstructionRunsAgain(bool isWrite)
    {
        PageFaultFlags flags = isWrite ? PageFaultFlags.Write : PageFaultFlags.None;
        _guest.Main.Trap(() => FakeCpu.PageFault(MapAt + 0x2010, flags));
        _guest.Main.Do(() => Assert.False(_guest.Process.AddressSpace.PageTable.TryGet(MapAt + 0x2000, out _)));
        _guest.Main.Trap(() => FakeCpu.PageFault(MapAt + 0x2010, flags));
        _guest.Main.Do(() =>
        {
            Assert.True(_guest.Process.AddressSpace.PageTable.TryGet(MapAt + 0x2000, out _));
            Assert.Equal(1, _guest.MainThread.MajorFaultCount);
        });
        Assert.Equal(Signal.None, _guest.Run().Signal);

        // The name, and one page.
        Assert.Equal(2, _distant.AskedCount);
    }

    [Fact]
    public void Fault_PageCannotBeHad_IsSIGBUS()
    {
        _file.Damaged.Add(1);
        _guest.Main.Trap(() => FakeCpu.PageFault(MapAt + 0x1000, PageFaultFlags.None));
        _guest.Main.Trap(() => FakeCpu.PageFault(MapAt + 0x1000, PageFaultFlags.None));
        Assert.Equal(Signal.SIGBUS, _guest.Run().Signal);
    }

    [Fact]
    public void Fault_ServerNeverAnswersAndTheProcessIsKilled_Ends()
    {
        _guest.Main.Do(() => _guest.Machine.Cpu.OnIdle = () => _guest.Process.Kill(Signal.SIGKILL));
        _guest.Main.Trap(() => FakeCpu.PageFault(MapAt, PageFaultFlags.None));
        Assert.Equal(Signal.SIGKILL, _guest.Run().Signal);
        Assert.False(_file.Fetches!.HasWaiters);
    }

    [Fact]
    public void Read_PagesOfTheFileMustBeFetched_GivesAllOfIt()
    {
        _guest.Main.Call(SyscallNumber.read, 0, Buffer, 0x2800);
        _guest.Main.Do(() => AssertBytes(Buffer, 0, 0x2800));
        _guest.Main.Call(SyscallNumber.read, 0, Buffer, 0x1000);
        _guest.Main.Do(() => AssertBytes(Buffer, 0x2800, 0x1000));
        _guest.Main.Call(SyscallNumber.pread64, 0, Buffer, 0x3000, 0x3800);
        _guest.Main.Do(() => AssertBytes(Buffer, 0x3800, 0x2800));
        _guest.Run();

        Assert.Equal([0x2800, 0x1000, 0x2800], _guest.Main.Results[2..5]);
        Assert.Equal(1 + PageCount, _distant.AskedCount);
    }

    [Fact]
    public void Read_PageInTheMiddleCannotBeHad_GivesWhatComesBeforeAndThenTheError()
    {
        _file.Damaged.Add(1);
        _guest.Main.Call(SyscallNumber.read, 0, Buffer, 0x3000);
        _guest.Main.Call(SyscallNumber.read, 0, Buffer, 0x3000);
        _guest.Run();
        Assert.Equal([0x1000, -(long)Errno.EIO], _guest.Main.Results[2..4]);
    }

    /// <summary>Both sides lack pages: the file that is read, and the mapping that it is read into.</summary>
    [Fact]
    public void Read_IntoAMappingOfTheFileItself_MovesAllOfIt()
    {
        _guest.Main.Call(SyscallNumber.read, 0, MapAt + 0x3800, 0x2000);
        _guest.Run();

        Assert.Equal(0x2000, _guest.Main.Results[2]);
        for (int i = 0; i < 0x2000; i++)
        {
            Assert.Equal(ByteAt(i), _file.Peek(0x3800 + i));
        }
    }

    [Fact]
    public void WriteAndReadVector_SegmentsInAMappingThatMustBeFetched_MoveAllOfIt()
    {
        _system.Put(Guest.Data + 0x100, "/near");
        _guest.Do(() =>
        {
            _guest.Write(Guest.Data + 0x200, new Iovec { iov_base = MapAt + 0x0FF0, iov_len = 0x20 });
            _guest.Write(Guest.Data + 0x210, new Iovec { iov_base = MapAt + 0x2FF0, iov_len = 0x1020 });
        });
        _guest.Main
            .Call(SyscallNumber.open, Guest.Data + 0x100, (ulong)(OpenFlags.O_CREAT | OpenFlags.O_RDWR), 0x1B6)
            .Call(SyscallNumber.writev, 1, Guest.Data + 0x200, 2)
            .Call(SyscallNumber.pread64, 1, Buffer, 0x2000, 0);
        _guest.Main.Do(() =>
        {
            AssertBytes(Buffer, 0x0FF0, 0x20);
            AssertBytes(Buffer + 0x20, 0x2FF0, 0x1020);
        });
        _guest.Run();
        Assert.Equal([1, 0x1040, 0x1040], _guest.Main.Results[2..5]);
    }

    /// <summary>A pipe gives up what was read from it once: the call must not be made twice.</summary>
    [Fact]
    public void Read_FromAPipeIntoAMappingThatMustBeFetched_LosesNothing()
    {
        const ulong Text = Guest.Data + 0x400;
        _guest.Do(() => Assert.Equal(8, _guest.Memory.CopyOut(Text, "pipeline"u8)));
        _guest.Main
            .Call(SyscallNumber.pipe2, Guest.Data + 0x300, 0)
            .Call(SyscallNumber.write, 2, Text, 8)
            .Call(SyscallNumber.read, 1, MapAt + 0x0FFC, 100);
        _guest.Run();

        Assert.Equal([0, 8, 8], _guest.Main.Results[2..5]);
        Assert.Equal("pipeline"u8.ToArray(), Enumerable.Range(0, 8).Select(i => _file.Peek(0x0FFC + i)));
    }

    /// <summary>
    /// What the call answers goes to a page that must be fetched, and the call has been done: it must be done once, and the answer must be
    /// there.
    /// </summary>
    [Fact]
    public void Call_AnswerGoesToAMappingThatMustBeFetched_IsDoneOnce()
    {
        const ulong Action = Guest.Data + 0x500;
        _guest.Do(() => _guest.Write(Action, new Sigaction { sa_handler = 0x1234_5000 }));
        _guest.Main
            .Call(SyscallNumber.rt_sigaction, (ulong)Signal.SIGUSR1, Action, MapAt + 0x1FF0, 8)
            .Call(SyscallNumber.rt_sigaction, (ulong)Signal.SIGUSR1, 0, MapAt + 0x3000, 8)
            .Call(SyscallNumber.pipe2, MapAt + 0x4FFC, 0)
            .Call(SyscallNumber.fstat, 0, MapAt + 0x5F00);
        _guest.Main.Do(() =>
        {
            Assert.Equal(0UL, _guest.Read<Sigaction>(MapAt + 0x1FF0).sa_handler);
            Assert.Equal(0x1234_5000UL, _guest.Read<Sigaction>(MapAt + 0x3000).sa_handler);
            Assert.Equal(1, _guest.Read<int>(MapAt + 0x4FFC));
            Assert.Equal(2, _guest.Read<int>(MapAt + 0x5000));
            Assert.Equal(PageCount * Paging.PageSize, _guest.Read<Stat>(MapAt + 0x5F00).st_size);
        });
        _guest.Main.Call(SyscallNumber.dup, 0);
        _guest.Run();
        Assert.Equal([0, 0, 0, 0, 3], _guest.Main.Results[2..7]);
    }

    [Fact]
    public void Call_ArgumentLiesInAMappingThatMustBeFetched_IsServedAgainAndToldOnce()
    {
        _guest.Main.Call(SyscallNumber.access, MapAt + 0x1000, 0);
        _guest.Run();

        // The page has no path in it, but bytes that are none.
        Assert.Equal(-(long)Errno.ENOENT, _guest.Main.Results[2]);
        Assert.Single(_system.Trace, line => line.StartsWith("access", StringComparison.Ordinal));
    }

    [Fact]
    public void Call_AnswerGoesToAReadOnlyMapping_IsEFAULTAtOnce()
    {
        _guest.Main
            .Call(SyscallNumber.mprotect, MapAt, PageCount * Paging.PageSize, (ulong)MapProtection.PROT_READ)
            .Call(SyscallNumber.fstat, 0, MapAt);
        _guest.Run();
        Assert.Equal([0, -(long)Errno.EFAULT], _guest.Main.Results[2..4]);
        Assert.Equal(1, _distant.AskedCount);
    }

    [Fact]
    public void Call_PageOfTheAnswerCannotBeHad_IsEFAULT()
    {
        _file.Damaged.Add(0);
        _guest.Main.Call(SyscallNumber.fstat, 0, MapAt).Call(SyscallNumber.getpid);
        _guest.Run();
        Assert.Equal([-(long)Errno.EFAULT, 1], _guest.Main.Results[2..4]);
    }

    [Fact]
    public void Execve_FileMustBeFetched_StartsTheProgram()
    {
        _distant.Top.AddFile("program", Guest.MakeProgram());
        _system.Put(Guest.Data + 0x100, "/far/program");
        _guest.Main.Call(SyscallNumber.execve, Guest.Data + 0x100, 0, 0).Call(SyscallNumber.getpid);
        _guest.Run();
        Assert.Equal([0, 1], _guest.Main.Results[2..4]);

        // The other file's name, this one's, and its first page: it has no other that is needed.
        Assert.Equal(3, _distant.AskedCount);
    }

    [Fact]
    public void Execve_FileCannotBeRead_IsEIO()
    {
        _distant.Top.AddFile("program", Guest.MakeProgram()).Damaged.Add(0);
        _system.Put(Guest.Data + 0x100, "/far/program");
        _guest.Main.Call(SyscallNumber.execve, Guest.Data + 0x100, 0, 0);
        _guest.Run();
        Assert.Equal(-(long)Errno.EIO, _guest.Main.Results[2]);
    }

    private static byte ByteAt(long offset) => (byte)((offset * 7) + (offset >> Paging.PageShift) + 1);

    private void AssertBytes(ulong address, long offset, int count)
    {
        byte[] bytes = new byte[count];
        Assert.Equal(count, _guest.Memory.CopyIn(address, bytes));
        for (int i = 0; i < count; i++)
        {
            Assert.True(ByteAt(offset + i) == bytes[i], $"byte {i}");
        }
    }
}
