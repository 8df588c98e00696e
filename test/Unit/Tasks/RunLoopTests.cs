using Semitone.Abi;
using Semitone.Fakes;
using Semitone.Machine;
using Semitone.Syscalls;
using Semitone.Tasks;

namespace Semitone.Unit.Tasks;

public class RunLoopTests
{
    [Fact]
    public void Run_ProgramExits_EndsWithItsStatus()
    {
        Guest guest = new();
        guest.Main.Call(SyscallNumber.getpid).Call(SyscallNumber.getppid).Call(SyscallNumber.gettid).Call(SyscallNumber.exit_group, 0x1_2A);
        ExitStatus status = guest.Run();
        Assert.Equal(0x2A, status.ShellStatus);
        Assert.Equal([1, 0, 1], guest.Main.Results);
        Assert.True(guest.Process.HasEnded);
    }

    [Fact]
    public void Run_UnknownCall_AnswersEnosysAndCounts()
    {
        Guest guest = new();
        guest.Main.Call((SyscallNumber)400).Call(SyscallNumber.exit_group, 0);
        guest.Run();
        Assert.Equal([-(long)Errno.ENOSYS], guest.Main.Results);
    }

    [Fact]
    public void Run_BugInAHandler_KillsTheProgramAndSaysSo()
    {
        Guest guest = new(_ => new BrokenFactory());
        guest.Main.Call(SyscallNumber.getpid);
        Assert.Equal(128 + 9, guest.Run().ShellStatus);
        Assert.Contains("kernel bug while serving hello[1], system call 39", guest.Console);
        Assert.Contains("the bug", guest.Console);
        Assert.Contains("registers of hello[1]:", guest.Console);
        Assert.Contains($"rip 0x{Guest.Base + 0x1000:x} ", guest.Console);
    }

    [Fact]
    public void Fault_MappedPage_IsResolvedAndTheProgramGoesOn()
    {
        Guest guest = new();
        guest.Main.Trap(() => FakeCpu.PageFault(Guest.Data, PageFaultFlags.Write)).Call(SyscallNumber.exit_group, 3);
        Assert.Equal(3, guest.Run().ShellStatus);
    }

    /// <summary>Whatever makes the CPU refuse what the tables allow, it must not be a loop without an end.</summary>
    [Fact]
    public void Fault_OnAPageThatIsThereAndAllowsIt_EndsWithASignal()
    {
        Guest guest = new();
        int faults = 0;
        guest.Machine.Cpu.WhenScriptEnds = (_, _) =>
        {
            Assert.InRange(++faults, 1, 1000);
            return FakeCpu.PageFault(Guest.Data + ((ulong)faults % 2 * 8), PageFaultFlags.Present);
        };
        Assert.Equal(ExitStatus.FromSignal(Signal.SIGSEGV), guest.Run());
        Assert.InRange(faults, 10, 100);
    }

    /// <summary>An old translation may make a CPU fault once more on each of many pages, though nothing changes.</summary>
    [Fact]
    public void Fault_OnAPageThatIsThere_AtManyInstructions_IsHarmless()
    {
        Guest guest = new();
        for (int i = 0; i < 500; i++)
        {
            guest.Main.Trap(() =>
            {
                guest.MainThread.Registers.Rip++;
                return FakeCpu.PageFault(Guest.Data, PageFaultFlags.Present);
            });
        }

        guest.Main.Call(SyscallNumber.exit_group, 3);
        Assert.Equal(3, guest.Run().ShellStatus);
    }

    /// <summary>QEMU's translator checks IRET's frame in ring 3 as the kernel's, which SMAP forbids.</summary>
    [Fact]
    public void Fault_CheckedAsTheKernels_GoesOnWhenTheCheckIsGivenUp()
    {
        Guest guest = new();
        guest.Machine.Cpu.SupervisorChecks = 1;
        guest.Main.Trap(() => FakeCpu.PageFault(Guest.Data, PageFaultFlags.None));
        guest.Main.Trap(() => new Trap(TrapKind.PageFault, 14, (uint)PageFaultFlags.Present, Guest.Data));
        guest.Main.Call(SyscallNumber.exit_group, 3);
        Assert.Equal(3, guest.Run().ShellStatus);
        Assert.Equal(0, guest.Machine.Cpu.SupervisorChecks);
    }

    [Fact]
    public void Fault_OfTheProgramItself_GivesNoCheckUp()
    {
        Guest guest = new();
        guest.Machine.Cpu.SupervisorChecks = 1;
        guest.Main.Trap(() => FakeCpu.PageFault(Guest.Data, PageFaultFlags.Present)).Call(SyscallNumber.exit_group, 3);
        guest.Run();
        Assert.Equal(1, guest.Machine.Cpu.SupervisorChecks);
    }

