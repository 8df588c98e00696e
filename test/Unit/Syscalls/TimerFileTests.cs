using Semitone.Abi;
using Semitone.Unit.Tasks;
using static Semitone.Abi.SyscallNumber;

namespace Semitone.Unit.Syscalls;

/// <summary>timerfd_create(2): expirations that are counted, and what becomes of them when the time of day is set.</summary>
public sealed class TimerFileTests
{
    private const ulong Value = Guest.Data + 0x800;
    private const ulong Old = Guest.Data + 0x840;
    private const ulong Buffer = Guest.Data + 0x1000;
    private const long Second = 1_000_000_000;

    private const TimerfdSetFlags Cancelling = TimerfdSetFlags.TFD_TIMER_ABSTIME | TimerfdSetFlags.TFD_TIMER_CANCEL_ON_SET;

    private readonly Guest _guest = new();

    [Fact]
    public void Read_Interval_CountsWhatPassed()
    {
        Create(ClockId.CLOCK_MONOTONIC);
        Set(Second, Second);
        _guest.Main.Call(read, 0, Buffer, 8)
            .Do(() => _guest.Machine.Clock.MonotonicNs += (10 * Second) + (Second / 2))
            .Call(timerfd_gettime, 0, Old)
            .Do(() => Assert.Equal(Second / 2, ToNs(_guest.Read<Itimerspec>(Old).it_value)))
            .Call(read, 0, Buffer, 7)
            .Call(read, 0, Buffer, 8)
            .Do(() => Assert.Equal(10UL, _guest.Read<ulong>(Buffer)))
            .Call(read, 0, Buffer, 8);
        _guest.Run();
        Assert.Equal([0, 0, -(long)Errno.EAGAIN, 0, -(long)Errno.EINVAL, 8, -(long)Errno.EAGAIN], _guest.Main.Results);
    }

    [Fact]
    public void Read_Waits_UntilItIsDue()
    {
        _guest.Main.Call(timerfd_create, (ulong)ClockId.CLOCK_BOOTTIME);
        Set(2 * Second, 0);
        _guest.Main.Call(read, 0, Buffer, 8)
            .Do(() => Assert.Equal((1UL, 3 * Second), (_guest.Read<ulong>(Buffer), _guest.Machine.Clock.MonotonicNs)))
            .Call(timerfd_gettime, 0, Old)
            .Do(() => Assert.Equal(0, ToNs(_guest.Read<Itimerspec>(Old).it_value)));
        _guest.Run();
        Assert.Equal([0, 0, 8, 0], _guest.Main.Results);
    }

    [Fact]
    public void Set_TellsHowItWasSet_AndForgetsExpirations()
    {
        Create(ClockId.CLOCK_MONOTONIC);
        Set(Second, 3 * Second);
        _guest.Main.Do(() => _guest.Machine.Clock.MonotonicNs += 2 * Second);
        Set(0, 0);
        _guest.Main.Do(() =>
            {
                Itimerspec old = _guest.Read<Itimerspec>(Old);
                Assert.Equal((2 * Second, 3 * Second), (ToNs(old.it_value), ToNs(old.it_interval)));
            })
            .Call(read, 0, Buffer, 8);
        _guest.Run();
        Assert.Equal(-(long)Errno.EAGAIN, _guest.Main.Results[^1]);
    }

