using Semitone.Abi;
using Semitone.Unit.Tasks;
using static Semitone.Abi.SyscallNumber;

namespace Semitone.Unit.Syscalls;

/// <summary>process_vm_readv(2) and its kin, kcmp(2), and record locks that wait for each other.</summary>
public sealed class ProcessMemoryTests
{
    private const ulong Local = Guest.Data + 0x800;
    private const ulong Remote = Guest.Data + 0x840;
    private const ulong Text = Guest.Data + 0x900;
    private const ulong Target = Guest.Data + 0xA00;
    private const ulong Name = Guest.Data + 0xC00;
    private const ulong Lock = Guest.Data + 0xD00;

    private readonly Guest _guest = new();

    [Fact]
    public void Copy_OtherProcess_BothWays()
    {
        _guest.Children.Enqueue((_, script) => script
            .Call(sched_yield).Call(sched_yield).Call(sched_yield).Call(sched_yield).Call(sched_yield));
        _guest.Main.Do(() => _guest.Write(Text, 1UL)).Call(fork)
            .Do(() =>
            {
                _guest.Write(Text, 2UL);
                _guest.Write(Local, new UserSpan(Target, 8));
                _guest.Write(Remote, new UserSpan(Text, 8));
            })
            .Call(process_vm_readv, 2, Local, 1, Remote, 1, 0)
            .Do(() => Assert.Equal(1UL, _guest.Read<ulong>(Target)))
            .Do(() => _guest.Write(Target, 3UL))
            .Call(process_vm_writev, 2, Local, 1, Remote, 1, 0)
            .Do(() => _guest.Write(Target, 0UL))
            .Call(process_vm_readv, 2, Local, 1, Remote, 1, 0)
            .Do(() => Assert.Equal((3UL, 2UL), (_guest.Read<ulong>(Target), _guest.Read<ulong>(Text))))
            .Call(process_vm_readv, 2, Local, 1, Remote, 1, 1).Call(process_vm_readv, 77, Local, 1, Remote, 1, 0)
            .Do(() => _guest.Write(Remote, new UserSpan(8, 8)))
            .Call(process_vm_readv, 2, Local, 1, Remote, 1, 0)
            .Call(kcmp, 1, 2, (ulong)KcmpType.KCMP_VM).Call(kcmp, 1, 1, (ulong)KcmpType.KCMP_VM).Call(kcmp, 1, 2, 99);
        _guest.Run();
        Assert.Equal([8, 8, 8, -(long)Errno.EINVAL, -(long)Errno.ESRCH, -(long)Errno.EFAULT], _guest.Main.Results.Skip(1).Take(6));
        Assert.InRange(_guest.Main.Results[7], 1, 3);
        Assert.Equal([0, -(long)Errno.EINVAL], _guest.Main.Results.Skip(8));
    }

    [Fact]
    public void RecordLocks_WaitForEachOther_SecondIsRefused()
    {
        ThreadScript? other = null;
        _guest.Children.Enqueue((_, script) => other = script
            .Call(fcntl, 0, (ulong)FcntlCommand.F_SETLKW, Lock + 0x40)
            .Call(fcntl, 0, (ulong)FcntlCommand.F_SETLKW, Lock));
        _guest.Main.Do(() =>
            {
                Assert.True(_guest.Memory.TryWrite<byte>(new UserPtr<byte>(Name), "/locked\0"u8));
                _guest.Write(Lock, new Flock { l_type = LockType.F_WRLCK, l_start = 0, l_len = 1 });
                _guest.Write(Lock + 0x40, new Flock { l_type = LockType.F_WRLCK, l_start = 1, l_len = 1 });
                _guest.Write(Lock + 0x80, new Flock { l_type = LockType.F_UNLCK, l_start = 0, l_len = 1 });
            })
            .Call(open, Name, (ulong)(OpenFlags.O_CREAT | OpenFlags.O_RDWR), 0x180)
            .Call(fcntl, 0, (ulong)FcntlCommand.F_SETLKW, Lock)
            .Call(fork).Call(sched_yield).Call(sched_yield)
            .Call(fcntl, 0, (ulong)FcntlCommand.F_SETLKW, Lock + 0x40)
            .Call(fcntl, 0, (ulong)FcntlCommand.F_SETLK, Lock + 0x80)
            .Call(wait4, ulong.MaxValue, 0, 0, 0);
        _guest.Run();
        Assert.Equal(-(long)Errno.EDEADLK, _guest.Main.Results[5]);
        Assert.Equal([0, 0], other!.Results);
    }
}
