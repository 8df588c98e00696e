using System.Text;
using Semitone.Abi;
using Semitone.Files;
using Semitone.Memory;
using Semitone.Unit.Memory;

namespace Semitone.Unit.Files;

public sealed class PseudoTerminalTests : IDisposable
{
    private readonly FilesFixture _files = new();
    private readonly MemoryFixture _memory = new();
    private readonly TerminalOwnerDouble _owner = new() { CurrentSession = 9, CurrentGroup = 9 };
    private readonly PtsFileSystem _terminals;
    private readonly ulong _page;

    public PseudoTerminalTests()
    {
        _files.Services.TerminalOwner = _owner;
        _terminals = new PtsFileSystem(_files.Services, _files.Mounts.NextDeviceMinor(), new PtsOptions());
        _files.Context.MakeDirectory(_files.Start, "/pts"u8, (Mode)0x1ED);
        _files.Mounts.Mount(_terminals, (DirectoryInode)_files.Find("/pts"), "devpts");
        _page = _memory.Map(1);
    }

    public void Dispose() => _memory.Dispose();

    [Fact]
    public void Slave_Locked_CannotBeOpened()
    {
        OpenFile master = _files.Open("/pts/ptmx", OpenFlags.O_RDWR);
        Assert.Equal(Errno.EIO, _files.Open("/pts/0", OpenFlags.O_RDWR, out _));
        Set(master, IoctlRequest.TIOCSPTLCK, 0);
        _files.Open("/pts/0", OpenFlags.O_RDWR).Release();
        master.Release();
        Assert.Equal(Errno.ENOENT, _files.Open("/pts/0", OpenFlags.O_RDWR, out _));
    }

    [Fact]
    public void Bytes_GoThroughTheLineDiscipline_BothWays()
    {
        (OpenFile master, OpenFile slave) = OpenPair();
        FilesFixture.Write(slave, "a\nb"u8);
        Assert.Equal("a\r\nb", Read(master));
        FilesFixture.Write(master, "lin\u007fne\r"u8);
        Assert.Equal("line\n", Read(slave));
        Assert.Equal("lin\b \bne\r\n", Read(master));
        Assert.Equal(Errno.EAGAIN, ReadError(master));
    }

    /// <summary>Neither end can make the kernel keep more than the rings hold, and nothing is lost where a write waits.</summary>
    [Fact]
    public void Queues_Full_MakeWritersWait()
    {
        (OpenFile master, OpenFile slave) = OpenPair();
        SetRaw(master);
        byte[] many = new byte[100_000];
        IoResult shown = FilesFixture.Write(slave, many);
        Assert.Equal(Errno.EAGAIN, shown.Error);
        Assert.InRange(shown.Bytes, 8192, 20_000);
        Assert.Equal(PollEvents.None, slave.Poll());
        IoResult typed = FilesFixture.Write(master, many);
        Assert.Equal(Errno.EAGAIN, typed.Error);
        Assert.InRange(typed.Bytes, 4096, 20_000);
        Assert.Equal(shown.Bytes, Drain(master));
        Assert.Equal(typed.Bytes, Drain(slave));
        Assert.Equal(PollEvents.POLLOUT | PollEvents.POLLWRNORM, slave.Poll());
        Assert.Equal(PollEvents.POLLOUT | PollEvents.POLLWRNORM, master.Poll());
    }

    /// <summary>What is typed while nobody reads the screen is shown when somebody does, as far as echo is kept.</summary>
    [Fact]
    public void Echo_ScreenFull_ComesLater()
    {
        (OpenFile master, OpenFile slave) = OpenPair();
        FilesFixture.Write(slave, new byte[100_000]);
        FilesFixture.Write(master, "typed"u8);
        string shown = "";
        for (string? part = Read(master); part is not null; part = TryRead(master))
        {
            shown += part;
        }

        Assert.EndsWith("\0typed", shown);
    }

