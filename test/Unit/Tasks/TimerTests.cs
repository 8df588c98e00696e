using Semitone.Abi;
using Semitone.Tasks;

namespace Semitone.Unit.Tasks;

public class TimerTests
{
    private const ulong IdAt = Guest.Data + 0x700;
    private const ulong SpecAt = Guest.Data + 0x740;
    private const ulong EventAt = Guest.Data + 0x780;
    private const ulong InfoAt = Guest.Data + 0x800;
    private const ulong SetAt = Guest.Data + 0x900;

    [Fact]
    public void Alarm_SetAgain_AnswersWhatWasLeft()
    {
        Guest guest = new();
        guest.Main.Call(SyscallNumber.alarm, 10).Call(SyscallNumber.alarm, 5).Call(SyscallNumber.alarm, 0).Call(SyscallNumber.alarm, 0);
        guest.Run();
        Assert.Equal([0, 10, 5, 0], guest.Main.Results);
    }

    [Fact]
    public void Alarm_NoHandler_EndsTheProgram()
    {
        Guest guest = new();
        guest.Main.Call(SyscallNumber.alarm, 1).Call(SyscallNumber.pause);
        Assert.Equal(ExitStatus.FromSignal(Signal.SIGALRM), guest.Run());
    }

    [Fact]
    public void PosixTimer_SignalTakenLate_CountsOverruns()
    {
        Guest guest = new();
        guest.Main.Do(() =>
        {
            guest.Write(EventAt, new SigEvent { sigev_signo = (Signal)40, sigev_value = 99 });
            guest.Write(SpecAt, new Itimerspec { it_value = new Timespec { tv_sec = 1 }, it_interval = new Timespec { tv_sec = 1 } });
            guest.Write(SetAt, SignalSet.Of((Signal)40));
            guest.Write(SetAt + 16, Timespec.FromNs(3_500_000_000));
        });
        guest.Main.Call(SyscallNumber.rt_sigprocmask, 0, SetAt, 0, 8);
        guest.Main.Call(SyscallNumber.timer_create, 1, EventAt, IdAt).Call(SyscallNumber.timer_settime, 0, 0, SpecAt, 0);
        guest.Main.Call(SyscallNumber.nanosleep, SetAt + 16, 0).Call(SyscallNumber.rt_sigtimedwait, SetAt, InfoAt, 0, 8);
        guest.Main.Do(() =>
        {
            Assert.Equal(0, guest.Read<int>(IdAt));
            SigInfo info = guest.Read<SigInfo>(InfoAt);
            Assert.Equal((40, SignalCode.SI_TIMER, 2, 99UL), ((int)info.si_signo, info.si_code, info.si_overrun, info.si_value));
        });
        guest.Main.Call(SyscallNumber.timer_getoverrun, 0).Call(SyscallNumber.timer_delete, 0).Call(SyscallNumber.timer_delete, 0);
        Assert.Equal(0, guest.Run().ShellStatus);
        Assert.Equal([0, 0, 0, 0, 40, 2, 0, -(long)Errno.EINVAL], guest.Main.Results);
    }

    /// <summary>Thousands of timers whose signal nobody takes must leave the program time to run.</summary>
    [Fact]
    public void PosixTimer_SignalIsPending_RestsUntilItIsTaken()
    {
        Guest guest = new();
        guest.Main.Do(() =>
        {
            guest.Write(EventAt, new SigEvent { sigev_signo = (Signal)40 });
            guest.Write(SpecAt, new Itimerspec { it_value = Timespec.FromNs(1000), it_interval = Timespec.FromNs(1_000_000) });
            guest.Write(SetAt, SignalSet.Of((Signal)40));
            guest.Write(SetAt + 16, Timespec.FromNs(100_500_000));
        });
        guest.Main.Call(SyscallNumber.rt_sigprocmask, 0, SetAt, 0, 8);
        guest.Main.Call(SyscallNumber.timer_create, 1, EventAt, IdAt).Call(SyscallNumber.timer_settime, 0, 0, SpecAt, 0);
        guest.Main.Call(SyscallNumber.nanosleep, SetAt + 16, 0);
        guest.Main.Do(() =>
        {
            PosixTimer timer = FindTimer(guest);
            Assert.False(timer.IsArmed);
            Assert.InRange(timer.RemainingNs, 1, 1_000_000);
        });
        guest.Main.Call(SyscallNumber.rt_sigtimedwait, SetAt, InfoAt, 0, 8).Call(SyscallNumber.timer_getoverrun, 0);
        guest.Main.Do(() => Assert.True(FindTimer(guest).IsArmed));
        Assert.Equal(0, guest.Run().ShellStatus);
        Assert.Equal([0, 0, 0, 0, 40, 100], guest.Main.Results);
    }

