using Semitone.Abi;
using Semitone.Unit.Tasks;

namespace Semitone.Unit.Syscalls;

/// <summary>/proc/PID/io: which calls count, and what they count (proc_pid_io(5)).</summary>
public sealed class IoCounterTests
{
    private const OpenFlags Create = OpenFlags.O_CREAT | OpenFlags.O_RDWR;

    private readonly Caller _caller = new();

    [Fact]
    public void Io_Transfers_CountBytesAndCalls() => _caller.Run(_ =>
    {
        ulong fd = _caller.Open("/tmp/f", Create);
        ulong other = _caller.Open("/tmp/g", Create);
        Counts(0, 1000, 0, 1, () => _caller.Succeeds(SyscallNumber.write, fd, Caller.Buffer, 1000));
        Counts(500, 0, 1, 0, () => _caller.Succeeds(SyscallNumber.pread64, fd, Caller.Buffer, 500, 0));
        Counts(0, 0, 1, 0, () => _caller.Succeeds(SyscallNumber.read, fd, Caller.Buffer, 5));
        Counts(0, 10, 0, 1, () => _caller.Succeeds(SyscallNumber.pwrite64, fd, Caller.Buffer, 10, 0));
        Counts(0, 0, 0, 1, () => _caller.Succeeds(SyscallNumber.write, fd, Caller.Buffer, 0));
        Counts(300, 300, 1, 1, () =>
        {
            _caller.Guest.Write(Caller.Buffer, 0L);
            Assert.Equal(300, _caller.Call(SyscallNumber.sendfile, other, fd, Caller.Buffer, 300));
        });
        Counts(200, 200, 1, 1, () =>
        {
            _caller.Guest.Write(Caller.Buffer, 0L);
            Assert.Equal(200, _caller.Call(SyscallNumber.copy_file_range, fd, Caller.Buffer, other, 0, 200, 0));
        });
        Counts(0, 0, 0, 0, () => _caller.Succeeds(SyscallNumber.copy_file_range, fd, 0, other, 0, 0, 0));
    });

    [Fact]
    public void Io_VectorsAndWhatFails_CountAsOnLinux() => _caller.Run(_ =>
    {
        ulong fd = _caller.Open("/tmp/f", Create);
        _caller.Guest.Write(Caller.Buffer, new Iovec { iov_base = Caller.Buffer + 0x100, iov_len = 60 });
        Counts(0, 60, 0, 1, () => _caller.Succeeds(SyscallNumber.pwritev, fd, Caller.Buffer, 1, 0));
        Counts(60, 0, 1, 0, () => _caller.Succeeds(SyscallNumber.readv, fd, Caller.Buffer, 1));

        // A call with an array counts even without a file; the others count from the file on.
        Counts(0, 0, 1, 0, () => _caller.Fails(Errno.EBADF, SyscallNumber.readv, 99, Caller.Buffer, 1));
        Counts(0, 0, 1, 0, () => _caller.Fails(Errno.EBADF, SyscallNumber.preadv, 99, Caller.Buffer, 1, 0));
        Counts(0, 0, 0, 1, () => _caller.Fails(Errno.EINVAL, SyscallNumber.writev, fd, Caller.Buffer, ulong.MaxValue));
        Counts(0, 0, 0, 0, () => _caller.Fails(Errno.EINVAL, SyscallNumber.preadv, fd, Caller.Buffer, 1, ulong.MaxValue));
        Counts(0, 0, 0, 0, () => _caller.Fails(Errno.EBADF, SyscallNumber.read, 99, Caller.Buffer, 1));
        Counts(0, 0, 0, 0, () => _caller.Fails(Errno.EFAULT, SyscallNumber.read, fd, ulong.MaxValue - 5000, 1));
        Counts(0, 0, 1, 0, () => _caller.Fails(Errno.EFAULT, SyscallNumber.pread64, fd, 8, 1, 0));
        Counts(0, 0, 1, 0, () => _caller.Fails(Errno.EISDIR, SyscallNumber.read, _caller.Open("/tmp"), Caller.Buffer, 1));
    });

    [Fact]
    public void Io_OfAThread_IsItsOwnAndStaysTheProcesses()
    {
        Caller caller = _caller;
        caller.Guest.Main.Do(() =>
        {
            ulong fd = caller.Open("/tmp/f", Create);
            caller.Succeeds(SyscallNumber.write, fd, Caller.Buffer, 100);
            Assert.StartsWith("rchar: 0\nwchar: 100\nsyscr: 0\nsyscw: 1\n", caller.ReadFile("/proc/self/task/1/io"));
            Assert.Equal(Mode.S_IFREG | (Mode)0x100, caller.GetStat(caller.Open("/proc/self/io")).st_mode);
        });
        caller.Guest.MakeThread(script => script.Call(SyscallNumber.write, 0, Caller.Buffer, 20).Call(SyscallNumber.exit, 0));
        caller.Guest.Main.Call(SyscallNumber.sched_yield).Do(() =>
        {
            Assert.Single(caller.Process.Threads);
            Assert.Equal((120, 2), (caller.Process.Io.BytesWritten, caller.Process.Io.WriteCalls));
        });
        caller.Guest.Run();
    }

    /// <summary>A call that waits counts once, when it is over, with what it moved.</summary>
    [Fact]
    public void Io_CallsThatWait_CountOnce()
    {
        Caller caller = _caller;
        caller.Guest.Main.Do(() =>
        {
            caller.Succeeds(SyscallNumber.pipe2, Caller.Buffer, 0);
            Assert.Equal((0U, 1U), (caller.Guest.Read<uint>(Caller.Buffer), caller.Guest.Read<uint>(Caller.Buffer + 4)));
        });
        caller.Guest.MakeThread(script => script.Call(SyscallNumber.write, 1, Caller.Buffer, 7).Call(SyscallNumber.exit, 0));
        caller.Guest.Main.Call(SyscallNumber.read, 0, Caller.Buffer, 100).Do(() =>
            Assert.Equal((7, 1), (caller.Guest.MainThread.Io.BytesRead, caller.Guest.MainThread.Io.ReadCalls)));
        caller.Guest.Run();
    }

    private void Counts(long read, long written, long readCalls, long writeCalls, Action calls)
    {
        (long, long, long, long) before = Get();
        calls();
        (long, long, long, long) after = Get();
        Assert.Equal(
            (read, written, readCalls, writeCalls),
            (after.Item1 - before.Item1, after.Item2 - before.Item2, after.Item3 - before.Item3, after.Item4 - before.Item4));

        (long, long, long, long) Get()
        {
            Semitone.Files.IoCounters io = _caller.Process.Io;
            return (io.BytesRead, io.BytesWritten, io.ReadCalls, io.WriteCalls);
        }
    }
}
