using System.Runtime.CompilerServices;
using Semitone.Abi;
using Semitone.Fakes;
using Semitone.Machine;
using Semitone.Tasks;

namespace Semitone.Unit.Tasks;

public class SignalTests
{
    private const ulong Handler = Guest.Base + 0x1500;
    private const ulong Restorer = Guest.Base + 0x1600;
    private const ulong ActionAt = Guest.Data + 0x300;
    private const ulong TimeAt = Guest.Data + 0x400;

    [Fact]
    public void Frame_Sizes_AreThoseOfTheAbi()
    {
        Assert.Equal(440, Unsafe.SizeOf<RtSigFrame>());
        Assert.Equal(304, Unsafe.SizeOf<UContext>());
        Assert.Equal(128, Unsafe.SizeOf<SigInfo>());
    }

    /// <summary>The handler itself does not step; where it returns to, the program does.</summary>
    [Theory]
    [InlineData(1U << 14, SignalCode.TRAP_TRACE)] // DR6.BS
    [InlineData(0U, SignalCode.TRAP_BRKPT)] // INT1 reports nothing
    public void Debug_WithHandler_KeepsTheTrapFlagForTheReturn(uint status, int code)
    {
        const ulong TrapFlag = 0x100;
        Guest guest = new();
        guest.SetHandler(Signal.SIGTRAP, SigactionFlags.SA_SIGINFO);
        guest.Main.Trap(() =>
        {
            guest.MainThread.Registers.Rflags = 0x202 | TrapFlag;
            return new Trap(TrapKind.Exception, 1, 0, 0) { DebugStatus = status };
        });
        guest.Main.Do(() =>
        {
            ref GuestRegisters registers = ref guest.MainThread.Registers;
            Assert.Equal(0UL, registers.Rflags & TrapFlag);
            Assert.Equal(code, guest.Read<int>(registers.Rsi + 8));
            registers.Rsp += 8;
        }).Call(SyscallNumber.rt_sigreturn);
        guest.Main.Do(() => Assert.Equal(TrapFlag, guest.MainThread.Registers.Rflags & TrapFlag));
        guest.Run();
    }

    /// <summary>There is no code but that of 64 bits, and no stack segment but one.</summary>
    [Theory]
    [InlineData(184, 0x23)]
    [InlineData(184, 0x10)]
    [InlineData(190, 0x18)]
    public void Sigreturn_ToAnotherSegment_IsSigsegv(int offset, int selector)
    {
        Guest guest = new();
        guest.SetHandler(Signal.SIGSEGV, SigactionFlags.SA_SIGINFO);
        guest.Main.Trap(() => FakeCpu.PageFault(0x18, PageFaultFlags.Write));
        guest.Main.Do(() =>
        {
            ref GuestRegisters registers = ref guest.MainThread.Registers;
            guest.Write(registers.Rsp + 8 + (ulong)offset, (ushort)selector);
            registers.Rsp += 8;
        }).Call(SyscallNumber.rt_sigreturn).Do(() => Assert.Fail("it went on"));
        Assert.Equal(ExitStatus.FromSignal(Signal.SIGSEGV), guest.Run());
    }

    /// <summary>What XRSTOR would fault on, or cannot be read, kills, and the rest of the frame is in force before that.</summary>
    [Theory]
    [InlineData(0UL, true)]
    [InlineData(1UL, false)]
    [InlineData(16UL, false)]
    [InlineData(64UL, true)]
    public void Sigreturn_MisalignedFloatingPointState_IsSigsegv(ulong shift, bool isTaken) =>
        ReturnWithState(state => state + shift, keepsMarks: true, isTaken);

    [Theory]
    [InlineData(8UL, false)]
    [InlineData(16UL, true)]
    public void Sigreturn_StateWithoutMarks_IsAlignedAsForFxrstor(ulong shift, bool isTaken) =>
        ReturnWithState(state => state + shift, keepsMarks: false, isTaken);

    [Theory]
    [InlineData(64UL)]
    [InlineData(0x8000_0000_0000_0000UL)]
    [InlineData(0xFFFF_8000_0000_0000UL)]
    public void Sigreturn_UnreadableFloatingPointState_IsSigsegv(ulong address) =>
        ReturnWithState(_ => address, keepsMarks: true, isTaken: false);

