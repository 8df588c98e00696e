using Semitone.Abi;
using Semitone.Unit.Tasks;

namespace Semitone.Unit.Syscalls;

/// <summary>epoll(7) as programs call it. Descriptor 0 is the epoll instance, 1 a counter (eventfd) that is watched.</summary>
public sealed class EpollSyscallTests
{
    private const ulong Epoll = 0;
    private const ulong Counter = 1;
    private const ulong Change = Guest.Data;
    private const ulong One = Guest.Data + 0x20;
    private const ulong Buffer = Guest.Data + 0x40;
    private const ulong Events = Guest.Data + 0x100;
    private const ulong Path = Guest.Data + 0x200;

    private const EpollEvents In = EpollEvents.EPOLLIN;
    private const EpollEvents Edge = EpollEvents.EPOLLET;

    private readonly Guest _guest = new();
    private readonly List<long> _expected = [0, 1];

    public EpollSyscallTests()
    {
        _guest.Do(() =>
        {
            _guest.Write(One, 1UL);
            Assert.True(_guest.Memory.TryWrite<byte>(new UserPtr<byte>(Path), "/hello\0"u8));
        });
        _guest.Main.Call(SyscallNumber.epoll_create1).Call(SyscallNumber.eventfd2, 0, (ulong)EventfdFlags.EFD_NONBLOCK);
    }

    [Fact]
    public void Wait_LevelTriggered_ReportsAsLongAsItIsReady()
    {
        Control(EpollOperation.EPOLL_CTL_ADD, Counter, In);
        Wait(0);
        Raise();
        Wait(1);
        CheckEvent(In, 0xABCD);
        Wait(1);
        Drain();
        Wait(0);
        Run();
    }

    [Fact]
    public void Wait_EdgeTriggered_ReportsEachChangeOnce()
    {
        Control(EpollOperation.EPOLL_CTL_ADD, Counter, In | Edge);
        Raise();
        Wait(1);
        Wait(0);
        Raise();
        Wait(1);
        Wait(0);
        Run();
    }

    [Fact]
    public void Add_AlreadyReady_IsReported()
    {
        Raise();
        Control(EpollOperation.EPOLL_CTL_ADD, Counter, In | Edge);
        Wait(1);
        Wait(0);
        Run();
    }

    [Fact]
    public void Wait_OneShot_RestsUntilModified()
    {
        Control(EpollOperation.EPOLL_CTL_ADD, Counter, In | EpollEvents.EPOLLONESHOT);
        Raise();
        Wait(1);
        Raise();
        Wait(0);
        Control(EpollOperation.EPOLL_CTL_MOD, Counter, In | EpollEvents.EPOLLONESHOT);
        Wait(1);
        Run();
    }

    [Fact]
    public void Delete_Ready_IsNoLongerReported()
    {
        Control(EpollOperation.EPOLL_CTL_ADD, Counter, In);
        Raise();
        Control(EpollOperation.EPOLL_CTL_DEL, Counter, 0);
        Wait(0);
        Control(EpollOperation.EPOLL_CTL_DEL, Counter, 0, Errno.ENOENT);
        Run();
    }

    [Fact]
    public void Close_LastDescriptor_EndsTheWatch()
    {
        Control(EpollOperation.EPOLL_CTL_ADD, Counter, In);
        Raise();
        Call(0, SyscallNumber.close, Counter);
        Wait(0);
        Run();
    }

    [Fact]
    public void Close_DuplicateLeft_GoesOnWatching()
    {
        Control(EpollOperation.EPOLL_CTL_ADD, Counter, In);
        Call(2, SyscallNumber.dup, Counter);
        Call(0, SyscallNumber.close, Counter);
        Call(8, SyscallNumber.write, 2, One, 8);
        Wait(1);

        // The number is used anew, and the instance tells the two files apart.
        Call(1, SyscallNumber.eventfd2, 1);
        Control(EpollOperation.EPOLL_CTL_ADD, 1, In);
        Call(2, SyscallNumber.epoll_wait, Epoll, Events, 8);
        Run();
    }

    [Fact]
    public void Wait_NothingHappens_EndsInTime()
    {
        Control(EpollOperation.EPOLL_CTL_ADD, Counter, In);
        Call(0, SyscallNumber.epoll_wait, Epoll, Events, 8, 2000);
        _guest.Do(() => Assert.InRange(_guest.Machine.Clock.MonotonicNs, 3_000_000_000, 3_010_000_000));
        Run();
    }

