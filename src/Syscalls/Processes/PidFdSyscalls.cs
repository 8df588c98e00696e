using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>Descriptors that stand for processes: pidfd_open(2), pidfd_send_signal(2), pidfd_getfd(2).</summary>
public static class PidFdSyscalls
{
    [Syscall(434, "pidfd_open", Returns = Returns.Fd)]
    public static SysResult Open(SyscallContext context, [Trace(TraceFormat.Pid)] int pid, OpenFlags flags)
    {
        // PIDFD_NONBLOCK and PIDFD_THREAD have the values of these.
        const OpenFlags OfThread = OpenFlags.O_EXCL;
        if ((flags & ~(OpenFlags.O_NONBLOCK | OfThread)) != 0 || pid <= 0)
        {
            return Errno.EINVAL;
        }

        if (!context.System.Threads.TryGet(pid, out GuestThread? target) || (target.HasEnded && target.Tid != target.Process.Pid))
        {
            return Errno.ESRCH;
        }

        bool isOfThread = (flags & OfThread) != 0;
        if (!isOfThread && target.Process.Pid != pid)
        {
            // The number is a thread's that is not the first (pidfd_open(2), "ENOENT").
            return Errno.ENOENT;
        }

        if (!KernelHeap.HasRoom())
        {
            return Errno.ENOMEM;
        }

        PidFile file = new(context.FileSystem.Mounts.Anonymous, flags & OpenFlags.O_NONBLOCK) { IsOfThread = isOfThread };
        file.SetTarget(target);
        return OpenSyscalls.Install(context, file, OpenFlags.O_CLOEXEC);
    }

    [Syscall(424, "pidfd_send_signal")]
    public static SysResult SendSignal(SyscallContext context, Fd pidFd, Signal signal, UserPtr<SigInfo> info, PidFdSignalFlags flags)
    {
        const PidFdSignalFlags Known =
            PidFdSignalFlags.PIDFD_SIGNAL_THREAD | PidFdSignalFlags.PIDFD_SIGNAL_THREAD_GROUP | PidFdSignalFlags.PIDFD_SIGNAL_PROCESS_GROUP;
        if ((flags & ~Known) != 0 || (flags & (flags - 1)) != 0)
        {
            return Errno.EINVAL;
        }

        if (!context.Files.TryGet(pidFd, out OpenFile? file, out Errno error) || file is not PidFile target)
        {
            return error == Errno.None ? Errno.EBADF : error;
        }

        if (signal != Signal.None && !SignalHandlers.IsValid(signal))
        {
            return Errno.EINVAL;
        }

        if (!target.TryGetLiving(out Process? process))
        {
            return Errno.ESRCH;
        }

        bool isForThread = flags == PidFdSignalFlags.PIDFD_SIGNAL_THREAD || (flags == 0 && target.IsOfThread);
        SigInfo description = SignalSyscalls.MakeInfo(context, signal, isForThread ? SignalCode.SI_TKILL : SignalCode.SI_USER);
        if (!info.IsNull)
        {
            if (!context.Memory.TryRead(info, out description))
            {
                return Errno.EFAULT;
            }

            if (description.si_signo != signal)
            {
                return Errno.EINVAL;
            }

            // Nobody may pretend to another process that the kernel or kill(2) sent it.
            if (process != context.Process && description.si_code is >= 0 or SignalCode.SI_TKILL)
            {
                return Errno.EPERM;
            }
        }

        if (flags == PidFdSignalFlags.PIDFD_SIGNAL_PROCESS_GROUP)
        {
            return SignalSyscalls.SendToGroup(context, process.ProcessGroupId, in description);
        }

        return isForThread
            ? SignalSyscalls.SendToThread(context, process.Pid, target.Target!.Tid, in description)
            : SignalSyscalls.Send(context, process, in description);
    }

    [Syscall(438, "pidfd_getfd", Returns = Returns.Fd)]
    public static SysResult GetFile(SyscallContext context, Fd pidFd, Fd wanted, uint flags)
    {
        if (flags != 0)
        {
            return Errno.EINVAL;
        }

        if (!context.Files.TryGet(pidFd, out OpenFile? file, out Errno error) || file is not PidFile target)
        {
            return error == Errno.None ? Errno.EBADF : error;
        }

        if (!target.TryGetLiving(out Process? process) || process.HasEnded)
        {
            return Errno.ESRCH;
        }

        if (!context.Thread.MayInspect(process.FirstThread, byFileUser: false))
        {
            return Errno.EPERM;
        }

        if (!target.Target!.Files.TryGetAny(wanted, out OpenFile? found, out error))
        {
            return error;
        }

        found.AddReference();
        return OpenSyscalls.Install(context, found, OpenFlags.O_CLOEXEC);
    }

    /// <summary>Makes a descriptor for a process that is about to be made (clone(2), CLONE_PIDFD), and says which it is.</summary>
    /// <param name="address">Where its number goes.</param>
    internal static Errno Reserve(SyscallContext context, ulong address, out PidFile? file, out Fd fd)
    {
        file = null;
        fd = new Fd(-1);
        if (!KernelHeap.HasRoom())
        {
            return Errno.ENOMEM;
        }

        file = new PidFile(context.FileSystem.Mounts.Anonymous, OpenFlags.O_RDONLY);
        Errno error = context.Files.Add(file, closeOnExec: true, out fd);
        if (error != Errno.None)
        {
            file.Release();
            return error;
        }

        if (!context.Memory.TryWrite(new UserPtr<int>(address), fd.Number))
        {
            context.Files.Close(fd);
            return Errno.EFAULT;
        }

        return Errno.None;
    }
}
