using Semitone.Abi;
using Semitone.Core;
using Semitone.Machine;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>Making threads and processes (clone(2), fork(2), vfork(2)), and ceasing to share (unshare(2)).</summary>
public static class CloneSyscalls
{
    private const CloneFlags Namespaces =
        CloneFlags.CLONE_NEWNS | CloneFlags.CLONE_NEWCGROUP | CloneFlags.CLONE_NEWUTS | CloneFlags.CLONE_NEWIPC | CloneFlags.CLONE_NEWUSER
        | CloneFlags.CLONE_NEWPID | CloneFlags.CLONE_NEWNET;

    /// <summary>Bytes of <see cref="CloneArgs"/>.</summary>
    private const int CloneArgsSize = 88;

    [Syscall(56, "clone", Returns = Returns.Pid, Missing = "namespaces, which are refused as to a user without privileges")]
    public static SysResult Clone(
        SyscallContext context,
        CloneFlags flags,
        [Trace(TraceFormat.Address)] ulong stack,
        [Out] UserPtr<int> parentTid,
        [Trace(TraceFormat.Address)] ulong childTid,
        [Trace(TraceFormat.Address)] ulong tls)
    {
        // What has no place in 32 bits is clone3's.
        flags = (CloneFlags)(uint)flags;
        CloneArgs arguments = new()
        {
            flags = flags & ~CloneFlags.CSIGNAL,
            exit_signal = (ulong)(flags & CloneFlags.CSIGNAL),
            stack = stack,
            pidfd = parentTid.Address,
            parent_tid = parentTid.Address,
            child_tid = childTid,
            tls = tls,
        };
        return Make(context, in arguments, stack, wantedTid: 0);
    }

    [Syscall(57, "fork", Returns = Returns.Pid)]
    public static SysResult Fork(SyscallContext context)
    {
        CloneArgs arguments = new() { exit_signal = (ulong)Signal.SIGCHLD };
        return Make(context, in arguments, stackPointer: 0, wantedTid: 0);
    }

    [Syscall(58, "vfork", Returns = Returns.Pid)]
    public static SysResult Vfork(SyscallContext context)
    {
        CloneArgs arguments = new()
        {
            flags = CloneFlags.CLONE_VM | CloneFlags.CLONE_VFORK,
            exit_signal = (ulong)Signal.SIGCHLD,
        };
        return Make(context, in arguments, stackPointer: 0, wantedTid: 0);
    }

    [Syscall(272, "unshare", Missing = "namespaces, which are refused as to a user without privileges")]
    public static SysResult Unshare(SyscallContext context, CloneFlags flags)
    {
        const CloneFlags OfThread = CloneFlags.CLONE_THREAD | CloneFlags.CLONE_SIGHAND | CloneFlags.CLONE_VM;
        const CloneFlags Known = Namespaces | OfThread | CloneFlags.CLONE_FS | CloneFlags.CLONE_FILES | CloneFlags.CLONE_SYSVSEM;
        if ((flags & ~Known) != 0)
        {
            return Errno.EINVAL;
        }

        // A process with several threads, or memory that others use, cannot take them apart (unshare(2), "EINVAL").
        Process process = context.Process;
        if ((flags & OfThread) != 0
            && (process.LiveThreadCount > 1
                || ((flags & CloneFlags.CLONE_VM) != 0 && process.AddressSpace.UserCount > 1)
                || ((flags & ~CloneFlags.CLONE_THREAD & OfThread) != 0 && process.Handlers.UserCount > 1)))
        {
            return Errno.EINVAL;
        }

        if ((flags & Namespaces) != 0)
        {
            return Errno.EPERM;
        }

        if ((flags & CloneFlags.CLONE_FILES) != 0 && !context.Thread.TryUnshareFiles())
        {
            return Errno.ENOMEM;
        }

        if ((flags & CloneFlags.CLONE_FS) != 0)
        {
            context.FileSystem.UnsharePlace();
        }

        if ((flags & CloneFlags.CLONE_SYSVSEM) != 0)
        {
            process.LeaveSemaphores();
        }

        return SysResult.Success;
    }

    [Syscall(435, "clone3", Returns = Returns.Pid, Missing = "namespaces, which are refused as to a user without privileges")]
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
        const CloneFlags Newest = CloneFlags.CLONE_INTO_CGROUP;
        bool isUnknown = (ulong)arguments.flags >= (ulong)Newest << 1;
        bool isStackBroken = arguments.stack == 0 ? arguments.stack_size != 0 : arguments.stack_size == 0;
        if (isStackBroken
            || isUnknown
            || (arguments.flags & (CloneFlags.CSIGNAL | CloneFlags.CLONE_DETACHED)) != 0
            || arguments.exit_signal > (ulong)Signal.SIGRTMAX
            || ((arguments.flags & (CloneFlags.CLONE_THREAD | CloneFlags.CLONE_PARENT)) != 0 && arguments.exit_signal != 0))
        {
            return Errno.EINVAL;
        }

        Errno error = ReadWantedTid(context, in arguments, out int wantedTid);
        if (error != Errno.None)
        {
            return error;
        }

