using System.Runtime.CompilerServices;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>kcmp(2): whether two processes share something.</summary>
public static class CompareSyscalls
{
    private const int Equal = 0;
    private const int Less = 1;
    private const int Greater = 2;
    private const int Unordered = 3;

    [Syscall(312, "kcmp", Returns = Returns.Value, Missing = "KCMP_EPOLL_TFD")]
    public static SysResult Compare(
        SyscallContext context,
        [Trace(TraceFormat.Pid)] int pid,
        [Trace(TraceFormat.Pid)] int otherPid,
        KcmpType type,
        ulong index,
        ulong otherIndex)
    {
        IdTable<GuestThread> threads = context.System.Threads;
        if (!threads.TryGet(pid, out GuestThread? thread) || !threads.TryGet(otherPid, out GuestThread? other))
        {
            return Errno.ESRCH;
        }

        if (!context.Thread.MayInspect(thread, byFileUser: false) || !context.Thread.MayInspect(other, byFileUser: false))
        {
            return Errno.EPERM;
        }

        switch (type)
        {
            case KcmpType.KCMP_FILE:
                return thread.Files.TryGetAny(new Fd((int)index), out OpenFile? file, out _)
                    && other.Files.TryGetAny(new Fd((int)otherIndex), out OpenFile? otherFile, out _)
                    ? Order(file, otherFile)
                    : Errno.EBADF;
            case KcmpType.KCMP_VM:
                return Order(thread.Process.AddressSpace, other.Process.AddressSpace);
            case KcmpType.KCMP_FILES:
                return Order(thread.Files, other.Files);
            case KcmpType.KCMP_FS:
                return Order(thread.FileSystem.Place, other.FileSystem.Place);
            case KcmpType.KCMP_SIGHAND:
                return Order(thread.Process.Handlers, other.Process.Handlers);
            case KcmpType.KCMP_IO:
                // Nobody has a context of that kind, and so all have the same.
                return Equal;
            case KcmpType.KCMP_SYSVSEM:
                return Order(thread.Process.SharedSemaphoreUndos, other.Process.SharedSemaphoreUndos);
            case KcmpType.KCMP_EPOLL_TFD:
                return context.AnswerMissing();
            default:
                return Errno.EINVAL;
        }
    }

    /// <summary>
    /// Puts two objects in an order that stays the same as long as they live, but for few, of which it is only told that they differ.
    /// </summary>
    private static SysResult Order(object? left, object? right)
    {
        if (ReferenceEquals(left, right))
        {
            return Equal;
        }

        int difference = Hash(left).CompareTo(Hash(right));
        return difference == 0 ? Unordered : difference < 0 ? Less : Greater;
    }

    private static int Hash(object? value) => value is null ? 0 : RuntimeHelpers.GetHashCode(value);
}