    /// <summary>So must those that send nothing, or what is ignored: SIGCHLD is by default.</summary>
    [Theory]
    [InlineData(SigEventNotify.SIGEV_NONE)]
    [InlineData(SigEventNotify.SIGEV_SIGNAL)]
    public void PosixTimer_NobodyNotices_LeavesShortIntervalsOut(SigEventNotify notify)
    {
        Guest guest = new();
        guest.Main.Do(() =>
        {
            guest.Write(EventAt, new SigEvent { sigev_signo = Signal.SIGCHLD, sigev_notify = notify });
            guest.Write(SpecAt, new Itimerspec { it_value = Timespec.FromNs(1000), it_interval = Timespec.FromNs(1000) });
            guest.Write(SetAt, Timespec.FromNs(1_000_000));
        });
        guest.Main.Call(SyscallNumber.timer_create, 1, EventAt, IdAt).Call(SyscallNumber.timer_settime, 0, 0, SpecAt, 0);
        guest.Main.Call(SyscallNumber.nanosleep, SetAt, 0);
        guest.Main.Do(() =>
        {
            PosixTimer timer = FindTimer(guest);
            Assert.True(timer.IsArmed);
            Assert.InRange(timer.RemainingNs, 1, 1000);
            Assert.True(timer.DeadlineNs - guest.Machine.Clock.MonotonicNs > 1_000_000);
        });
        Assert.Equal(0, guest.Run().ShellStatus);
    }

    /// <summary>clock_settime(2): what waits for a time of day goes by the time of day, and a duration does not.</summary>
    [Theory]
    [InlineData(1, 500)]
    [InlineData(0, 2000)]
    public void PosixTimer_RealtimeIsSetForward_AbsoluteTimerComesEarlier(ulong flags, long expectedMs)
    {
        const long SecondNs = 1_000_000_000;
        Guest guest = new();
        long startNs = 0;
        guest.Main.Do(() =>
        {
            startNs = guest.Machine.Clock.MonotonicNs;
            long nowNs = guest.System.Clock.RealtimeNs;
            guest.Write(EventAt, new SigEvent { sigev_signo = (Signal)40 });
            guest.Write(SpecAt, new Itimerspec { it_value = Timespec.FromNs((flags == 0 ? 0 : nowNs) + (2 * SecondNs)) });
            guest.Write(SetAt, SignalSet.Of((Signal)40));
            guest.Write(SetAt + 16, Timespec.FromNs(nowNs + (SecondNs * 3 / 2)));
        });
        guest.Main.Call(SyscallNumber.rt_sigprocmask, 0, SetAt, 0, 8);
        guest.Main.Call(SyscallNumber.timer_create, 0, EventAt, IdAt).Call(SyscallNumber.timer_settime, 0, flags, SpecAt, 0);
        guest.Main.Call(SyscallNumber.clock_settime, 0, SetAt + 16).Call(SyscallNumber.rt_sigtimedwait, SetAt, 0, 0, 8);
        Assert.Equal(0, guest.Run().ShellStatus);
        Assert.Equal([0, 0, 0, 0, 40], guest.Main.Results);
        Assert.Equal(expectedMs, (guest.Machine.Clock.MonotonicNs - startNs) / 1_000_000);
    }

    [Fact]
    public void ClockNanosleep_RealtimeIsSetWhileItSleeps_EndsByTheNewTime()
    {
        const long SecondNs = 1_000_000_000;
        Guest guest = new();
        long startNs = 0;
        guest.Main.Do(() =>
        {
            startNs = guest.Machine.Clock.MonotonicNs;
            guest.Write(SpecAt, Timespec.FromNs(guest.System.Clock.RealtimeNs + (10 * SecondNs)));
        });
        guest.Machine.Cpu.OnIdle = () =>
        {
            guest.Machine.Cpu.OnIdle = null;
            guest.System.Clock.SetRealtime(guest.System.Clock.RealtimeNs + (7 * SecondNs));
        };
        guest.Main.Call(SyscallNumber.clock_nanosleep, 0, 1, SpecAt, 0);
        Assert.Equal(0, guest.Run().ShellStatus);
        Assert.Equal([0], guest.Main.Results);
        Assert.Equal(3000, (guest.Machine.Clock.MonotonicNs - startNs) / 1_000_000);
    }

