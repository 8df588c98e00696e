using Semitone.Abi;
using Semitone.Machine;
using Semitone.Tasks;

namespace Semitone.Unit.Tasks;

/// <summary>fork(2), vfork(2) and clone(2) of processes, and what waits see of children.</summary>
public class ForkTests
{
    private const ulong StatusAt = Guest.Data + 0x100;
    private const ulong WordAt = Guest.Data + 0x200;
    private const ulong AnyChild = ulong.MaxValue;

    [Fact]
    public void Fork_Child_HasTheSameRegistersAndMemoryOfItsOwn()
    {
        Guest guest = new();
        guest.Do(() =>
        {
            guest.Write(WordAt, 1);
            guest.MainThread.Registers.Rbx = 0xB0B;
        });
        guest.Main.Call(SyscallNumber.fork);
        guest.Children.Enqueue((child, script) => script
            .Do(() =>
            {
                Assert.Equal(0UL, child.Registers.Rax);
                Assert.Equal(0xB0BUL, child.Registers.Rbx);
                Assert.True(child.Process.AddressSpace.Memory.TryWrite(new UserPtr<int>(WordAt), 2));
                Assert.Equal(1, guest.Read<int>(WordAt));
            })
            .Call(SyscallNumber.getppid)
            .Call(SyscallNumber.exit_group, 7));
        guest.Main.Call(SyscallNumber.wait4, AnyChild, StatusAt).Do(() =>
        {
            Assert.Equal(7 << 8, guest.Read<int>(StatusAt));
            Assert.Equal(1, guest.Read<int>(WordAt));
        });
        guest.Run();
        Assert.Equal([2, 2], guest.Main.Results);
        Assert.Equal(1, guest.System.Threads.Count);
        Assert.Equal(0, guest.System.ProcessCount);
    }

    /// <summary>The parent does not run, and no signal but a deadly one makes it, until the child has left the memory.</summary>
    [Theory]
    [InlineData(SyscallNumber.exit_group)]
    [InlineData(SyscallNumber.execve)]
    public void Vfork_Parent_WaitsUntilTheChildHasLeft(SyscallNumber leaving)
    {
        Guest guest = new();
        bool hasLeft = false;
        guest.SetHandler(Signal.SIGUSR1);
        guest.Do(() => guest.Memory.CopyOut(WordAt + 8, "/other\0"u8));
        guest.Main.Call(SyscallNumber.vfork);
        guest.Children.Enqueue((child, script) => script
            .Do(() => Assert.True(child.Process.AddressSpace.Memory.TryWrite(new UserPtr<int>(WordAt), 5)))
            .Call(SyscallNumber.sched_yield)
            .Call(SyscallNumber.kill, 1, (ulong)Signal.SIGUSR1)
            .Call(SyscallNumber.sched_yield)
            .Do(() => hasLeft = true)
            .Call(leaving, leaving == SyscallNumber.execve ? WordAt + 8 : 3));
        guest.Main.Do(() =>
        {
            Assert.True(hasLeft);
            Assert.Equal(5, guest.Read<int>(WordAt));
            Assert.Equal(1, guest.Process.AddressSpace.UserCount);
        }).ReturnFromHandler().Do(() => Assert.Equal(2UL, guest.MainThread.Registers.Rax));
        guest.Main.Call(SyscallNumber.wait4, AnyChild, StatusAt);
        guest.Run();
        Assert.Equal(2, guest.Main.Results[^1]);
    }

    [Fact]
    public void Vfork_ParentIsKilled_EndsAtOnceAndTheChildGoesOn()
    {
        Guest guest = new();
        guest.Main.Call(SyscallNumber.fork).Call(SyscallNumber.wait4, AnyChild, StatusAt).Call(SyscallNumber.wait4, AnyChild, StatusAt);
        bool hasGoneOn = false;
        guest.Children.Enqueue((child, script) =>
        {
            script.Call(SyscallNumber.vfork);
            guest.Children.Enqueue((_, grandchild) => grandchild
                .Call(SyscallNumber.kill, (ulong)child.Tid, (ulong)Signal.SIGKILL)
                .Call(SyscallNumber.sched_yield)
                .Do(() => hasGoneOn = child.Process.HasEnded)
                .Call(SyscallNumber.exit_group, 1));
        });
        guest.Run();
        Assert.True(hasGoneOn);
        Assert.Equal([2, 2, 3], guest.Main.Results);
    }

