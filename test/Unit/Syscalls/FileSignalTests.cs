using Semitone.Abi;
using Semitone.Files;
using Semitone.Unit.Tasks;

namespace Semitone.Unit.Syscalls;

/// <summary>Signals of files that become ready: O_ASYNC, F_SETOWN, F_SETSIG and FIOASYNC (fcntl(2)).</summary>
public sealed class FileSignalTests
{
    private readonly Caller _caller = new();

    [Fact]
    public void Async_PipeIsWritten_SendsSigio() => _caller.Run(_ =>
    {
        (ulong reader, ulong writer) = MakePipe();
        SetFlags(reader, OpenFlags.O_ASYNC);
        Write(writer);
        Assert.Null(Take());

        SetOwner(reader, 1);
        Assert.Equal((long)OpenFlags.O_ASYNC, _caller.Call(SyscallNumber.fcntl, reader, (ulong)FcntlCommand.F_GETFL));
        Write(writer);
        Assert.Equal((Signal.SIGIO, SignalCode.SI_KERNEL, 0L, 0), Take());
        Write(writer);
        Assert.Equal(Signal.SIGIO, Take()?.Signal);
        SetFlags(reader, default);
        Write(writer);
        Assert.Null(Take());
    });

    [Theory]
    [InlineData(Signal.SIGIO, SignalCode.POLL_IN)]
    [InlineData(Signal.SIGUSR1, SignalCode.POLL_IN)]
    [InlineData(Signal.SIGRTMIN, SignalCode.POLL_IN)]
    [InlineData(Signal.SIGCHLD, SignalCode.SI_SIGIO)]
    public void Async_SignalWasSet_SaysWhichFileAndWhy(Signal signal, int code) => _caller.Run(_ =>
    {
        (ulong reader, ulong writer) = MakePipe();
        SetOwner(reader, 1);
        _caller.Succeeds(SyscallNumber.fcntl, reader, (ulong)FcntlCommand.F_SETSIG, (ulong)signal);
        SetFlags(reader, OpenFlags.O_ASYNC);
        ulong duplicate = (ulong)_caller.Succeeds(SyscallNumber.dup, reader);
        _caller.Succeeds(SyscallNumber.close, reader);
        Block(signal);
        Write(writer);

        // The descriptor by which it was set, though that is closed.
        Assert.Equal((signal, code, 0x41L, (int)reader), Take());
        SetFlags(duplicate, OpenFlags.O_ASYNC);
        Write(writer);
        Assert.Equal((int)reader, Take()?.Fd);
        SetFlags(duplicate, default);
        SetFlags(duplicate, OpenFlags.O_ASYNC);
        Write(writer);
        Assert.Equal((int)duplicate, Take()?.Fd);
        _caller.Succeeds(SyscallNumber.close, duplicate);
        Block(Signal.SIGPIPE);
        _caller.Fails(Errno.EPIPE, SyscallNumber.write, writer, Caller.Buffer, 1);
        Assert.Equal(Signal.SIGPIPE, Take()?.Signal);
        Assert.Null(Take());
    });

    [Fact]
    public void Async_WritingEnd_HearsOfReadsAndOfTheLastReader() => _caller.Run(_ =>
    {
        (ulong reader, ulong writer) = MakePipe();
        SetOwner(writer, 1);
        _caller.Succeeds(SyscallNumber.fcntl, writer, (ulong)FcntlCommand.F_SETSIG, (ulong)Signal.SIGRTMIN);
        _caller.Guest.Write(Caller.Buffer, 1);
        _caller.Succeeds(SyscallNumber.ioctl, writer, (ulong)IoctlRequest.FIOASYNC, Caller.Buffer);
        Block(Signal.SIGRTMIN);
        Write(writer);
        Assert.Null(Take());
        _caller.Succeeds(SyscallNumber.read, reader, Caller.Buffer, 1);
        Assert.Equal((Signal.SIGRTMIN, SignalCode.POLL_OUT, 0x304L, (int)writer), Take());
        _caller.Succeeds(SyscallNumber.close, reader);
        Assert.Equal(SignalCode.POLL_OUT, Take()?.Code);
    });

    [Fact]
    public void Async_LastWriterCloses_IsTold() => _caller.Run(_ =>
    {
        (ulong reader, ulong writer) = MakePipe();
        SetOwner(reader, 1);
        SetFlags(reader, OpenFlags.O_ASYNC);
        ulong another = _caller.Open($"/proc/self/fd/{writer}", OpenFlags.O_WRONLY);
        _caller.Succeeds(SyscallNumber.close, another);
        Assert.Null(Take());
        _caller.Succeeds(SyscallNumber.close, writer);
        Assert.Equal(Signal.SIGIO, Take()?.Signal);
    });