    private static void ReturnWithState(Func<ulong, ulong> move, bool keepsMarks, bool isTaken)
    {
        const ulong OffsetOfState = 8 + 224;
        const ulong OffsetOfRbx = 8 + 128;
        const int OffsetOfMarks = 464;
        const int Size = 0x1000;
        Guest guest = new();
        guest.SetHandler(Signal.SIGUSR1, SigactionFlags.SA_SIGINFO);
        guest.SetHandler(Signal.SIGSEGV, SigactionFlags.SA_SIGINFO);
        guest.Kill(Signal.SIGUSR1);
        guest.Main.Do(() =>
        {
            ref GuestRegisters registers = ref guest.MainThread.Registers;
            ulong state = guest.Read<ulong>(registers.Rsp + OffsetOfState);
            byte[] bytes = new byte[Size];
            int count = (int)guest.Memory.CopyIn(state, bytes);
            bytes.AsSpan(OffsetOfMarks, keepsMarks ? 0 : 48).Clear();
            ulong moved = move(Guest.Data + 0x4000);
            guest.Memory.CopyOut(moved, bytes.AsSpan(0, count));
            guest.Write(registers.Rsp + OffsetOfState, moved);
            guest.Write(registers.Rsp + OffsetOfRbx, 0x1234UL);
            registers.Rsp += 8;
        }).Call(SyscallNumber.rt_sigreturn).Do(() =>
        {
            ref GuestRegisters registers = ref guest.MainThread.Registers;
            if (isTaken)
            {
                Assert.Equal(0x1234UL, registers.Rbx);
                return;
            }

            // In the handler of the second signal, of a program that the frame had come back to.
            Assert.Equal((ulong)Signal.SIGSEGV, registers.Rdi);
            Assert.Equal(SignalCode.SI_KERNEL, guest.Read<int>(registers.Rsi + 8));
            Assert.Equal(0x1234UL, guest.Read<ulong>(registers.Rsp + OffsetOfRbx));
        });
        guest.Run();
    }

    [Fact]
    public void Fault_WithHandler_BuildsTheFrameOfTheAbi()
    {
        Guest guest = new();
        guest.SetHandler(Signal.SIGSEGV, SigactionFlags.SA_SIGINFO);
        guest.Main.Trap(() =>
        {
            ref GuestRegisters registers = ref guest.MainThread.Registers;
            registers.Rsp = Guest.StackTop - 0x100;
            registers.Rip = Guest.Base + 0x1100;
            registers.Rbx = 0xB0B;
            registers.R15 = 0xF15;
            registers.Rax = 0xA0A;
            registers.Rflags = 0x646;
            return FakeCpu.PageFault(0x18, PageFaultFlags.Write);
        });
        guest.Main.Do(() =>
        {
            ref GuestRegisters registers = ref guest.MainThread.Registers;
            ulong frame = registers.Rsp;
            Assert.Equal(Handler, registers.Rip);
            Assert.Equal((ulong)Signal.SIGSEGV, registers.Rdi);
            Assert.Equal(frame + 312, registers.Rsi);
            Assert.Equal(frame + 8, registers.Rdx);
            Assert.Equal(0UL, registers.Rax);
            Assert.Equal(8UL, frame % 16);
            Assert.Equal(0x246UL, registers.Rflags);

            // Offsets as a C program prints them.
            Assert.Equal(Restorer, guest.Read<ulong>(frame));
            Assert.Equal(7UL, guest.Read<ulong>(frame + 8));
            Assert.Equal(0xF15UL, guest.Read<ulong>(frame + 8 + 96));
            Assert.Equal(0xB0BUL, guest.Read<ulong>(frame + 8 + 128));
            Assert.Equal(0xA0AUL, guest.Read<ulong>(frame + 8 + 144));
            Assert.Equal(Guest.StackTop - 0x100, guest.Read<ulong>(frame + 8 + 160));
            Assert.Equal(Guest.Base + 0x1100, guest.Read<ulong>(frame + 8 + 168));
            Assert.Equal(0x646UL, guest.Read<ulong>(frame + 8 + 176));
            Assert.Equal(0x33, guest.Read<ushort>(frame + 8 + 184));
            Assert.Equal(0x2B, guest.Read<ushort>(frame + 8 + 190));
            Assert.Equal(6UL, guest.Read<ulong>(frame + 8 + 192));
            Assert.Equal(14UL, guest.Read<ulong>(frame + 8 + 200));
            Assert.Equal(0x18UL, guest.Read<ulong>(frame + 8 + 216));
            ulong state = guest.Read<ulong>(frame + 8 + 224);
            Assert.Equal(0UL, state % 64);
            Assert.True(state + 576 + 4 <= Guest.StackTop - 0x100 - 128, "The red zone is not touched.");
            Assert.Equal(0x46505853U, guest.Read<uint>(state + 464));
            Assert.Equal(580U, guest.Read<uint>(state + 468));
            Assert.Equal(576U, guest.Read<uint>(state + 480));
            Assert.Equal(0x46505845U, guest.Read<uint>(state + 576));
            Assert.Equal((int)Signal.SIGSEGV, guest.Read<int>(frame + 312));
            Assert.Equal(SignalCode.SEGV_MAPERR, guest.Read<int>(frame + 312 + 8));
            Assert.Equal(0x18UL, guest.Read<ulong>(frame + 312 + 16));
            Assert.True(guest.MainThread.SignalMask.Contains(Signal.SIGSEGV));
        });
        guest.Main.ReturnFromHandler();
        guest.Main.Do(() =>
        {
            ref GuestRegisters registers = ref guest.MainThread.Registers;
            Assert.Equal(Guest.Base + 0x1100, registers.Rip);
            Assert.Equal(Guest.StackTop - 0x100, registers.Rsp);
            Assert.Equal(0xB0BUL, registers.Rbx);
            Assert.Equal(0xA0AUL, registers.Rax);
            Assert.Equal(0x646UL, registers.Rflags);
            Assert.True(guest.MainThread.SignalMask.IsEmpty);
        });
        Assert.Equal(0, guest.Run().ShellStatus);
    }

