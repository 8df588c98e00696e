using Semitone.Abi;
using Semitone.Tasks;
using Semitone.Unit.Tasks;
using static Semitone.Abi.SyscallNumber;

namespace Semitone.Unit.Syscalls;

/// <summary>signalfd(2): whose signals are read, what is told of them, who is woken.</summary>
public sealed class SignalFileTests
{
    private const ulong Set = Guest.Data + 0x800;
    private const ulong Buffer = Guest.Data + 0x1000;
    private const ulong NewFile = ulong.MaxValue;
    private const ulong Infinite = ulong.MaxValue;

    private readonly Guest _guest = new();

    public SignalFileTests()
    {
        _guest.Main.Do(() => _guest.Write(Set, SignalSet.Of(Signal.SIGUSR1) | SignalSet.Of(Signal.SIGRTMIN)))
            .Call(rt_sigprocmask, (ulong)SigprocmaskHow.SIG_BLOCK, Set, 0, SignalSet.Size);
    }

    [Fact]
    public void Read_PendingSignals_AreTakenAndDescribed()
    {
        _guest.Main.Call(signalfd4, NewFile, Set, SignalSet.Size, (ulong)SignalfdFlags.SFD_NONBLOCK)
            .Call(read, 0, Buffer, 128)
            .Call(kill, 1, (ulong)Signal.SIGUSR1)
            .Call(read, 0, Buffer, 127)
            .Call(read, 0, Buffer, 4096)
            .Do(() =>
            {
                SignalfdSiginfo info = _guest.Read<SignalfdSiginfo>(Buffer);
                Assert.Equal((Signal.SIGUSR1, SignalCode.SI_USER, 1), (info.ssi_signo, info.ssi_code, info.ssi_pid));
            })
            .Call(read, 0, Buffer, 128);
        _guest.Run();
        Assert.Equal([0, 0, -(long)Errno.EAGAIN, 0, -(long)Errno.EINVAL, 128, -(long)Errno.EAGAIN], _guest.Main.Results);
    }

    [Fact]
    public void Read_SignalComesFromAnotherThread_WakesTheReader()
    {
        ThreadScript? reader = null;
        _guest.Main.Call(signalfd4, NewFile, Set, SignalSet.Size, 0);
        _guest.MakeThread(child => reader = child.Call(read, 0, Buffer, 128));
        _guest.Main.Call(sched_yield).Call(kill, 1, (ulong)Signal.SIGRTMIN).Call(sched_yield);
        _guest.Run();
        Assert.Equal([128], reader!.Results);
    }

    [Fact]
    public void Poll_SignalComes_WakesTheOneWhoWaits()
    {
        ThreadScript? waiter = null;
        _guest.Main.Call(signalfd, NewFile, Set, SignalSet.Size)
            .Do(() => _guest.Write(Buffer, new PollFd { fd = 0, events = PollEvents.POLLIN }));
        _guest.MakeThread(child => waiter = child.Call(poll, Buffer, 1, Infinite));
        _guest.Main.Call(sched_yield).Call(kill, 1, (ulong)Signal.SIGUSR1).Call(sched_yield);
        _guest.Run();
        Assert.Equal([1], waiter!.Results);
    }

    [Fact]
    public void Read_FileOfTheParent_ChildReadsItsOwnSignals()
    {
        _guest.Main.Call(signalfd4, NewFile, Set, SignalSet.Size, (ulong)SignalfdFlags.SFD_NONBLOCK);
        ThreadScript? child = null;
        _guest.Children.Enqueue((thread, script) => child = script
            .Call(read, 0, Buffer, 128)
            .Call(kill, (ulong)thread.Process.Pid, (ulong)Signal.SIGUSR1)
            .Call(read, 0, Buffer, 128));
        _guest.Main.Call(fork).Call(kill, 1, (ulong)Signal.SIGRTMIN).Call(wait4, ulong.MaxValue, 0, 0, 0)
            .Call(read, 0, Buffer, 4096)
            .Do(() => Assert.Equal(Signal.SIGRTMIN, _guest.Read<SignalfdSiginfo>(Buffer).ssi_signo));
        _guest.Run();
        Assert.Equal([-(long)Errno.EAGAIN, 0, 128], child!.Results);
        Assert.Equal(128, _guest.Main.Results[^1]);
    }

    [Fact]
    public void Change_OtherSet_HoldsFromThenOn()
    {
        _guest.Main.Call(signalfd4, NewFile, Set, SignalSet.Size, (ulong)SignalfdFlags.SFD_NONBLOCK)
            .Do(() => _guest.Write(Set, SignalSet.Of(Signal.SIGRTMIN)))
            .Call(signalfd4, 0, Set, SignalSet.Size, 0)
            .Call(kill, 1, (ulong)Signal.SIGUSR1)
            .Call(read, 0, Buffer, 128)
            .Call(signalfd4, 7, Set, SignalSet.Size, 0)
            .Call(signalfd4, NewFile, Set, 4, 0)
            .Call(signalfd4, NewFile, 1, SignalSet.Size, 0)
            .Call(signalfd4, NewFile, Set, SignalSet.Size, 1)
            .Call(eventfd, 0)
            .Call(signalfd4, 1, Set, SignalSet.Size, 0);
        _guest.Run();
        Errno[] errors = [Errno.EAGAIN, Errno.EBADF, Errno.EINVAL, Errno.EFAULT, Errno.EINVAL];
        Assert.Equal(errors.Select(error => -(long)error), _guest.Main.Results.Skip(4).Take(5));
        Assert.Equal(-(long)Errno.EINVAL, _guest.Main.Results[^1]);
    }

    [Theory]
    [InlineData(Signal.SIGUSR1, SignalCode.SI_USER, SignalLayout.Sender)]
    [InlineData(Signal.SIGUSR1, SignalCode.SI_KERNEL, SignalLayout.Sender)]
    [InlineData(Signal.SIGUSR1, SignalCode.SI_QUEUE, SignalLayout.Queued)]
    [InlineData(Signal.SIGALRM, SignalCode.SI_TIMER, SignalLayout.Timer)]
    [InlineData(Signal.SIGIO, SignalCode.POLL_IN, SignalLayout.File)]
    [InlineData(Signal.SIGRTMIN, SignalCode.POLL_OUT, SignalLayout.File)]
    [InlineData(Signal.SIGCHLD, SignalCode.CLD_EXITED, SignalLayout.Child)]
    [InlineData(Signal.SIGSEGV, SignalCode.SEGV_MAPERR, SignalLayout.Fault)]
    [InlineData(Signal.SIGSYS, 1, SignalLayout.Syscall)]
    public void GetLayout_SignalAndCode_SayWhichFieldsThereAre(Signal signal, int code, SignalLayout expected) =>
        Assert.Equal(expected, SignalInfo.GetLayout(signal, code));
}
