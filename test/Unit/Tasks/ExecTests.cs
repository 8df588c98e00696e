using Semitone.Abi;
using Semitone.Tasks;

namespace Semitone.Unit.Tasks;

public class ExecTests
{
    private const ulong PathAt = Guest.Data + 0x600;

    [Fact]
    public void Execve_AnotherProgram_StartsItInPlace()
    {
        Guest guest = new();
        guest.Do(() => Assert.Equal(7, guest.Memory.CopyOut(PathAt, "/other\0"u8)));
        guest.Main.Call(SyscallNumber.execve, PathAt, 0, 0);
        guest.Main.Do(() =>
        {
            Assert.Equal("other"u8, guest.MainThread.Name.Bytes);
            Assert.Equal(Guest.Base + 0x1000, guest.MainThread.Registers.Rip);
            Assert.Equal(0UL, guest.MainThread.Registers.Rbx);
            Assert.Equal(0UL, guest.Read<ulong>(PathAt));
        });
        guest.Main.Call(SyscallNumber.exit_group, 4);
        Assert.Equal(4, guest.Run().ShellStatus);
    }

    [Fact]
    public void Personality_NoRandomizing_IsKeptAndFixesAddressesOfTheNextProgram()
    {
        const ulong NoRandomize = (ulong)Persona.ADDR_NO_RANDOMIZE;
        List<ulong> stacks = [];
        foreach (int drawn in (int[])[0, 8])
        {
            Guest guest = new();
            guest.Machine.GetEntropy(new byte[drawn]); // other numbers come next
            guest.Do(() => guest.Memory.CopyOut(PathAt, "/other\0"u8));
            guest.Main.Call(SyscallNumber.personality, NoRandomize).Call(SyscallNumber.personality, uint.MaxValue);
            guest.Main.Call(SyscallNumber.personality, (ulong)Persona.MMAP_PAGE_ZERO);
            guest.Main.Call(SyscallNumber.execve, PathAt, 0, 0);
            guest.Main.Do(() => stacks.Add(guest.MainThread.Registers.Rsp));
            guest.Main.Call(SyscallNumber.personality, uint.MaxValue);
            guest.Run();
            Assert.Equal([0, (long)NoRandomize, -(long)Errno.EINVAL, 0, (long)NoRandomize], guest.Main.Results);
        }

        Assert.Equal(stacks[0], stacks[1]);
    }

    [Fact]
    public void Execveat_Descriptor_IsTheProgram()
    {
        Guest guest = new();
        guest.Do(() => Assert.Equal(8, guest.Memory.CopyOut(PathAt, "/other\0\0"u8)));
        guest.Main.Call(SyscallNumber.open, PathAt);
        guest.Main.Call(SyscallNumber.dup2, 0, 3);
        guest.Main.Call(SyscallNumber.execveat, 3, PathAt + 7, 0, 0, 0x8000);
        guest.Main.Call(SyscallNumber.execveat, 3, PathAt + 7);
        guest.Main.Call(SyscallNumber.execveat, 4, PathAt + 7, 0, 0, (ulong)ExecveAtFlags.AT_EMPTY_PATH);
        guest.Main.Call(SyscallNumber.execveat, 3, PathAt + 7, 0, 0, (ulong)ExecveAtFlags.AT_EMPTY_PATH);
        guest.Main.Do(() => Assert.Equal("3"u8, guest.MainThread.Name.Bytes));
        guest.Main.Call(SyscallNumber.exit_group, 4);
        Assert.Equal(4, guest.Run().ShellStatus);
        Assert.Equal([0, 3, -(long)Errno.EINVAL, -(long)Errno.ENOENT, -(long)Errno.EBADF, 0], guest.Main.Results);
    }

    [Fact]
    public void Execve_NoSuchFile_ChangesNothing()
    {
        Guest guest = new();
        guest.Do(() => guest.Memory.CopyOut(PathAt, "/nowhere\0"u8));
        guest.Main.Call(SyscallNumber.execve, PathAt, 0, 0);
        guest.Main.Do(() => Assert.Equal("hello"u8, guest.MainThread.Name.Bytes));
        guest.Run();
        Assert.Equal([-(long)Errno.ENOENT], guest.Main.Results);
    }

    [Fact]
    public void Execve_FromAnotherThread_LeavesOneThreadWithTheNumberOfTheFirst()
    {
        Guest guest = new();
        guest.Do(() => guest.Memory.CopyOut(PathAt, "/other\0"u8));
        ThreadScript? script = null;
        GuestThread? caller = null;
        guest.MakeThread(
            child => script = child.Call(SyscallNumber.execve, PathAt, 0, 0).Call(SyscallNumber.gettid).Call(SyscallNumber.exit_group, 9),
            started: thread => caller = thread);
        guest.Main.Call(SyscallNumber.pause);
        Assert.Equal(9, guest.Run().ShellStatus);
        Assert.Equal([0, 1], script!.Results);
        Assert.Equal(1, caller!.Tid);
    }

    [Fact]
    public void Execve_FromTwoThreadsAtOnce_OneOfThemWins()
    {
        Guest guest = new();
        guest.Do(() => guest.Memory.CopyOut(PathAt, "/other\0"u8));
        ThreadScript? second = null;
        guest.MakeThread(child => child.Call(SyscallNumber.execve, PathAt, 0, 0).Call(SyscallNumber.exit_group, 9));
        guest.MakeThread(child => second = child.Call(SyscallNumber.execve, PathAt, 0, 0).Call(SyscallNumber.exit_group, 8));
        guest.Main.Call(SyscallNumber.pause);
        Assert.Equal(9, guest.Run().ShellStatus);
        Assert.Empty(second!.Results);
    }

    [Fact]
    public void Exit_WhileAnotherExecutes_EndsTheProcess()
    {
        Guest guest = new();
        guest.Do(() => guest.Memory.CopyOut(PathAt, "/other\0"u8));
        guest.MakeThread(child => child.Call(SyscallNumber.execve, PathAt, 0, 0));
        guest.Main.Call(SyscallNumber.exit_group, 2);
        Assert.Equal(2, guest.Run().ShellStatus);
    }
}