    [Fact]
    public void Exec_WhatWasSharedWithOthers_IsTheProgramsOwn()
    {
        const CloneFlags Flags = CloneFlags.CLONE_VM | CloneFlags.CLONE_SIGHAND | CloneFlags.CLONE_FILES | CloneFlags.CLONE_FS;
        Guest guest = new();
        guest.SetHandler(Signal.SIGUSR1);
        guest.Do(() => guest.Memory.CopyOut(WordAt, "/other\0"u8));
        guest.Main.Call(SyscallNumber.clone, (ulong)(Flags | CloneFlags.SIGCHLD), Guest.StackTop - 0x800);
        guest.Children.Enqueue((child, script) => script
            .Do(() =>
            {
                Assert.Same(guest.Process.AddressSpace, child.Process.AddressSpace);
                Assert.Same(guest.Process.Handlers, child.Process.Handlers);
                Assert.Same(guest.MainThread.Files, child.Files);
            })
            .Call(SyscallNumber.umask, 0x3F)
            .Call(SyscallNumber.execve, WordAt)
            .Do(() =>
            {
                Assert.NotSame(guest.Process.AddressSpace, child.Process.AddressSpace);
                Assert.NotSame(guest.Process.Handlers, child.Process.Handlers);
                Assert.NotSame(guest.MainThread.Files, child.Files);
                Assert.Equal(SignalHandler.SIG_DFL, child.Process.Handlers[Signal.SIGUSR1].sa_handler);
                Assert.NotEqual(SignalHandler.SIG_DFL, guest.Process.Handlers[Signal.SIGUSR1].sa_handler);
            })
            .Call(SyscallNumber.exit_group, 0));
        guest.Main.Call(SyscallNumber.wait4, AnyChild, StatusAt)
            .Call(SyscallNumber.umask, 0)
            .Do(() =>
            {
                Assert.Equal(1, guest.Process.AddressSpace.UserCount);
                Assert.Equal(1, guest.Process.Handlers.UserCount);
                Assert.Equal(1, guest.MainThread.Files.UserCount);
            });
        guest.Run();
        Assert.Equal([0, 2, 2, 0x3F], guest.Main.Results);
    }

    /// <summary>What a wait that is interrupted by the very SIGCHLD has to tell comes before EINTR.</summary>
    [Fact]
    public void Wait4_HandlerForSigchld_TellsOfTheChildFirst()
    {
        Guest guest = new();
        guest.SetHandler(Signal.SIGCHLD);
        guest.Main.Call(SyscallNumber.fork);
        guest.Children.Enqueue((_, script) => script.Call(SyscallNumber.exit_group, 9));
        guest.Main.Call(SyscallNumber.wait4, AnyChild, StatusAt).ReturnFromHandler();
        guest.Main.Do(() =>
        {
            Assert.Equal(2UL, guest.MainThread.Registers.Rax);
            Assert.Equal(9 << 8, guest.Read<int>(StatusAt));
        });
        guest.Run();
    }

    [Theory]
    [InlineData(0UL, WaitOptions.None, -(long)Errno.ECHILD)]
    [InlineData(0UL, WaitOptions.__WCLONE, 2)]
    [InlineData(0UL, WaitOptions.__WALL, 2)]
    [InlineData((ulong)Signal.SIGCHLD, WaitOptions.__WCLONE, -(long)Errno.ECHILD)]
    [InlineData((ulong)Signal.SIGCHLD, WaitOptions.__WNOTHREAD, 2)]
    public void Wait4_ChildrenOfBothKinds_AreToldApart(ulong exitSignal, WaitOptions options, long expected)
    {
        Guest guest = new();
        guest.Main.Call(SyscallNumber.clone, exitSignal);
        guest.Children.Enqueue((_, script) => script.Call(SyscallNumber.exit_group, 0));
        guest.Main.Call(SyscallNumber.wait4, AnyChild, StatusAt, (ulong)options);
        guest.Run();
        Assert.Equal([2, expected], guest.Main.Results);
    }

    [Fact]
    public void End_OrphanAndZombie_GoToTheFirstProcess()
    {
        Guest guest = new();
        guest.Main.Call(SyscallNumber.fork);
        guest.Children.Enqueue((child, script) =>
        {
            script.Call(SyscallNumber.fork).Call(SyscallNumber.fork);
            guest.Children.Enqueue((_, zombie) => zombie.Call(SyscallNumber.exit_group, 1));
            guest.Children.Enqueue((orphan, grandchild) => grandchild
                .Call(SyscallNumber.sched_yield)
                .Call(SyscallNumber.sched_yield)
                .Do(() => Assert.Equal(1, orphan.Process.ParentPid))
                .Call(SyscallNumber.exit_group, 2));
            script.Call(SyscallNumber.sched_yield).Call(SyscallNumber.exit_group, 3);
        });
        for (int i = 0; i < 4; i++)
        {
            guest.Main.Call(SyscallNumber.wait4, AnyChild, StatusAt);
        }

        guest.Run();
        Assert.Equal([2, 3, 4], guest.Main.Results[1..4].Order());
        Assert.Equal(-(long)Errno.ECHILD, guest.Main.Results[4]);
    }

    [Fact]
    public void Fork_OfAUserAtItsLimit_IsRefused()
    {
        Guest guest = new();
        guest.Do(() => guest.Process.SetLimit(RlimitResource.RLIMIT_NPROC, new Rlimit { rlim_cur = 1, rlim_max = 1 }));
        guest.Main.Call(SyscallNumber.fork);
        guest.Children.Enqueue((_, script) => script.Call(SyscallNumber.exit_group));
        guest.Main.Call(SyscallNumber.wait4, AnyChild).Call(SyscallNumber.setuid, 1000).Call(SyscallNumber.fork);
        guest.Run();
        Assert.Equal([2, 2, 0, -(long)Errno.EAGAIN], guest.Main.Results);
    }