    [Fact]
    public void Sigreturn_FrameAsksForMoreRights_GetsNone()
    {
        Guest guest = new();
        guest.SetHandler(Signal.SIGUSR1);
        guest.Kill(Signal.SIGUSR1);
        guest.Main.Do(() => guest.Write(guest.MainThread.Registers.Rsp + 8 + 176, 0x3F_FFFFUL));
        guest.Main.ReturnFromHandler();
        guest.Main.Do(() => Assert.Equal(0UL, guest.MainThread.Registers.Rflags & ~(0x5_0FD5UL | 0x202)));
        guest.Run();
    }

    [Fact]
    public void Sigreturn_ToTheKernel_IsASegmentationFault()
    {
        Guest guest = new();
        guest.SetHandler(Signal.SIGUSR1);
        guest.Kill(Signal.SIGUSR1);
        guest.Main.Do(() => guest.Write(guest.MainThread.Registers.Rsp + 8 + 168, 0xFFFF_8000_0000_0000UL));
        guest.Main.ReturnFromHandler();
        Assert.Equal(ExitStatus.FromSignal(Signal.SIGSEGV), guest.Run());
    }

    [Fact]
    public void Handler_NoRoomOnTheStack_KillsTheProgram()
    {
        Guest guest = new();
        guest.SetHandler(Signal.SIGSEGV);
        guest.Main.Trap(() =>
        {
            guest.MainThread.Registers.Rsp = 0x100;
            return FakeCpu.PageFault(0x10, PageFaultFlags.None);
        });
        Assert.Equal(ExitStatus.FromSignal(Signal.SIGSEGV), guest.Run());
    }

    [Fact]
    public void Handler_OnTheAlternateStack_RunsThereAndComesBack()
    {
        const ulong Stack = Guest.Base + 0x8000;
        Guest guest = new();
        guest.Do(() => guest.Write(TimeAt, new StackT { ss_sp = Stack, ss_size = 0x2000 }));
        guest.Main.Call(SyscallNumber.sigaltstack, TimeAt, 0);
        guest.SetHandler(Signal.SIGUSR1, SigactionFlags.SA_ONSTACK);
        guest.Kill(Signal.SIGUSR1);
        guest.Main.Do(() => Assert.InRange(guest.MainThread.Registers.Rsp, Stack, Stack + 0x2000));
        guest.Main.Call(SyscallNumber.sigaltstack, TimeAt, 0);
        guest.Main.ReturnFromHandler();
        guest.Main.Do(() => Assert.Equal(Guest.StackTop - 0x200, guest.MainThread.Registers.Rsp));
        guest.Main.Call(SyscallNumber.sigaltstack, TimeAt, 0);
        guest.Run();
        Assert.Equal([0, 0, 0, -(long)Errno.EPERM], guest.Main.Results.Take(4));
        Assert.Equal(0, guest.Main.Results[^1]);
    }

