using Semitone.Abi;
using Semitone.Files;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>The calls of signalfd(2).</summary>
public static class SignalFileSyscalls
{
    [Syscall(282, "signalfd", Returns = Returns.Fd)]
    public static SysResult Create(SyscallContext context, Fd fd, UserPtr<SignalSet> set, nuint setSize) =>
        Create(context, fd, set, setSize, SignalfdFlags.None);

    [Syscall(289, "signalfd4", Returns = Returns.Fd)]
    public static SysResult Create(SyscallContext context, Fd fd, UserPtr<SignalSet> set, nuint setSize, SignalfdFlags flags)
    {
        if (setSize != SignalSet.Size)
        {
            return Errno.EINVAL;
        }

        if (!context.Memory.TryRead(set, out SignalSet wanted))
        {
            return Errno.EFAULT;
        }

        if ((flags & ~(SignalfdFlags.SFD_NONBLOCK | SignalfdFlags.SFD_CLOEXEC)) != 0)
        {
            return Errno.EINVAL;
        }

        if (fd.Number == -1)
        {
            OpenFlags status = (OpenFlags)(flags & SignalfdFlags.SFD_NONBLOCK);
            SignalFile created = new(context.FileSystem.Mounts.Anonymous, context.System, wanted, status);
            return OpenSyscalls.Install(context, created, (OpenFlags)flags);
        }

        if (!context.Files.TryGet(fd, out OpenFile? file, out Errno error))
        {
            return error;
        }

        if (file is not SignalFile signals)
        {
            return Errno.EINVAL;
        }

        signals.SetSignals(wanted);
        return fd.Number;
    }
}