    [Fact]
    public void Wait_AnotherThreadWrites_IsWoken()
    {
        Control(EpollOperation.EPOLL_CTL_ADD, Counter, In | Edge);
        ThreadScript? waiter = null;
        _guest.MakeThread(child => waiter = child.Call(SyscallNumber.epoll_wait, Epoll, Events, 8, ulong.MaxValue));
        Call(0, SyscallNumber.sched_yield);
        Raise();
        Call(0, SyscallNumber.sched_yield);
        _guest.Run();
        Assert.Equal([1], waiter!.Results);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Nested_ChainOfSix_IsTooLongWhicheverEndItGrowsAt(bool growsDown)
    {
        // 0 is there; 2 to 6 come. Each watches the next one, or the one before.
        for (ulong fd = 2; fd <= 6; fd++)
        {
            Call((long)fd, SyscallNumber.epoll_create1);
            ulong previous = fd == 2 ? 0 : fd - 1;
            long result = fd == 6 ? -(long)Errno.ELOOP : 0;
            Call(result, SyscallNumber.epoll_ctl, growsDown
                ? previous
                : fd, (ulong)EpollOperation.EPOLL_CTL_ADD, growsDown ? fd : previous, Change);
        }

        Run();
    }

    [Fact]
    public void Nested_WatchedInThousandsOfWays_IsRefused()
    {
        // Three rows of ten; each of a row watches all of the next: 10 + 100 ways to one of the last, and 1,110 to what it would watch
        // itself.
        const int Width = 10;
        ulong first = 2;
        for (ulong fd = first; fd < first + (4 * Width); fd++)
        {
            Call((long)fd, SyscallNumber.epoll_create1);
        }

        for (int row = 0; row < 2; row++)
        {
            for (int i = 0; i < Width * Width; i++)
            {
                ulong upper = first + (ulong)((row * Width) + (i / Width));
                ulong lower = first + (ulong)(((row + 1) * Width) + (i % Width));
                Call(0, SyscallNumber.epoll_ctl, upper, (ulong)EpollOperation.EPOLL_CTL_ADD, lower, Change);
            }
        }

        for (int i = 0; i < Width; i++)
        {
            // Each more brings 111 ways.
            Call(
                i < 4 ? 0 : -(long)Errno.EINVAL,
                SyscallNumber.epoll_ctl,
                first + (ulong)((2 * Width) + i),
                (ulong)EpollOperation.EPOLL_CTL_ADD,
                first + (3 * Width),
                Change);
        }

        Run();
    }

    [Fact]
    public void Nested_InnerReady_OuterReportsIt()
    {
        Control(EpollOperation.EPOLL_CTL_ADD, Counter, In);
        Call(2, SyscallNumber.epoll_create1);
        Call(0, SyscallNumber.epoll_ctl, 2, (ulong)EpollOperation.EPOLL_CTL_ADD, Epoll, Change);
        Call(0, SyscallNumber.epoll_wait, 2, Events, 8);
        Raise();
        Call(1, SyscallNumber.epoll_wait, 2, Events, 8);

        // A ring would wake itself for ever.
        Control(EpollOperation.EPOLL_CTL_ADD, 2, In, Errno.ELOOP);
        Run();
    }

    [Fact]
    public void Control_BadArguments_AnswerWhatLinuxAnswers()
    {
        Control(EpollOperation.EPOLL_CTL_ADD, Counter, In);
        Control(EpollOperation.EPOLL_CTL_ADD, Counter, In, Errno.EEXIST);
        Control(EpollOperation.EPOLL_CTL_ADD, 77, In, Errno.EBADF);
        Control(EpollOperation.EPOLL_CTL_ADD, Epoll, In, Errno.EINVAL);
        Control((EpollOperation)9, Counter, In, Errno.EINVAL);
        Control(EpollOperation.EPOLL_CTL_MOD, Counter, In | EpollEvents.EPOLLEXCLUSIVE, Errno.EINVAL);
        Call(-(long)Errno.EFAULT, SyscallNumber.epoll_ctl, Epoll, 1, Counter, 0x10);
        Call(-(long)Errno.EINVAL, SyscallNumber.epoll_ctl, Counter, 1, Epoll, Change);
        Call(2, SyscallNumber.open, Path, 0);
        Control(EpollOperation.EPOLL_CTL_ADD, 2, In, Errno.EPERM);
        Call(-(long)Errno.EINVAL, SyscallNumber.epoll_wait, Epoll, Events, 0);
        Call(-(long)Errno.EINVAL, SyscallNumber.epoll_wait, Counter, Events, 1);
        Call(-(long)Errno.EINVAL, SyscallNumber.epoll_create, 0);
        Call(-(long)Errno.EINVAL, SyscallNumber.epoll_create1, 1);
        Run();
    }

    [Fact]
    public void Wait_EventCannotBeWritten_IsNotLost()
    {
        Control(EpollOperation.EPOLL_CTL_ADD, Counter, In | Edge);
        Raise();
        Call(-(long)Errno.EFAULT, SyscallNumber.epoll_wait, Epoll, 0x10, 8);
        Wait(1);
        Run();
    }

    private void Call(long expected, SyscallNumber number, ulong a0 = 0, ulong a1 = 0, ulong a2 = 0, ulong a3 = 0)
    {
        _guest.Main.Call(number, a0, a1, a2, a3);
        _expected.Add(expected);
    }

    private void Control(EpollOperation operation, ulong fd, EpollEvents events, Errno expected = Errno.None)
    {
        _guest.Do(() => _guest.Write(Change, new EpollEvent { events = events, data = 0xABCD }));
        Call(-(long)expected, SyscallNumber.epoll_ctl, Epoll, (ulong)operation, fd, Change);
    }

    private void Raise() => Call(8, SyscallNumber.write, Counter, One, 8);

    private void Drain() => Call(8, SyscallNumber.read, Counter, Buffer, 8);

    private void Wait(long expected) => Call(expected, SyscallNumber.epoll_wait, Epoll, Events, 1);

    private void CheckEvent(EpollEvents events, ulong data) => _guest.Do(() =>
    {
        EpollEvent found = _guest.Read<EpollEvent>(Events);
        Assert.Equal(events, found.events);
        Assert.Equal(data, found.data);
    });

    private void Run()
    {
        _guest.Run();
        Assert.Equal(_expected, _guest.Main.Results);
    }
}