    [Theory]
    [InlineData(0L)]
    [InlineData(8_400_000_000L)]
    [InlineData(long.MaxValue)]
    public void ClockSettime_BeforeBootOrCenturiesAhead_IsInvalid(long seconds)
    {
        Guest guest = new();
        guest.Machine.Clock.Advance(5_000_000_000);
        guest.Main.Do(() => guest.Write(SpecAt, new Timespec { tv_sec = seconds }));
        guest.Main.Call(SyscallNumber.clock_settime, 0, SpecAt);
        guest.Run();
        Assert.Equal([-(long)Errno.EINVAL], guest.Main.Results);
    }

    /// <summary>
    /// On a machine where an interrupt takes longer than the interval the program would never come to its next instruction.
    /// </summary>
    [Fact]
    public void IntervalTimer_ShorterThanAnInterrupt_LeavesTheProgramTime()
    {
        const int Calls = 200;
        Guest guest = new();
        guest.Machine.Cpu.StepNs = 1000;
        guest.Main.Do(() =>
        {
            guest.Write(EventAt, new Sigaction { sa_handler = SignalHandler.SIG_IGN });
            guest.Write(SpecAt, new Itimerval { it_value = new Timeval { tv_usec = 1 }, it_interval = new Timeval { tv_usec = 1 } });
        });
        guest.Main.Call(SyscallNumber.rt_sigaction, (ulong)Signal.SIGALRM, EventAt, 0, 8).Call(SyscallNumber.setitimer, 0, SpecAt, 0);
        for (int i = 0; i < Calls; i++)
        {
            guest.Main.Call(SyscallNumber.getpid);
        }

        guest.Run();
        Assert.InRange(guest.Machine.Cpu.RunCount, Calls, Calls * 5 / 4);
    }

    [Fact]
    public void ProfilingTimer_ProgramSleeps_CountsOnlyTimeOnTheCpu()
    {
        const int Steps = 300;
        Guest guest = new();
        guest.Machine.Cpu.StepNs = 1_000_000;
        guest.Main.Do(() =>
        {
            guest.Write(SpecAt, new Itimerval { it_value = new Timeval { tv_usec = 100_000 } });
            guest.Write(SetAt, new Timespec { tv_sec = 5 });
        });
        guest.Main.Call(SyscallNumber.setitimer, (ulong)ItimerWhich.ITIMER_PROF, SpecAt, 0).Call(SyscallNumber.nanosleep, SetAt, 0);
        for (int i = 0; i < Steps; i++)
        {
            guest.Main.Call(SyscallNumber.getpid);
        }

        Assert.Equal(ExitStatus.FromSignal(Signal.SIGPROF), guest.Run());
        Assert.InRange(guest.Main.Results.Count, 90, 110);
        Assert.InRange(guest.Process.CpuTimeNs, 100_000_000, 110_000_000);
    }

    /// <summary>getrlimit(2), RLIMIT_CPU: a signal each second from the soft limit on, and the end at the hard one.</summary>
    [Fact]
    public void CpuLimit_SignalIsIgnored_EndsTheProgramAtTheHardOne()
    {
        const int Steps = 400;
        Guest guest = new();
        guest.Machine.Cpu.StepNs = 10_000_000;
        guest.Main.Do(() =>
        {
            guest.Write(EventAt, new Sigaction { sa_handler = SignalHandler.SIG_IGN });
            guest.Write(SpecAt, new Rlimit { rlim_cur = 1, rlim_max = 3 });
        });
        guest.Main.Call(SyscallNumber.rt_sigaction, (ulong)Signal.SIGXCPU, EventAt, 0, 8);
        guest.Main.Call(SyscallNumber.setrlimit, (ulong)RlimitResource.RLIMIT_CPU, SpecAt);
        for (int i = 0; i < Steps; i++)
        {
            guest.Main.Call(SyscallNumber.getpid);
        }

        Assert.Equal(ExitStatus.FromSignal(Signal.SIGKILL), guest.Run());
        Assert.InRange(guest.Process.CpuTimeNs, 3_000_000_000, 3_050_000_000);
        Assert.Equal(3UL, guest.Process.Limits[RlimitResource.RLIMIT_CPU].rlim_cur);
    }

    [Fact]
    public void TerminalOwner_Signal_ReachesTheGroup()
    {
        Guest guest = new();
        guest.Main.Do(() => new TerminalOwner(guest.System).SignalGroup(1, Signal.SIGINT));
        Assert.Equal(ExitStatus.FromSignal(Signal.SIGINT), guest.Run());
    }

    private static PosixTimer FindTimer(Guest guest)
    {
        Assert.True(guest.Process.TryGetTimer(0, out PosixTimer? timer));
        return timer;
    }
}