    [Fact]
    public void Signal_Blocked_WaitsUntilItIsNot()
    {
        Guest guest = new();
        guest.SetHandler(Signal.SIGUSR1);
        guest.Do(() => guest.Write(TimeAt, SignalSet.Of(Signal.SIGUSR1)));
        guest.Main.Call(SyscallNumber.rt_sigprocmask, 0, TimeAt, 0, 8);
        guest.Kill(Signal.SIGUSR1);
        guest.Main.Do(() => Assert.NotEqual(Handler, guest.MainThread.Registers.Rip));
        guest.Main.Call(SyscallNumber.rt_sigprocmask, 1, TimeAt, 0, 8);
        guest.Main.Do(() => Assert.Equal(Handler, guest.MainThread.Registers.Rip));
        guest.Run();
    }

    [Fact]
    public void Nanosleep_HandlerInterrupts_AnswersEintrAndWhatIsLeft()
    {
        Guest guest = new();
        guest.SetHandler(Signal.SIGALRM, SigactionFlags.SA_RESTART);
        guest.Do(() => guest.Write(TimeAt, new Timespec { tv_sec = 10 }));
        guest.Main.Call(SyscallNumber.alarm, 3).Call(SyscallNumber.nanosleep, TimeAt, TimeAt + 32);
        guest.Main.Do(() =>
        {
            Assert.Equal(Handler, guest.MainThread.Registers.Rip);
            Assert.Equal(7, guest.Read<Timespec>(TimeAt + 32).tv_sec);
        });
        guest.Main.ReturnFromHandler();
        guest.Main.Do(() => Assert.Equal(-(long)Errno.EINTR, (long)guest.MainThread.Registers.Rax));
        guest.Run();
    }

    [Fact]
    public void Futex_HandlerWithRestart_WaitsAgain()
    {
        Guest guest = new();
        guest.SetHandler(Signal.SIGALRM, SigactionFlags.SA_RESTART);
        guest.Main.Call(SyscallNumber.alarm, 3).Do(() => guest.MainThread.Registers.Rip = Guest.Base + 0x1102);
        guest.Main.Call(SyscallNumber.futex, Guest.Data, (ulong)FutexOperation.FUTEX_WAIT, 0);
        guest.Main.Do(() => Assert.Equal(Handler, guest.MainThread.Registers.Rip));
        guest.Main.ReturnFromHandler();
        guest.Main.Do(() =>
        {
            Assert.Equal(Guest.Base + 0x1100, guest.MainThread.Registers.Rip);
            Assert.Equal((ulong)SyscallNumber.futex, guest.MainThread.Registers.Rax);
        });
        guest.Run();
    }

    [Fact]
    public void Nanosleep_StoppedAndContinued_GoesOnWithRestartSyscall()
    {
        Guest guest = new();
        guest.Do(() => guest.Write(TimeAt, new Timespec { tv_sec = 10 }));
        guest.MakeThread(child => child
            .Call(SyscallNumber.kill, 1, (ulong)Signal.SIGSTOP));
        bool isContinued = false;
        guest.Machine.Cpu.OnIdle = () =>
        {
            if (!isContinued)
            {
                isContinued = true;
                Assert.True(guest.Process.IsStopped);
                guest.Process.Send(SignalInfo.FromKernel(Signal.SIGCONT));
            }
            else
            {
                guest.Machine.Clock.MonotonicNs += 10_000_000_000;
            }
        };
        guest.Main.Call(SyscallNumber.nanosleep, TimeAt, 0);
        guest.Main.Do(() => Assert.Equal((ulong)SyscallNumber.restart_syscall, guest.MainThread.Registers.Rax));
        guest.Main.Call(SyscallNumber.restart_syscall);
        guest.Run();
        Assert.Equal(0, guest.Main.Results[^1]);
    }

    /// <summary>Nobody could continue it: the first process has no shell above it.</summary>
    [Theory]
    [InlineData(Signal.SIGTSTP)]
    [InlineData(Signal.SIGTTIN)]
    [InlineData(Signal.SIGTTOU)]
    public void Kill_TerminalStopOfAnOrphanedGroup_DoesNothing(Signal signal)
    {
        Guest guest = new();
        guest.Main.Call(SyscallNumber.kill, 1, (ulong)signal).Call(SyscallNumber.exit_group, 5);
        Assert.Equal(5, guest.Run().ShellStatus);
    }

    /// <summary>Here a shell of the host could: it is told, and stops the command with the program.</summary>
    [Theory]
    [InlineData(Signal.SIGTSTP)]
    [InlineData(Signal.SIGSTOP)]
    public void Kill_StopOfAJobOfTheHost_StopsAndTellsTheHost(Signal signal)
    {
        Guest guest = new();
        HostShell shell = new();
        guest.System.HostJobControl = shell;
        guest.Machine.Cpu.OnIdle = () =>
        {
            Assert.True(guest.Process.IsStopped);
            Assert.Equal([signal], shell.Stops);
            guest.Process.Send(SignalInfo.FromKernel(Signal.SIGCONT));
        };
        guest.Main.Call(SyscallNumber.kill, 1, (ulong)signal).Call(SyscallNumber.exit_group, 5);
        Assert.Equal(5, guest.Run().ShellStatus);
        Assert.Equal([signal], shell.Stops);
    }