    [Fact]
    public void Fault_ByABrokenPageTable_KillsTheProgramAndSaysSo()
    {
        Guest guest = new();
        guest.Main.Trap(() => FakeCpu.PageFault(Guest.Data, PageFaultFlags.Present | PageFaultFlags.ReservedBit));
        Assert.Equal(ExitStatus.FromSignal(Signal.SIGKILL), guest.Run());
        Assert.Contains("reserved bits", guest.Console);
    }

    [Fact]
    public void Fault_WildPointer_KillsTheProgramWithOneLine()
    {
        Guest guest = new();
        guest.Main.Trap(() =>
        {
            guest.MainThread.Registers.Rip = Guest.Base + 0x1136;
            return FakeCpu.PageFault(0x10, PageFaultFlags.Write);
        });
        Assert.Equal(128 + 11, guest.Run().ShellStatus);
        Assert.EndsWith("hello[1]: segmentation fault: write to 0x10 at rip 0x401136 (hello+0x1136)\n", guest.Console);
        Assert.Equal(1, guest.Console.Count(character => character == '\n'));
    }

    [Theory]
    [InlineData(0, Signal.SIGFPE, "integer division by zero")]
    [InlineData(3, Signal.SIGTRAP, "trap")]
    [InlineData(6, Signal.SIGILL, "illegal instruction")]
    [InlineData(13, Signal.SIGSEGV, "segmentation fault: privileged instruction or bad address")]
    [InlineData(17, Signal.SIGBUS, "bus error")]
    public void Exception_NoHandler_KillsTheProgramWithItsSignal(byte vector, Signal signal, string words)
    {
        Guest guest = new();
        guest.Main.Trap(() => new Trap(TrapKind.Exception, vector, 0, 0));
        Assert.Equal(ExitStatus.FromSignal(signal), guest.Run());
        Assert.Contains(words, guest.Console);
    }

    [Fact]
    public void Preemption_TwoSpinningThreads_BothRun()
    {
        Guest guest = new();
        guest.Machine.Cpu.StepNs = 1_000_000;
        int[] spins = new int[2];
        guest.MakeThread(child =>
        {
            for (int i = 0; i < 100; i++)
            {
                child.Trap(() => Spin(1));
            }
        });
        for (int i = 0; i < 100; i++)
        {
            guest.Main.Trap(() => Spin(0));
        }

        guest.Run();
        Assert.Equal([100, 100], spins);

        Trap Spin(int index)
        {
            spins[index]++;

            // Neither is done long before the other.
            Assert.InRange(Math.Abs(spins[0] - spins[1]), 0, 15);
            guest.Machine.Cpu.CurrentContext!.Registers.Rip++;
            return FakeCpu.PageFault(Guest.Data, PageFaultFlags.None);
        }
    }

    [Theory]
    [InlineData(0, 0, 1.0)]
    [InlineData(0, 5, 3.06)]
    [InlineData(0, 10, 9.31)]
    [InlineData(-10, 0, 9.32)]
    [InlineData(3, 3, 1.0)]
    [InlineData(15, 19, 2.4)]
    public void Preemption_OneThreadIsNicer_GetsLessByAQuarterPerStep(int nice, int childNice, double ratio)
    {
        const int Spins = 2000;
        Guest guest = new();
        guest.Machine.Cpu.StepNs = 1_000_000;
        int[] spins = new int[2];
        int childSpins = 0;
        guest.MainThread.Nice = nice;
        guest.MakeThread(
            child =>
            {
                for (int i = 0; i < Spins; i++)
                {
                    child.Trap(() => Spin(1));
                }
            },
            started: created => created.Nice = childNice);
        for (int i = 0; i < Spins; i++)
        {
            guest.Main.Trap(() => Spin(0));
        }

        guest.Main.Do(() => childSpins = spins[1]);
        guest.Run();
        Assert.Equal([Spins, Spins], spins);
        Assert.InRange(Spins / (double)childSpins, ratio * 0.8, ratio * 1.2);

        Trap Spin(int index)
        {
            spins[index]++;
            guest.Machine.Cpu.CurrentContext!.Registers.Rip++;
            return FakeCpu.PageFault(Guest.Data, PageFaultFlags.None);
        }
    }

    [Fact]
    public void Run_OneThread_SetsNoAlarm()
    {
        Guest guest = new();
        for (int i = 0; i < 10; i++)
        {
            guest.Main.Call(SyscallNumber.getpid).Do(() => Assert.Equal(long.MaxValue, guest.Machine.Cpu.AlarmNs));
        }

        guest.Run();
    }

    [Fact]
    public void SchedYield_AnotherIsRunnable_LetsItRun()
    {
        Guest guest = new();
        List<string> order = [];
        guest.MakeThread(child => child.Do(() => order.Add("child")));
        guest.Main.Do(() => order.Add("before")).Call(SyscallNumber.sched_yield).Do(() => order.Add("after"));
        guest.Run();
        Assert.Equal(["before", "child", "after"], order);
    }

