using Semitone.Abi;
using Semitone.Core;
using Semitone.Machine;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>Making threads.</summary>
public static class CloneSyscalls
{
    /// <summary>What a thread of the same program shares with its maker.</summary>
    private const CloneFlags ThreadFlags =
        CloneFlags.CLONE_VM | CloneFlags.CLONE_FS | CloneFlags.CLONE_FILES | CloneFlags.CLONE_SIGHAND | CloneFlags.CLONE_THREAD;

    /// <summary>What may come with it. The last three have no effect in Linux either, or none here.</summary>
    private const CloneFlags OptionalFlags =
        CloneFlags.CLONE_SETTLS | CloneFlags.CLONE_PARENT_SETTID | CloneFlags.CLONE_CHILD_CLEARTID | CloneFlags.CLONE_CHILD_SETTID
        | CloneFlags.CLONE_SYSVSEM | CloneFlags.CLONE_DETACHED | CloneFlags.CLONE_IO | CloneFlags.CLONE_PTRACE | CloneFlags.CLONE_UNTRACED;

    [Syscall(56, "clone", Returns = Returns.Pid, Missing = "new processes")]
    public static SysResult Clone(
        SyscallContext context,
        CloneFlags flags,
        [Trace(TraceFormat.Address)] ulong stack,
        [Out] UserPtr<int> parentTid,
        [Trace(TraceFormat.Address)] ulong childTid,
        [Trace(TraceFormat.Address)] ulong tls)
    {
        CloneArgs arguments = new()
        {
            flags = flags & ~CloneFlags.CSIGNAL,
            exit_signal = (ulong)(flags & CloneFlags.CSIGNAL),
            stack = stack,
            parent_tid = parentTid.Address,
            child_tid = childTid,
            tls = tls,
        };
        return Make(context, in arguments, stack);
    }

    [Syscall(435, "clone3", Returns = Returns.Pid, Missing = "new processes")]
    public static SysResult Clone3(SyscallContext context, UserPtr<CloneArgs> pointer, nuint size)
    {
        const int Largest = 4096;
        Span<byte> bytes = stackalloc byte[CloneArgsSize];
        bytes.Clear();
        if (size < CloneArgs.SizeVersion0)
        {
            return Errno.EINVAL;
        }

        if (size > Largest)
        {
            return Errno.E2BIG;
        }

        int known = (int)Math.Min(size, CloneArgsSize);
        if (context.Memory.CopyIn(pointer.Address, bytes[..known]) != known)
        {
            return Errno.EFAULT;
        }

        // What a later version of the structure has must not be asked for (clone(2), "E2BIG").
        for (ulong offset = CloneArgsSize; offset < size; offset++)
        {
            if (!context.Memory.TryRead(new UserPtr<byte>(pointer.Address + offset), out byte value))
            {
                return Errno.EFAULT;
            }

            if (value != 0)
            {
                return Errno.E2BIG;
            }
        }

        CloneArgs arguments = System.Runtime.InteropServices.MemoryMarshal.Read<CloneArgs>(bytes);
        bool isStackBroken = arguments.stack == 0 ? arguments.stack_size != 0 : arguments.stack_size == 0;
        if (isStackBroken
            || (arguments.flags & (CloneFlags.CSIGNAL | CloneFlags.CLONE_DETACHED)) != 0
            || arguments.exit_signal > (ulong)Signal.SIGRTMAX)
        {
            return Errno.EINVAL;
        }

        if (arguments.set_tid_size != 0)
        {
            return context.AnswerMissing();
        }

        return Make(context, in arguments, arguments.stack + arguments.stack_size);
    }

    private const int CloneArgsSize = 88;

    private static SysResult Make(SyscallContext context, in CloneArgs arguments, ulong stackPointer)
    {
        CloneFlags flags = arguments.flags;
        bool needsHandlers = (flags & CloneFlags.CLONE_THREAD) != 0 && (flags & CloneFlags.CLONE_SIGHAND) == 0;
        bool needsMemory = (flags & CloneFlags.CLONE_SIGHAND) != 0 && (flags & CloneFlags.CLONE_VM) == 0;
        if (needsHandlers || needsMemory)
        {
            return Errno.EINVAL;
        }

        if ((flags & ThreadFlags) != ThreadFlags || (flags & ~(ThreadFlags | OptionalFlags)) != 0)
        {
            return context.AnswerMissing();
        }

        if ((flags & CloneFlags.CLONE_SETTLS) != 0 && arguments.tls >= Paging.UserEnd)
        {
            return Errno.EPERM;
        }

        GuestThread parent = context.Thread;
        Errno error = context.Process.TryCreateThread(out GuestThread? child);
        if (error != Errno.None)
        {
            return error;
        }

        if ((flags & CloneFlags.CLONE_PARENT_SETTID) != 0)
        {
            // As Linux, which has made the thread by then: a bad address is no error.
            _ = context.Memory.TryWrite(new UserPtr<int>(arguments.parent_tid), child!.Tid);
        }

        if ((flags & CloneFlags.CLONE_CHILD_SETTID) != 0)
        {
            _ = context.Memory.TryWrite(new UserPtr<int>(arguments.child_tid), child!.Tid);
        }

        child!.InheritFrom(parent);
        ref GuestRegisters registers = ref child.Registers;
        registers.Rax = 0;
        registers.OrigRax = ulong.MaxValue;
        if (stackPointer != 0)
        {
            registers.Rsp = stackPointer;
        }

        if ((flags & CloneFlags.CLONE_SETTLS) != 0)
        {
            registers.FsBase = arguments.tls;
        }

        if ((flags & CloneFlags.CLONE_CHILD_CLEARTID) != 0)
        {
            child.ClearChildTid = arguments.child_tid;
        }

        child.Start();
        return child.Tid;
    }
}