    [Fact]
    public void Sigsuspend_RestoresTheMaskAfterTheHandler()
    {
        Guest guest = new();
        SignalSet blocked = SignalSet.Of(Signal.SIGUSR1) | SignalSet.Of(Signal.SIGALRM);
        guest.SetHandler(Signal.SIGALRM);
        guest.Do(() =>
        {
            guest.Write(TimeAt, blocked);
            guest.Write(TimeAt + 8, SignalSet.Of(Signal.SIGUSR2));
        });
        guest.Main.Call(SyscallNumber.rt_sigprocmask, 2, TimeAt, 0, 8)
            .Call(SyscallNumber.alarm, 1)
            .Call(SyscallNumber.rt_sigsuspend, TimeAt + 8, 8);
        guest.Main.Do(() => Assert.Equal(SignalSet.Of(Signal.SIGUSR2) | SignalSet.Of(Signal.SIGALRM), guest.MainThread.SignalMask));
        guest.Main.ReturnFromHandler();
        guest.Main.Do(() =>
        {
            Assert.Equal(blocked, guest.MainThread.SignalMask);
            Assert.Equal(-(long)Errno.EINTR, (long)guest.MainThread.Registers.Rax);
        });
        guest.Run();
    }

    [Fact]
    public void Sigtimedwait_SignalArrives_TakesItWithoutAHandler()
    {
        Guest guest = new();
        guest.Do(() => guest.Write(TimeAt, SignalSet.Of(Signal.SIGALRM)));
        guest.Main.Call(SyscallNumber.rt_sigprocmask, 0, TimeAt, 0, 8).Call(SyscallNumber.alarm, 1);
        guest.Main.Call(SyscallNumber.rt_sigtimedwait, TimeAt, TimeAt + 64, 0, 8);
        guest.Main.Do(() => Assert.Equal((int)Signal.SIGALRM, guest.Read<int>(TimeAt + 64)));
        Assert.Equal(0, guest.Run().ShellStatus);
        Assert.Equal((long)Signal.SIGALRM, guest.Main.Results[^1]);
    }

    [Fact]
    public void Kill_NoHandler_EndsTheProgramBySignal()
    {
        Guest guest = new();
        guest.Main.Call(SyscallNumber.kill, 1, (ulong)Signal.SIGTERM);
        Assert.Equal(128 + 15, guest.Run().ShellStatus);
    }

    [Fact]
    public void Kill_IgnoredByDefault_DoesNotEndAWait()
    {
        Guest guest = new();
        guest.Do(() => guest.Write(TimeAt, new Timespec { tv_sec = 1 }));
        guest.MakeThread(child => child.Call(SyscallNumber.kill, 1, (ulong)Signal.SIGCHLD));
        guest.Main.Call(SyscallNumber.nanosleep, TimeAt, 0);
        guest.Run();
        Assert.Equal(0, guest.Main.Results[^1]);
    }

    [Fact]
    public void RealTimeSignals_SentTwice_ArriveTwiceInOrder()
    {
        PendingSignals pending = new();
        pending.TryAdd(new SigInfo { si_signo = (Signal)40, si_value = 1 }, 10);
        pending.TryAdd(new SigInfo { si_signo = Signal.SIGUSR1 }, 10);
        pending.TryAdd(new SigInfo { si_signo = Signal.SIGUSR1 }, 10);
        pending.TryAdd(new SigInfo { si_signo = (Signal)40, si_value = 2 }, 10);
        pending.TryAdd(new SigInfo { si_signo = Signal.SIGSEGV }, 10);
        List<(Signal, ulong)> order = [];
        while (pending.TryTake(new SignalSet(ulong.MaxValue), out SigInfo info))
        {
            order.Add((info.si_signo, info.si_value));
        }

        Assert.Equal([(Signal.SIGSEGV, 0), (Signal.SIGUSR1, 0), ((Signal)40, 1), ((Signal)40, 2)], order);
        Assert.True(pending.Set.IsEmpty);
    }

    private sealed class HostShell : IHostJobControl
    {
        public List<Signal> Stops { get; } = [];

        public void OnStopped(Signal signal) => Stops.Add(signal);
    }
}
