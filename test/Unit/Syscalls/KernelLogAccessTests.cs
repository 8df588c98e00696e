using System.Text;
using Semitone.Abi;
using Semitone.Core;

namespace Semitone.Unit.Syscalls;

/// <summary>The kernel's log as programs get it: /dev/kmsg, /proc/kmsg and syslog(2).</summary>
public sealed class KernelLogAccessTests
{
    private const OpenFlags ReadWrite = OpenFlags.O_RDWR | OpenFlags.O_NONBLOCK;

    private readonly Caller _caller = new();

    [Theory]
    [InlineData("plain", "12", "plain")]
    [InlineData("<3>level\n", "11", "level")]
    [InlineData("<14>a\tb\\c\u00e4\n", "14", "a\\x09b\\x5cc\\xc3\\xa4")]
    [InlineData("<191>facility", "191", "facility")]
    [InlineData("<>none", "8", "none")]
    [InlineData("<-1>sign", "12", "<-1>sign")]
    [InlineData("<3x>no number", "12", "<3x>no number")]
    [InlineData("<5", "12", "<5")]
    [InlineData("two\nlines\n", "12", "two\\x0alines")]
    [InlineData("", "12", "")]
    [InlineData("cut\0off", "12", "cut")]
    public void DevKmsg_Write_IsARecordOfTheUsers(string text, string priority, string expected) => _caller.Run(_ =>
    {
        ulong fd = _caller.Open("/dev/kmsg", ReadWrite);
        Write(fd, text);
        Assert.Equal($"{priority},0,1000000,-;{expected}\n", Read(fd));
        _caller.Fails(Errno.EAGAIN, SyscallNumber.read, fd, Caller.Buffer, 0x1000);
    });

    [Fact]
    public void DevKmsg_Reads_AreARecordEachForEveryFile() => _caller.Run(_ =>
    {
        _caller.Guest.Log.Warning($"of the kernel");
        _caller.Guest.Log.Info($"second");
        ulong fd = _caller.Open("/dev/kmsg", ReadWrite);
        ulong other = _caller.Open("/dev/kmsg", ReadWrite);
        Assert.Equal("4,0,1000000,-;of the kernel\n", Read(fd));
        Assert.Equal("6,1,1000000,-;second\n", Read(fd));
        Assert.Equal("4,0,1000000,-;of the kernel\n", Read(other));

        // A record that does not fit is lost.
        _caller.Fails(Errno.EINVAL, SyscallNumber.read, other, Caller.Buffer, 5);
        _caller.Fails(Errno.EAGAIN, SyscallNumber.read, other, Caller.Buffer, 100);
        _caller.Succeeds(SyscallNumber.lseek, other, 0, (ulong)SeekWhence.SEEK_SET);
        Assert.StartsWith("4,0,", Read(other));
        _caller.Succeeds(SyscallNumber.lseek, other, 0, (ulong)SeekWhence.SEEK_END);
        _caller.Fails(Errno.EAGAIN, SyscallNumber.pread64, other, Caller.Buffer, 100, 7);
        _caller.Fails(Errno.ESPIPE, SyscallNumber.lseek, other, 1, (ulong)SeekWhence.SEEK_CUR);
        _caller.Fails(Errno.EINVAL, SyscallNumber.lseek, other, 0, (ulong)SeekWhence.SEEK_CUR);
        _caller.Fails(Errno.EINVAL, SyscallNumber.lseek, other, 1, 77);
        _caller.Fails(Errno.EINVAL, SyscallNumber.write, other, Caller.Buffer, LogRing.MaximumText + 1);
        _caller.Fails(Errno.EFAULT, SyscallNumber.write, other, 8, 3);
        Assert.Equal(PollEvents.None, Poll(other));
        Write(other, new string('x', LogRing.MaximumText));
        Assert.Equal(PollEvents.POLLIN, Poll(other));
        Assert.EndsWith(new string('x', LogRing.MaximumText) + "\n", Read(other));
    });

    [Fact]
    public void DevKmsg_OverwrittenRecords_AreTold() => _caller.Run(_ =>
    {
        ulong fd = _caller.Open("/dev/kmsg", ReadWrite);
        const int Records = LogRing.Size / 16;
        for (int i = 0; i <= Records; i++)
        {
            Write(fd, "x");
        }

        Assert.Equal(PollEvents.POLLIN | PollEvents.POLLERR | PollEvents.POLLPRI, Poll(fd));
        _caller.Fails(Errno.EPIPE, SyscallNumber.read, fd, Caller.Buffer, 100);
        string next = Read(fd);
        Assert.EndsWith(",-;x\n", next);
        Assert.DoesNotContain(",0,", next);
        Assert.Equal(PollEvents.POLLIN, Poll(fd));
    });