        if ((arguments.flags & CloneFlags.CLONE_INTO_CGROUP) != 0)
        {
            // There are no control groups, and so no descriptor of one.
            return arguments.cgroup > int.MaxValue ? Errno.EINVAL : Errno.EBADF;
        }

        return Make(context, in arguments, arguments.stack + arguments.stack_size, wantedTid);
    }

    /// <summary>Reads which number the new task is to have in each PID namespace: there is one (clone(2), "set_tid").</summary>
    private static Errno ReadWantedTid(SyscallContext context, in CloneArgs arguments, out int wantedTid)
    {
        wantedTid = 0;
        bool hasPlace = arguments.set_tid != 0;
        if (hasPlace != (arguments.set_tid_size != 0) || arguments.set_tid_size > 1)
        {
            return Errno.EINVAL;
        }

        if (!hasPlace)
        {
            return Errno.None;
        }

        if (!context.Memory.TryRead(new UserPtr<int>(arguments.set_tid), out wantedTid))
        {
            return Errno.EFAULT;
        }

        Credentials credentials = context.Thread.Credentials;
        if (wantedTid < 1 || wantedTid >= SystemState.PidLimit)
        {
            return Errno.EINVAL;
        }

        return credentials.Has(Capability.CAP_CHECKPOINT_RESTORE) || credentials.Has(Capability.CAP_SYS_ADMIN) ? Errno.None : Errno.EPERM;
    }

    private static Errno Check(SyscallContext context, in CloneArgs arguments)
    {
        CloneFlags flags = arguments.flags;
        bool Has(CloneFlags wanted) => (flags & wanted) != 0;
        bool isBroken = (Has(CloneFlags.CLONE_THREAD) && !Has(CloneFlags.CLONE_SIGHAND))
            || (Has(CloneFlags.CLONE_SIGHAND) && !Has(CloneFlags.CLONE_VM))
            || (Has(CloneFlags.CLONE_FS) && Has(CloneFlags.CLONE_NEWNS | CloneFlags.CLONE_NEWUSER))
            || (Has(CloneFlags.CLONE_THREAD) && Has(CloneFlags.CLONE_NEWUSER | CloneFlags.CLONE_NEWPID))
            || (Has(CloneFlags.CLONE_CLEAR_SIGHAND) && Has(CloneFlags.CLONE_SIGHAND))
            || (Has(CloneFlags.CLONE_PIDFD) && Has(CloneFlags.CLONE_DETACHED))
            || (Has(CloneFlags.CLONE_PIDFD) && Has(CloneFlags.CLONE_PARENT_SETTID) && arguments.pidfd == arguments.parent_tid)

            // The first process has no sisters (clone(2), "EINVAL").
            || (Has(CloneFlags.CLONE_PARENT) && context.Process == context.System.Init);
        if (isBroken)
        {
            return Errno.EINVAL;
        }

        return Has(Namespaces) || (Has(CloneFlags.CLONE_SETTLS) && arguments.tls >= Paging.UserEnd) ? Errno.EPERM : Errno.None;
    }

    private static SysResult Make(SyscallContext context, in CloneArgs arguments, ulong stackPointer, int wantedTid)
    {
        CloneFlags flags = arguments.flags;
        Errno error = Check(context, in arguments);
        if (error != Errno.None)
        {
            return error;
        }

        Fd pidFd = new(-1);
        PidFile? pidFile = null;
        if ((flags & CloneFlags.CLONE_PIDFD) != 0)
        {
            error = PidFdSyscalls.Reserve(context, arguments.pidfd, out pidFile, out pidFd);
            if (error != Errno.None)
            {
                return error;
            }
        }

        GuestThread maker = context.Thread;
        error = (flags & CloneFlags.CLONE_THREAD) != 0
            ? context.Process.TryCreateThread(maker, flags, wantedTid, out GuestThread? child)
            : context.Process.TryFork(maker, flags, (Signal)arguments.exit_signal, wantedTid, out child);
        if (error != Errno.None)
        {
            if (pidFile is not null)
            {
                context.Files.Close(pidFd);
            }

            return error;
        }

        pidFile?.SetTarget(child!);
        if ((flags & CloneFlags.CLONE_PARENT_SETTID) != 0)
        {
            // As Linux, which has made the task by then: a bad address is no error.
            _ = context.Memory.TryWrite(new UserPtr<int>(arguments.parent_tid), child!.Tid);
        }

        if ((flags & CloneFlags.CLONE_CHILD_SETTID) != 0)
        {
            _ = child!.Process.AddressSpace.Memory.TryWrite(new UserPtr<int>(arguments.child_tid), child.Tid);
        }

        ref GuestRegisters registers = ref child!.Registers;
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

        int tid = child.Tid;
        child.Start();
        return (flags & CloneFlags.CLONE_VFORK) != 0 ? context.Wait(AwaitMemoryAsync(maker, child, tid)) : tid;
    }

    private static async ValueTask<SysResult> AwaitMemoryAsync(GuestThread maker, GuestThread child, int tid)
    {
        await child.AwaitMemoryAsync(maker);
        return tid;
    }
}