    [Fact]
    public void Master_Closed_HangsTheSlaveUp()
    {
        (OpenFile master, OpenFile slave) = OpenPair();
        _owner.IsSessionLeader = true;
        Assert.Equal(SysResult.Success, Control(slave, IoctlRequest.TIOCSCTTY));
        Inode node = slave.Inode;
        master.Release();
        Assert.Equal([9], _owner.HungUpGroups);
        Assert.Null(_owner.CurrentTerminal);
        Assert.Equal("", Read(slave));
        Assert.Equal(Errno.EIO, FilesFixture.Write(slave, "x"u8).Error);
        Assert.Equal(Errno.EIO, Control(slave, IoctlRequest.TCGETS).Error);
        Assert.Equal(Errno.ENOTTY, Control(slave, IoctlRequest.TIOCSPGRP).Error);
        Assert.True((slave.Poll() & PollEvents.POLLHUP) != 0);
        Assert.Equal(Errno.EIO, node.Open(OpenFlags.O_RDWR, out _));
        Assert.Equal(1, _terminals.Count);
        slave.Release();
        Assert.Equal(0, _terminals.Count);
    }

    [Fact]
    public void Slave_Closed_IsTheMastersEndUntilItIsOpenedAgain()
    {
        (OpenFile master, OpenFile slave) = OpenPair();
        FilesFixture.Write(slave, "last"u8);
        slave.Release();
        Assert.True((master.Poll() & PollEvents.POLLHUP) != 0);
        Assert.Equal("last", Read(master));
        Assert.Equal(Errno.EIO, ReadError(master));
        FilesFixture.Write(master, "kept\n"u8);
        slave = _files.Open("/pts/0", OpenFlags.O_RDWR);
        Assert.Equal(PollEvents.None, master.Poll() & PollEvents.POLLHUP);
        Assert.Equal("kept\n", Read(slave));
    }

    [Fact]
    public void PacketMode_TellsWhatHappens()
    {
        (OpenFile master, OpenFile slave) = OpenPair();
        Set(master, IoctlRequest.TIOCPKT, 1);
        FilesFixture.Write(slave, "x"u8);
        Assert.Equal("\0x", Read(master));
        Control(slave, IoctlRequest.TCXONC, 0);
        Assert.True((master.Poll() & PollEvents.POLLPRI) != 0);
        Assert.Equal("\u0004", Read(master));
        Control(slave, IoctlRequest.TCXONC, 1);
        Assert.Equal("\u0008", Read(master));
        Control(slave, IoctlRequest.TCFLSH, 2);
        Assert.Equal("\u0003", Read(master));
        SetRaw(slave);
        Assert.Equal("\u0010", Read(master));
    }

    [Fact]
    public void Numbers_AreTheLowestFree_AndLimited()
    {
        OpenFile first = _files.Open("/pts/ptmx", OpenFlags.O_RDWR);
        OpenFile second = _files.Open("/pts/ptmx", OpenFlags.O_RDWR);
        Assert.Equal((0, 1), (Get(first, IoctlRequest.TIOCGPTN), Get(second, IoctlRequest.TIOCGPTN)));
        first.Release();
        _terminals.Limit = 2;
        first = _files.Open("/pts/ptmx", OpenFlags.O_RDWR);
        Assert.Equal(0, Get(first, IoctlRequest.TIOCGPTN));
        Assert.Equal(Errno.ENOSPC, _files.Open("/pts/ptmx", OpenFlags.O_RDWR, out _));
    }

    [Fact]
    public void Exclusive_Slave_IsForThePrivileged()
    {
        (OpenFile master, OpenFile slave) = OpenPair();
        Control(slave, IoctlRequest.TIOCEXCL);
        _files.Open("/pts/0", OpenFlags.O_RDWR).Release();
        _owner.IsAdministrator = false;
        Assert.Equal(Errno.EBUSY, _files.Open("/pts/0", OpenFlags.O_RDWR, out _));
        Assert.Equal(Errno.EIO, Control(slave, IoctlRequest.TIOCSTI, _page).Error);
        slave.Release();
        _files.Open("/pts/0", OpenFlags.O_RDWR).Release();
        master.Release();
    }