    [Fact]
    public void Read_TimeOfDayIsSet_AnswersECanceledOnce()
    {
        Create(ClockId.CLOCK_REALTIME);
        _guest.Main.Do(() => Arm(_guest.System.Clock.RealtimeNs + (100 * Second), 0))
            .Call(timerfd_settime, 0, (ulong)Cancelling, Value, Old)
            .Do(() => _guest.System.Clock.SetRealtime(_guest.System.Clock.RealtimeNs + Second))
            .Call(read, 0, Buffer, 8)
            .Call(read, 0, Buffer, 8)
            .Do(() => _guest.System.Clock.SetRealtime(_guest.System.Clock.RealtimeNs + Second))
            .Call(timerfd_settime, 0, (ulong)Cancelling, Value, Old)
            .Call(timerfd_settime, 0, (ulong)TimerfdSetFlags.TFD_TIMER_ABSTIME, Value, Old)
            .Do(() => _guest.System.Clock.SetRealtime(_guest.System.Clock.RealtimeNs + Second))
            .Call(read, 0, Buffer, 8);
        _guest.Run();
        long canceled = -(long)Errno.ECANCELED;
        long again = -(long)Errno.EAGAIN;
        Assert.Equal([0, 0, canceled, again, canceled, 0, again], _guest.Main.Results);
    }

    [Fact]
    public void Set_TimeOfDayMovesForward_TheTimerIsDueEarlier()
    {
        Create(ClockId.CLOCK_REALTIME);
        _guest.Main.Do(() => Arm(_guest.System.Clock.RealtimeNs + (100 * Second), 0))
            .Call(timerfd_settime, 0, (ulong)TimerfdSetFlags.TFD_TIMER_ABSTIME, Value, 0)
            .Do(() => _guest.System.Clock.SetRealtime(_guest.System.Clock.RealtimeNs + (200 * Second)))
            .Call(read, 0, Buffer, 8);
        _guest.Run();
        Assert.Equal(8, _guest.Main.Results[^1]);
    }

    [Theory]
    [InlineData(ClockId.CLOCK_MONOTONIC_RAW, 0)]
    [InlineData(ClockId.CLOCK_TAI, 0)]
    [InlineData(ClockId.CLOCK_MONOTONIC, 1)]
    public void Create_UnknownClockOrFlag_IsRefused(ClockId clock, ulong flags)
    {
        _guest.Main.Call(timerfd_create, (ulong)clock, flags);
        _guest.Run();
        Assert.Equal([-(long)Errno.EINVAL], _guest.Main.Results);
    }

    [Fact]
    public void Set_WrongArguments_AreRefused()
    {
        Create(ClockId.CLOCK_MONOTONIC);
        _guest.Main.Do(() => Arm(1, -1)).Call(timerfd_settime, 0, 0, Value, 0)
            .Do(() => Arm(1, 0)).Call(timerfd_settime, 0, 4, Value, 0)
            .Call(timerfd_settime, 0, 0, 0, 0).Call(timerfd_settime, 0, 0, Value, 1).Call(timerfd_settime, 9, 0, Value, 0)
            .Call(eventfd, 0).Call(timerfd_settime, 1, 0, Value, 0).Call(timerfd_gettime, 1, Old).Call(timerfd_gettime, 0, 1);
        _guest.Run();
        Errno[] expected = [Errno.EINVAL, Errno.EINVAL, Errno.EFAULT, Errno.EFAULT, Errno.EBADF];
        Assert.Equal(expected.Select(error => -(long)error), _guest.Main.Results.Skip(1).Take(5));
        Assert.Equal([-(long)Errno.EINVAL, -(long)Errno.EINVAL, -(long)Errno.EFAULT], _guest.Main.Results.Skip(7));
    }

    private static long ToNs(Timespec time) => time.ToNsSaturating();

    private void Create(ClockId clock) => _guest.Main.Call(timerfd_create, (ulong)clock, (ulong)TimerfdFlags.TFD_NONBLOCK);

    private void Set(long firstNs, long intervalNs) =>
        _guest.Main.Do(() => Arm(firstNs, intervalNs)).Call(timerfd_settime, 0, 0, Value, Old);

    private void Arm(long firstNs, long intervalNs) =>
        _guest.Write(Value, new Itimerspec
        {
            it_value = Timespec.FromNs(firstNs),
            it_interval = new() { tv_sec = intervalNs / Second, tv_nsec = intervalNs % Second },
        });
}
