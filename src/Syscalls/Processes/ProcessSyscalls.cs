using Semitone.Abi;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>The family of processes and threads: who am I, and ending.</summary>
public static class ProcessSyscalls
{
    [Syscall(39, "getpid", Returns = Returns.Pid)]
    public static SysResult GetPid(SyscallContext context) => context.Process.Pid;

    [Syscall(186, "gettid", Returns = Returns.Pid)]
    public static SysResult GetTid(SyscallContext context) => context.Thread.Tid;

    [Syscall(110, "getppid", Returns = Returns.Pid)]
    public static SysResult GetParentPid(SyscallContext context) => context.Process.ParentPid;

    [Syscall(135, "personality", Returns = Returns.Value, Missing = "MMAP_PAGE_ZERO, which is refused; ADDR_COMPAT_LAYOUT changes nothing")]
    public static SysResult SetPersonality(SyscallContext context, Persona persona)
    {
        const Persona Query = (Persona)uint.MaxValue;
        Persona old = context.Process.Persona;
        if (persona != Query)
        {
            if ((persona & Persona.MMAP_PAGE_ZERO) != 0)
            {
                // The kernel needs the first page unmapped.
                return Errno.EINVAL;
            }

            context.Process.Persona = persona;
        }

        return (long)old;
    }

    [Syscall(60, "exit", Returns = Returns.Never)]
    public static SysResult Exit(SyscallContext context, int status)
    {
        context.Thread.Exit(status);
        return SysResult.Success;
    }

    [Syscall(231, "exit_group", Returns = Returns.Never)]
    public static SysResult ExitGroup(SyscallContext context, int status)
    {
        context.Process.Exit(ExitStatus.FromCode(status));
        return SysResult.Success;
    }

    [Syscall(218, "set_tid_address", Returns = Returns.Pid)]
    public static SysResult SetTidAddress(SyscallContext context, UserPtr<int> address)
    {
        context.Thread.ClearChildTid = address.Address;
        return context.Thread.Tid;
    }
}