    /// <summary>More real-time signals than there are places for: SIGIO says that some are missing. Nothing is allocated.</summary>
    [Fact]
    public void Async_MoreThanThereIsRoomFor_SendsSigioAndAllocatesNothing() => _caller.Run(_ =>
    {
        (ulong reader, ulong writer) = MakePipe();
        SetOwner(reader, 1);
        _caller.Succeeds(SyscallNumber.fcntl, reader, (ulong)FcntlCommand.F_SETSIG, (ulong)Signal.SIGRTMIN);
        SetFlags(reader, OpenFlags.O_ASYNC);
        Block(Signal.SIGRTMIN);
        Block(Signal.SIGIO);
        Write(writer);
        Assert.NotNull(Take());
        FileSignals signals = Find(reader).Signals!;
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 200; i++)
        {
            _caller.Guest.System.FileSignals.Send(signals, SignalCode.POLL_IN);
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        int queued = 0;
        int plain = 0;
        while (Take() is { } taken)
        {
            queued += taken.Signal == Signal.SIGRTMIN ? 1 : 0;
            plain += taken.Signal == Signal.SIGIO ? 1 : 0;
        }

        Assert.InRange(queued, 60, 199);
        Assert.Equal(1, plain);
    });

    [Fact]
    public void Async_OwnerIsAThreadOrAGroup_GetsIt() => _caller.Run(_ =>
    {
        (ulong reader, ulong writer) = MakePipe();
        SetFlags(reader, OpenFlags.O_ASYNC);
        foreach ((OwnerType type, int id) in ((OwnerType, int)[])[(OwnerType.F_OWNER_TID, 1), (OwnerType.F_OWNER_PGRP, 1)])
        {
            _caller.Guest.Write(Caller.Buffer, new FileOwner { type = type, pid = id });
            _caller.Succeeds(SyscallNumber.fcntl, reader, (ulong)FcntlCommand.F_SETOWN_EX, Caller.Buffer);
            Write(writer);
            Assert.Equal(type == OwnerType.F_OWNER_TID, _caller.Guest.MainThread.Pending.Set.Contains(Signal.SIGIO));
            Assert.Equal(Signal.SIGIO, Take()?.Signal);
        }

        SetOwner(reader, 0);
        Write(writer);
        Assert.Null(Take());
    });

    /// <summary>Who may not send a process signals cannot have a file do it.</summary>
    [Fact]
    public void Async_OwnerOfAnotherUser_GetsNothing() => _caller.Run(_ =>
    {
        (ulong reader, ulong writer) = MakePipe();
        SetOwner(reader, 1);
        SetFlags(reader, OpenFlags.O_ASYNC);
        FileSignals signals = Find(reader).Signals!;
        signals.RealUserId = 1000;
        signals.EffectiveUserId = 1000;
        Write(writer);
        Assert.Null(Take());
        signals.RealUserId = 0;
        Write(writer);
        Assert.NotNull(Take());
    });

    [Theory]
    [InlineData("/tmp/f", false)]
    [InlineData("/dev/null", false)]
    [InlineData("/proc/self/stat", false)]
    [InlineData("/dev/kmsg", false)]
    [InlineData("/tmp", false)]
    [InlineData("/dev/random", true)]
    [InlineData("/dev/urandom", true)]
    public void Async_FilesOfAllKinds_TakeItWhereLinuxHasIt(string path, bool has) => _caller.Run(_ =>
    {
        _caller.Open("/tmp/f", OpenFlags.O_CREAT);
        ulong fd = _caller.Open(path);
        _caller.Guest.Write(Caller.Buffer, 0);
        _caller.Succeeds(SyscallNumber.ioctl, fd, (ulong)IoctlRequest.FIOASYNC, Caller.Buffer);
        SetFlags(fd, OpenFlags.O_ASYNC);
        Assert.Equal(has, HasAsync(fd));
        SetFlags(fd, default);
        _caller.Guest.Write(Caller.Buffer, 1);
        long result = _caller.Call(SyscallNumber.ioctl, fd, (ulong)IoctlRequest.FIOASYNC, Caller.Buffer);
        Assert.Equal(has ? 0 : -(long)Errno.ENOTTY, result);
        Assert.Equal(has, HasAsync(fd));
        _caller.Fails(Errno.EFAULT, SyscallNumber.ioctl, fd, (ulong)IoctlRequest.FIOASYNC, 8);
    });