    [Fact]
    public void Syslog_Read_GivesEachLineOnce() => _caller.Run(_ =>
    {
        _caller.Guest.Log.Error($"first");
        ulong fd = _caller.Open("/dev/kmsg", ReadWrite);
        ulong proc = _caller.Open("/proc/kmsg", OpenFlags.O_NONBLOCK);
        Write(fd, "<14>two\nlines");
        const string Text = "<3>[    1.000000] first\n<14>[    1.000000] two\n<14>[    1.000000] lines\n";
        Assert.Equal(Text.Length, Syslog(SyslogAction.SYSLOG_ACTION_SIZE_UNREAD));
        Assert.Equal(PollEvents.POLLIN, Poll(proc));
        Assert.Equal(5, Syslog(SyslogAction.SYSLOG_ACTION_READ, 5));
        Assert.Equal(Text[..5], _caller.Read(Caller.Buffer, 5));
        Assert.Equal(Text.Length - 5, Syslog(SyslogAction.SYSLOG_ACTION_SIZE_UNREAD));

        // The rest of the record that was begun, and none of the next, for which there is no room.
        Assert.Equal(Text[5..24], _caller.Read(Caller.Buffer, _caller.Succeeds(SyscallNumber.read, proc, Caller.Buffer, 40)));
        Assert.Equal(Text[24..], Read(proc));
        _caller.Fails(Errno.EAGAIN, SyscallNumber.read, proc, Caller.Buffer, 40);
        Assert.Equal(PollEvents.None, Poll(proc));
        Assert.Equal(0, Syslog(SyslogAction.SYSLOG_ACTION_SIZE_UNREAD));
        _caller.Fails(Errno.EBADF, SyscallNumber.write, proc, Caller.Buffer, 1);
        _caller.Fails(Errno.EIO, SyscallNumber.write, _caller.Open("/proc/kmsg", OpenFlags.O_RDWR), Caller.Buffer, 1);
    });

    [Fact]
    public void Syslog_ReadAll_GivesTheEndOfWhatWasNotCleared() => _caller.Run(_ =>
    {
        _caller.Guest.Log.Error($"first");
        _caller.Guest.Log.Error($"second");
        const string Second = "<3>[    1.000000] second\n";
        Assert.Equal(LogRing.Size, Syslog(SyslogAction.SYSLOG_ACTION_SIZE_BUFFER));
        Assert.Equal(0, Syslog(SyslogAction.SYSLOG_ACTION_READ_ALL, 5));
        Assert.Equal(Second.Length, Syslog(SyslogAction.SYSLOG_ACTION_READ_ALL, Second.Length + 10));
        Assert.Equal(Second, _caller.Read(Caller.Buffer, Second.Length));
        Assert.Equal(Second.Length + Second.Length - 1, Syslog(SyslogAction.SYSLOG_ACTION_READ_CLEAR, 0x1000));
        Assert.Equal(0, Syslog(SyslogAction.SYSLOG_ACTION_READ_ALL, 0x1000));
        ulong fd = _caller.Open("/dev/kmsg", ReadWrite);
        _caller.Succeeds(SyscallNumber.lseek, fd, 0, (ulong)SeekWhence.SEEK_DATA);
        _caller.Fails(Errno.EAGAIN, SyscallNumber.read, fd, Caller.Buffer, 100);
        _caller.Succeeds(SyscallNumber.lseek, fd, 0, (ulong)SeekWhence.SEEK_SET);
        Assert.Equal("3,0,1000000,-;first\n", Read(fd));
    });

    [Fact]
    public void Syslog_WrongArguments_AreRefused() => _caller.Run(_ =>
    {
        _caller.Fails(Errno.EINVAL, SyscallNumber.syslog, 11, 0, 0);
        _caller.Fails(Errno.EINVAL, SyscallNumber.syslog, (ulong)SyslogAction.SYSLOG_ACTION_READ, 0, 5);
        _caller.Fails(Errno.EINVAL, SyscallNumber.syslog, (ulong)SyslogAction.SYSLOG_ACTION_READ_ALL, Caller.Buffer, ulong.MaxValue);
        _caller.Fails(Errno.EINVAL, SyscallNumber.syslog, (ulong)SyslogAction.SYSLOG_ACTION_CONSOLE_LEVEL, 0, 0);
        _caller.Fails(Errno.EINVAL, SyscallNumber.syslog, (ulong)SyslogAction.SYSLOG_ACTION_CONSOLE_LEVEL, 0, 9);
        Assert.Equal(0, Syslog(SyslogAction.SYSLOG_ACTION_READ, 0));
    });