    /// <summary>clone(2) takes any number of 8 bits for the signal; one that is none sends nothing.</summary>
    [Theory]
    [InlineData(65)]
    [InlineData(255)]
    public void Clone_ExitSignalThatIsNone_SendsNothing(ulong number)
    {
        Guest guest = new();
        guest.Main.Call(SyscallNumber.clone, number);
        guest.Children.Enqueue((_, script) => script.Call(SyscallNumber.exit_group, 3));
        guest.Main.Call(SyscallNumber.wait4, AnyChild, StatusAt, (ulong)WaitOptions.__WCLONE);
        guest.Main.Do(() => Assert.True(guest.MainThread.AllPending.IsEmpty));
        guest.Run();
        Assert.Equal([2, 2], guest.Main.Results);
    }

    /// <summary>While one that was ended for want of memory is about to go, nobody else is.</summary>
    [Fact]
    public void MemoryRunsOut_Twice_EndsOneAndSparesTheFirstAmongEquals()
    {
        Guest guest = new();
        guest.Main.Call(SyscallNumber.fork).Call(SyscallNumber.fork);
        for (int i = 0; i < 2; i++)
        {
            guest.Children.Enqueue((_, script) => script.Call(SyscallNumber.pause));
        }

        guest.Main.Call(SyscallNumber.sched_yield).Do(() =>
        {
            guest.Process.AddressSpace.WhenMemoryRunsOut!();
            guest.Process.AddressSpace.WhenMemoryRunsOut!();
            Assert.False(guest.Process.IsExiting);
            Assert.Single(guest.Process.Children, child => child.IsExiting);
        });
        guest.Main.Call(SyscallNumber.wait4, AnyChild, StatusAt);
        guest.Run();
        Assert.Equal([2, 3, 0, 3], guest.Main.Results);
    }

    [Fact]
    public void Clone3_NumberOfTheCallersChoice_IsGivenOnce()
    {
        Guest guest = new();
        guest.Do(() =>
        {
            guest.Write(WordAt, 300);
            guest.Write(Guest.Data, new CloneArgs { exit_signal = (ulong)Signal.SIGCHLD, set_tid = WordAt, set_tid_size = 1 });
        });
        guest.Main.Call(SyscallNumber.clone3, Guest.Data, 88).Call(SyscallNumber.clone3, Guest.Data, 88);
        guest.Children.Enqueue((_, script) => script.Call(SyscallNumber.exit_group));
        guest.Main.Call(SyscallNumber.wait4, AnyChild);
        guest.Run();
        Assert.Equal([300, -(long)Errno.EEXIST, 300], guest.Main.Results);
    }

    /// <summary>A stop is told once, to who asks for it; SIGCONT takes it back.</summary>
    [Fact]
    public void Wait4_StoppedChild_IsToldOnceAndNotWhenItGoesOnAgain()
    {
        const ulong Stopped = (ulong)(WaitOptions.WUNTRACED | WaitOptions.WNOHANG);
        const ulong Continued = (ulong)(WaitOptions.WCONTINUED | WaitOptions.WNOHANG);
        Guest guest = new();
        guest.Main.Call(SyscallNumber.fork);
        guest.Children.Enqueue((_, script) => script.Call(SyscallNumber.pause).Call(SyscallNumber.exit_group));
        guest.Main.Call(SyscallNumber.sched_yield)
            .Call(SyscallNumber.kill, 2, (ulong)Signal.SIGSTOP)
            .Call(SyscallNumber.sched_yield)
            .Call(SyscallNumber.wait4, AnyChild, StatusAt, (ulong)WaitOptions.WNOHANG)
            .Call(SyscallNumber.wait4, AnyChild, StatusAt, Stopped)
            .Call(SyscallNumber.wait4, AnyChild, StatusAt, Stopped)
            .Do(() => Assert.Equal(((int)Signal.SIGSTOP << 8) | 0x7F, guest.Read<int>(StatusAt)))
            .Call(SyscallNumber.kill, 2, (ulong)Signal.SIGCONT)
            .Call(SyscallNumber.wait4, AnyChild, StatusAt, Stopped)
            .Call(SyscallNumber.wait4, AnyChild, StatusAt, Continued)
            .Do(() => Assert.Equal(0xFFFF, guest.Read<int>(StatusAt)))
            .Call(SyscallNumber.wait4, AnyChild, StatusAt, Continued)
            .Call(SyscallNumber.kill, 2, (ulong)Signal.SIGKILL)
            .Call(SyscallNumber.wait4, AnyChild, StatusAt)
            .Do(() => Assert.Equal((int)Signal.SIGKILL, guest.Read<int>(StatusAt)));
        guest.Run();
        Assert.Equal([2, 0, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 2], guest.Main.Results);
    }
}
