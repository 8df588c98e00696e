using Semitone.Abi;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>membarrier(2).</summary>
/// <remarks>
/// With one CPU every barrier holds: a switch between threads goes through the kernel. What is left are the rules of who may ask.
/// </remarks>
public static class MembarrierSyscalls
{
    private const MembarrierCommand Registering =
        MembarrierCommand.MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED
        | MembarrierCommand.MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED
        | MembarrierCommand.MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE;

    private const MembarrierCommand Supported =
        Registering
        | MembarrierCommand.MEMBARRIER_CMD_GLOBAL
        | MembarrierCommand.MEMBARRIER_CMD_GLOBAL_EXPEDITED
        | MembarrierCommand.MEMBARRIER_CMD_PRIVATE_EXPEDITED
        | MembarrierCommand.MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE;

    [Syscall(324, "membarrier", Returns = Returns.Value, Missing = "restartable sequences")]
    public static SysResult Membarrier(SyscallContext context, MembarrierCommand command, uint flags, int cpu)
    {
        if (flags != 0)
        {
            return Errno.EINVAL;
        }

        Process process = context.Process;
        switch (command)
        {
            case MembarrierCommand.MEMBARRIER_CMD_QUERY:
                return (long)Supported;
            case MembarrierCommand.MEMBARRIER_CMD_GLOBAL:
            case MembarrierCommand.MEMBARRIER_CMD_GLOBAL_EXPEDITED:
                return SysResult.Success;
            case MembarrierCommand.MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED:
            case MembarrierCommand.MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED:
            case MembarrierCommand.MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE:
                process.RegisteredBarriers |= command;
                return SysResult.Success;
            case MembarrierCommand.MEMBARRIER_CMD_PRIVATE_EXPEDITED:
                return Check(process, MembarrierCommand.MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
            case MembarrierCommand.MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE:
                return Check(process, MembarrierCommand.MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE);
            default:
                return Errno.EINVAL;
        }
    }

    /// <summary>A process must have said before that it will ask.</summary>
    private static SysResult Check(Process process, MembarrierCommand registration) =>
        (process.RegisteredBarriers & registration) != 0 ? SysResult.Success : Errno.EPERM;
}