    /// <summary>A session's leader gets a terminal by opening it for reading, and loses it to force only.</summary>
    [Fact]
    public void ControllingTerminal_IsTakenByOpening()
    {
        (OpenFile master, _) = OpenPair();
        _owner.IsSessionLeader = true;
        _files.Open("/pts/0", OpenFlags.O_WRONLY).Release();
        Assert.Null(_owner.CurrentTerminal);
        OpenFile taken = _files.Open("/pts/0", OpenFlags.O_RDWR);
        Assert.NotNull(_owner.CurrentTerminal);
        Assert.Equal(9, Get(master, IoctlRequest.TIOCGSID));

        _owner.CurrentTerminal = null;
        _owner.CurrentSession = 12;
        _owner.IsAdministrator = false;
        Assert.Equal(Errno.EPERM, Control(taken, IoctlRequest.TIOCSCTTY, 1).Error);
        _owner.IsAdministrator = true;
        Assert.Equal(Errno.EPERM, Control(taken, IoctlRequest.TIOCSCTTY, 0).Error);
        Assert.Equal(SysResult.Success, Control(taken, IoctlRequest.TIOCSCTTY, 1));
        Assert.Equal(12, Get(master, IoctlRequest.TIOCGSID));
    }

    private static string Read(OpenFile file)
    {
        string? text = TryRead(file);
        Assert.NotNull(text);
        return text;
    }

    private static string? TryRead(OpenFile file)
    {
        byte[] buffer = new byte[4096];
        IoCursor cursor = IoCursor.OverKernel(buffer);
        IoResult result = file.Read(ref cursor);
        return result.Error == Errno.None ? Encoding.Latin1.GetString(buffer, 0, (int)result.Bytes) : null;
    }

    private static Errno ReadError(OpenFile file)
    {
        IoCursor cursor = IoCursor.OverKernel(new byte[16]);
        return file.Read(ref cursor).Error;
    }

    private static long Drain(OpenFile file)
    {
        long total = 0;
        while (TryRead(file) is { Length: > 0 } part)
        {
            total += part.Length;
        }

        return total;
    }

    private (OpenFile Master, OpenFile Slave) OpenPair()
    {
        OpenFile master = _files.Open("/pts/ptmx", OpenFlags.O_RDWR);
        Set(master, IoctlRequest.TIOCSPTLCK, 0);
        return (master, _files.Open("/pts/0", OpenFlags.O_RDWR | OpenFlags.O_NOCTTY));
    }

    private SysResult Control(OpenFile file, IoctlRequest request, ulong argument = 0) => file.Control(request, argument, _memory.Memory);

    private void Set(OpenFile file, IoctlRequest request, int value)
    {
        Assert.True(_memory.Memory.TryWrite(new UserPtr<int>(_page), value));
        Assert.Equal(SysResult.Success, Control(file, request, _page));
    }

    private int Get(OpenFile file, IoctlRequest request)
    {
        Assert.Equal(SysResult.Success, Control(file, request, _page));
        Assert.True(_memory.Memory.TryRead(new UserPtr<int>(_page), out int value));
        return value;
    }

    private void SetRaw(OpenFile file)
    {
        Assert.Equal(SysResult.Success, Control(file, IoctlRequest.TCGETS, _page));
        Assert.True(_memory.Memory.TryRead(new UserPtr<Termios>(_page), out Termios modes));
        modes.c_iflag = TermiosInput.None;
        modes.c_oflag = TermiosOutput.None;
        modes.c_lflag = TermiosLocal.None;
        Assert.True(_memory.Memory.TryWrite(new UserPtr<Termios>(_page), modes));
        Assert.Equal(SysResult.Success, Control(file, IoctlRequest.TCSETS, _page));
    }
}