    [Fact]
    public void Syslog_ConsoleLevel_DecidesWhatIsShown() => _caller.Run(_ =>
    {
        ulong fd = _caller.Open("/dev/kmsg", OpenFlags.O_WRONLY);
        Write(fd, "<6>quiet");
        Write(fd, "<4>shown\u001b");
        Syslog(SyslogAction.SYSLOG_ACTION_CONSOLE_OFF);
        Write(fd, "<1>hidden");
        Assert.Equal("1\t4\t1\t5\n", _caller.ReadFile("/proc/sys/kernel/printk"));
        Syslog(SyslogAction.SYSLOG_ACTION_CONSOLE_ON);
        Assert.Equal(0, _caller.Call(SyscallNumber.syslog, (ulong)SyslogAction.SYSLOG_ACTION_CONSOLE_LEVEL, 0, 7));
        Write(fd, "<6>loud");
        Assert.Equal("[    1.000000] Warn: shown?\n[    1.000000] Info: loud\n", _caller.Guest.Machine.Console.OutputText);
    });

    [Fact]
    public void Log_WithoutTheCapability_CannotBeRead() => _caller.Run(_ =>
    {
        ulong proc = _caller.Open("/proc/kmsg", OpenFlags.O_NONBLOCK);
        _caller.Succeeds(SyscallNumber.fchmodat, unchecked((ulong)-100), _caller.Text("/dev/kmsg"), 0x1B6);
        _caller.Succeeds(SyscallNumber.setresuid, 1000, 1000, 1000);
        _caller.Fails(Errno.EPERM, SyscallNumber.open, _caller.Text("/dev/kmsg"), (ulong)OpenFlags.O_RDONLY);
        _caller.Fails(Errno.EACCES, SyscallNumber.open, _caller.Text("/proc/kmsg"), (ulong)OpenFlags.O_RDONLY);
        _caller.Fails(Errno.EPERM, SyscallNumber.syslog, 77, 0, 0);
        _caller.Fails(Errno.EPERM, SyscallNumber.syslog, (ulong)SyslogAction.SYSLOG_ACTION_SIZE_BUFFER, 0, 0);
        Write(_caller.Open("/dev/kmsg", OpenFlags.O_WRONLY), "may be written");
        Assert.EndsWith("may be written\n", Read(proc));
    });

    /// <summary>syslog(2), /dev/kmsg and /proc/kmsg all wait for the next message.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Log_NothingToRead_Waits(int way)
    {
        Caller caller = _caller;
        caller.Guest.Main.Do(() => caller.Open(way == 0 ? "/dev/kmsg" : "/proc/kmsg", way == 0 ? OpenFlags.O_RDWR : OpenFlags.O_RDONLY));
        caller.Guest.Machine.Clock.MonotonicNs = 2_000_000_000;
        string expected = way == 0 ? "4,0,2000000,-;came\n" : "<4>[    2.000000] came\n";
        Semitone.Unit.Tasks.GuestSteps.MakeThread(
            caller.Guest,
            script => script.Do(() =>
            {
                Assert.True(caller.Guest.MainThread.IsParked);
                caller.Guest.Log.Warning($"came");
            }).Call(SyscallNumber.exit, 0));
        (way == 2
            ? caller.Guest.Main.Call(SyscallNumber.syslog, (ulong)SyslogAction.SYSLOG_ACTION_READ, Caller.Buffer, 100)
            : caller.Guest.Main.Call(SyscallNumber.read, 0, Caller.Buffer, 100)).Do(() =>
        {
            Assert.Equal((ulong)expected.Length, caller.Guest.MainThread.Registers.Rax);
            Assert.Equal(expected, caller.Read(Caller.Buffer, expected.Length));
        });
        caller.Guest.Run();
    }

    private void Write(ulong fd, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        Assert.Equal(bytes.Length, _caller.Guest.Memory.CopyOut(Caller.Buffer, bytes));
        Assert.Equal(bytes.Length, _caller.Call(SyscallNumber.write, fd, Caller.Buffer, (ulong)bytes.Length));
    }

    private string Read(ulong fd) => _caller.Read(Caller.Buffer, _caller.Succeeds(SyscallNumber.read, fd, Caller.Buffer, 0x2000));

    private long Syslog(SyslogAction action, long length = 0) =>
        _caller.Succeeds(SyscallNumber.syslog, (ulong)action, Caller.Buffer, (ulong)length);

    private PollEvents Poll(ulong fd)
    {
        _caller.Guest.Write(
            Caller.Buffer, new PollFd { fd = (int)fd, events = PollEvents.POLLIN | PollEvents.POLLPRI });
        _caller.Succeeds(SyscallNumber.poll, Caller.Buffer, 1, 0);
        return _caller.Guest.Read<PollFd>(Caller.Buffer).revents;
    }
}