    /// <summary>As open(2) says under "Bugs": the flag is told, and does nothing.</summary>
    [Fact]
    public void Async_GivenToOpen_DoesNothing() => _caller.Run(_ =>
    {
        _caller.Succeeds(SyscallNumber.mknod, _caller.Text("/tmp/fifo"), (ulong)(Mode.S_IFIFO | (Mode)0x180));
        ulong fd = _caller.Open("/tmp/fifo", OpenFlags.O_RDWR | OpenFlags.O_ASYNC);
        Assert.True(HasAsync(fd));
        SetOwner(fd, 1);
        SetFlags(fd, OpenFlags.O_ASYNC);
        Write(fd);
        Assert.Null(Take());

        // Nor does it go away.
        SetFlags(fd, default);
        Assert.True(HasAsync(fd));
        SetFlags(fd, OpenFlags.O_ASYNC);
        Write(fd);
        Assert.Null(Take());
    });

    [Fact]
    public void Leases_AreNotToBeHad() => _caller.Run(_ =>
    {
        ulong file = _caller.Open("/tmp/f", OpenFlags.O_CREAT);
        foreach (ulong fd in (ulong[])[file, _caller.Open("/tmp"), _caller.Open("/dev/null"), MakePipe().Reader])
        {
            Assert.Equal((long)LockType.F_UNLCK, _caller.Call(SyscallNumber.fcntl, fd, (ulong)FcntlCommand.F_GETLEASE));
            _caller.Fails(Errno.EINVAL, SyscallNumber.fcntl, fd, (ulong)FcntlCommand.F_SETLEASE, (ulong)LockType.F_RDLCK);
        }

        _caller.Fails(Errno.EINVAL, SyscallNumber.fcntl, _caller.Open("/tmp"), (ulong)FcntlCommand.F_NOTIFY, 1);
        _caller.Succeeds(SyscallNumber.setresuid, ulong.MaxValue, 1000, ulong.MaxValue);
        _caller.Fails(Errno.EACCES, SyscallNumber.fcntl, file, (ulong)FcntlCommand.F_SETLEASE, (ulong)LockType.F_RDLCK);
    });

    /// <summary>Share modes never kept anybody from anything; Linux looks at neither lock nor descriptor there.</summary>
    [Theory]
    [InlineData(32, 0)]
    [InlineData(32 | 64, 0)]
    [InlineData(32 | 2, 0)]
    [InlineData(0, (int)Errno.EINVAL)]
    [InlineData(3, (int)Errno.EINVAL)]
    [InlineData(64, (int)Errno.EINVAL)]
    [InlineData(16 | 1, (int)Errno.EINVAL)]
    [InlineData(1, (int)Errno.EBADF)]
    [InlineData(4 | 8, (int)Errno.EBADF)]
    public void Flock_OperationAndDescriptor_AreCheckedInOrder(int operation, int error) => _caller.Run(_ =>
        Assert.Equal(-error, _caller.Call(SyscallNumber.flock, 999, (ulong)operation)));

    private bool HasAsync(ulong fd) =>
        (_caller.Call(SyscallNumber.fcntl, fd, (ulong)FcntlCommand.F_GETFL) & (long)OpenFlags.O_ASYNC) != 0;

    private (ulong Reader, ulong Writer) MakePipe()
    {
        _caller.Succeeds(SyscallNumber.pipe2, Caller.Buffer, 0);
        return (_caller.Guest.Read<uint>(Caller.Buffer), _caller.Guest.Read<uint>(Caller.Buffer + 4));
    }

    private OpenFile Find(ulong fd)
    {
        Assert.True(_caller.Process.Files.TryGet(new Fd((int)fd), out OpenFile? file, out _));
        return file!;
    }

    private void SetFlags(ulong fd, OpenFlags flags) =>
        _caller.Succeeds(SyscallNumber.fcntl, fd, (ulong)FcntlCommand.F_SETFL, (ulong)flags);

    private void SetOwner(ulong fd, int id) => _caller.Succeeds(SyscallNumber.fcntl, fd, (ulong)FcntlCommand.F_SETOWN, (ulong)id);

    private void Write(ulong fd) => Assert.Equal(1, _caller.Call(SyscallNumber.write, fd, Caller.Buffer, 1));

    private void Block(Signal signal)
    {
        _caller.Guest.Write(Caller.Buffer, SignalSet.Of(signal));
        _caller.Succeeds(SyscallNumber.rt_sigprocmask, (ulong)SigprocmaskHow.SIG_BLOCK, Caller.Buffer, 0, 8);
    }

    /// <summary>Takes a signal that is pending.</summary>
    private (Signal Signal, int Code, long Band, int Fd)? Take() =>
        _caller.Guest.MainThread.TryTakeSignal(new SignalSet(ulong.MaxValue), out SigInfo info)
            ? (info.si_signo, info.si_code, info.si_band, info.si_fd)
            : null;
}