    [Fact]
    public void Exit_OfOneThread_ClearsItsWordAndWakesWhoJoins()
    {
        Guest guest = new();
        const ulong Word = Guest.Data + 0x100;
        guest.Write(Word, 2);
        guest.MakeThread(child => child.Call(SyscallNumber.exit, 0), CloneFlags.CLONE_CHILD_CLEARTID, Word);
        guest.Main.Call(SyscallNumber.futex, Word, (ulong)FutexOperation.FUTEX_WAIT, 2).Do(() => Assert.Equal(0, guest.Read<int>(Word)));
        guest.Run();
        Assert.Equal(0, guest.Main.Results[^1]);
    }

    [Fact]
    public void Exit_FirstThreadEndsFirst_ItsCodeIsTheProcesss()
    {
        Guest guest = new();
        guest.MakeThread(child => child.Call(SyscallNumber.sched_yield).Call(SyscallNumber.exit, 7));
        guest.Main.Call(SyscallNumber.exit, 3);
        Assert.Equal(3, guest.Run().ShellStatus);
    }

    [Fact]
    public void ExitGroup_OthersWait_EndsThemToo()
    {
        Guest guest = new();
        GuestThread? child = null;
        guest.MakeThread(script => script.Call(SyscallNumber.pause), started: thread => child = thread);
        guest.Main.Call(SyscallNumber.sched_yield).Call(SyscallNumber.exit_group, 5);
        Assert.Equal(5, guest.Run().ShellStatus);
        Assert.True(child!.HasEnded);
        Assert.Equal(0, guest.Machine.Cpu.IdleCount);
    }

    [Fact]
    public void Exit_OwnerOfARobustLock_MarksItAndWakesOne()
    {
        const ulong Head = Guest.Data + 0x200;
        const ulong Entry = Guest.Data + 0x240;
        const ulong Lock = Entry + 8;
        Guest guest = new();
        guest.MakeThread(
            child => child.Call(SyscallNumber.set_robust_list, Head, 24).Call(SyscallNumber.exit, 0),
            started: thread =>
            {
                guest.Write(Head, new RobustListHead { list = Entry, futex_offset = 8 });
                guest.Write(Entry, Head);
                guest.Write(Lock, (uint)thread.Tid | FutexWord.FUTEX_WAITERS);
                guest.Main.Call(SyscallNumber.futex, Lock, (ulong)FutexOperation.FUTEX_WAIT, (uint)thread.Tid | FutexWord.FUTEX_WAITERS);
            });
        guest.Run();
        Assert.Equal(0, guest.Main.Results[^1]);
    }

    [Fact]
    public void Fault_NoMemoryIsLeft_KillsTheProgramAndSaysSo()
    {
        Guest guest = new();
        guest.Main.Trap(() =>
        {
            while (guest.Machine.Frames.TryAllocate(out _))
            {
            }

            return FakeCpu.PageFault(Guest.StackTop - 0x1000, PageFaultFlags.Write);
        });
        Assert.Equal(128 + 9, guest.Run().ShellStatus);
        Assert.Contains("out of memory: killed hello[1]", guest.Console);
    }

    [Theory]
    [InlineData(SyscallNumber.getppid, 0UL, 0UL)]
    [InlineData(SyscallNumber.clock_gettime, 1UL, Guest.Data)]
    [InlineData(SyscallNumber.futex, Guest.Data, (ulong)FutexOperation.FUTEX_WAKE)]
    [InlineData(SyscallNumber.sched_yield, 0UL, 0UL)]
    [InlineData(SyscallNumber.gettid, 0UL, 0UL)]
    public void Call_ThatDoesNotWait_AllocatesNothing(SyscallNumber number, ulong a0, ulong a1)
    {
        Guest guest = new();
        long before = 0;
        long after = 0;
        int count = 0;
        guest.Machine.Cpu.WhenScriptEnds = (context, _) =>
        {
            count++;
            switch (count)
            {
                case 100:
                    before = GC.GetAllocatedBytesForCurrentThread();
                    break;
                case 1100:
                    after = GC.GetAllocatedBytesForCurrentThread();
                    return FakeCpu.SystemCall(context, (ulong)SyscallNumber.exit_group);
            }

            return FakeCpu.SystemCall(context, (ulong)number, a0, a1, 1);
        };
        guest.Run();
        Assert.Equal(0, after - before);
    }

    private sealed class BrokenFactory : ISyscallEntryFactory
    {
        public SyscallEntry Create(GuestThread thread) => new BrokenEntry();
    }

    private sealed class BrokenEntry : SyscallEntry
    {
        public override void Invoke(ref GuestRegisters registers) => throw new InvalidOperationException("the bug");
    }
}
