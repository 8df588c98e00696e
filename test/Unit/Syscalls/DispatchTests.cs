using Semitone.Abi;
using Semitone.Machine;
using Semitone.Unit.Tasks;

namespace Semitone.Unit.Syscalls;

/// <summary>The way from registers to handler and back.</summary>
public sealed class DispatchTests
{
    private readonly Guest _guest = new();

    [Theory]
    [InlineData(SyscallNumber.getppid, 0, 0)]
    [InlineData(SyscallNumber.gettid, 0, 0)]
    [InlineData(SyscallNumber.sched_yield, 0, 0)]
    [InlineData(SyscallNumber.clock_gettime, 1, 0)]
    [InlineData(SyscallNumber.clock_gettime, 1, Guest.Data)]
    [InlineData(SyscallNumber.futex, Guest.Data, 129)]
    [InlineData(SyscallNumber.brk, 0, 0)]
    [InlineData(SyscallNumber.read, 0, Guest.Data)]
    [InlineData(SyscallNumber.epoll_wait, 0, Guest.Data)]
    [InlineData(SyscallNumber.rt_sigprocmask, 0, 0)]
    [InlineData(SyscallNumber.madvise, 0, 0)]
    [InlineData(SyscallNumber.add_key, 0, 0)]
    public void Invoke_CallThatDoesNotWait_AllocatesNothing(SyscallNumber number, ulong a0, ulong a1)
    {
        ref GuestRegisters registers = ref _guest.MainThread.Registers;
        long allocated = 0;
        for (int i = 0; i < 4; i++)
        {
            Set(ref registers, number, a0, a1, 1, 8);
            long before = GC.GetAllocatedBytesForCurrentThread();
            _guest.MainThread.Syscalls.Invoke(ref registers);
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Assert.Equal(0, allocated);
        Assert.False(_guest.MainThread.IsParked);
    }

    [Fact]
    public void Invoke_UpperHalfOfTheNumber_IsIgnored()
    {
        ref GuestRegisters registers = ref _guest.MainThread.Registers;
        Set(ref registers, SyscallNumber.getpid, 0, 0, 0, 0);
        registers.Rax |= 0xFFFF_FFFF_0000_0000;
        _guest.MainThread.Syscalls.Invoke(ref registers);
        Assert.Equal((ulong)_guest.Process.Pid, registers.Rax);
    }

    [Theory]
    [InlineData(248UL)]
    [InlineData(462UL)]
    [InlineData(9999UL)]
    [InlineData(0xFFFF_FFFFUL)]
    public void Invoke_NoHandler_IsEnosysAndCounted(ulong number)
    {
        ref GuestRegisters registers = ref _guest.MainThread.Registers;
        registers.Rax = number;
        _guest.MainThread.Syscalls.Invoke(ref registers);
        Assert.Equal(-(long)Errno.ENOSYS, (long)registers.Rax);
        Assert.Equal(1UL, _guest.Dispatcher.Missing.Total);
    }

    private static void Set(ref GuestRegisters registers, SyscallNumber number, ulong a0, ulong a1, ulong a2, ulong a3)
    {
        registers.Rax = (ulong)number;
        registers.OrigRax = (ulong)number;
        registers.Rdi = a0;
        registers.Rsi = a1;
        registers.Rdx = a2;
        registers.R10 = a3;
    }
}
