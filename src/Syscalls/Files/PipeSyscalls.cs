using Semitone.Abi;
using Semitone.Files;

namespace Semitone.Syscalls;

/// <summary>The calls that make pipes and counters.</summary>
public static class PipeSyscalls
{
    [Syscall(22, "pipe")]
    public static SysResult CreatePipe(SyscallContext context, [Out, Buffer(Length = 2), Trace(TraceFormat.Fd)] UserPtr<int> descriptors) =>
        CreatePipe2(context, descriptors, OpenFlags.O_RDONLY);

    [Syscall(293, "pipe2")]
    public static SysResult CreatePipe2(
        SyscallContext context, [Out, Buffer(Length = 2), Trace(TraceFormat.Fd)] UserPtr<int> descriptors, OpenFlags flags)
    {
        if ((flags & ~(OpenFlags.O_CLOEXEC | OpenFlags.O_NONBLOCK | OpenFlags.O_DIRECT)) != 0)
        {
            return Errno.EINVAL;
        }
        FileSystemContext fileSystem = context.FileSystem;
        fileSystem.Mounts.Anonymous.CreatePipe(flags, fileSystem.Credentials, out OpenFile reader, out OpenFile writer);
        bool closeOnExec = (flags & OpenFlags.O_CLOEXEC) != 0;
        FileTable files = context.Files;
        Errno error = files.Add(reader, closeOnExec, out Fd readerFd);
        if (error != Errno.None)
        {
            reader.Release();
            writer.Release();
            return error;
        }
        error = files.Add(writer, closeOnExec, out Fd writerFd);
        if (error != Errno.None)
        {
            writer.Release();
            files.Close(readerFd);
            return error;
        }
        ReadOnlySpan<int> both = [readerFd.Number, writerFd.Number];
        if (!context.Memory.TryWrite(descriptors, both))
        {
            files.Close(readerFd);
            files.Close(writerFd);
            return Errno.EFAULT;
        }
        return SysResult.Success;
    }

    [Syscall(284, "eventfd", Returns = Returns.Fd)]
    public static SysResult CreateEventCounter(SyscallContext context, uint value) =>
        CreateEventCounter2(context, value, EventfdFlags.None);

    [Syscall(290, "eventfd2", Returns = Returns.Fd)]
    public static SysResult CreateEventCounter2(SyscallContext context, uint value, EventfdFlags flags)
    {
        if ((flags & ~(EventfdFlags.EFD_SEMAPHORE | EventfdFlags.EFD_NONBLOCK | EventfdFlags.EFD_CLOEXEC)) != 0)
        {
            return Errno.EINVAL;
        }
        OpenFlags status = (OpenFlags)(flags & (EventfdFlags.EFD_NONBLOCK | EventfdFlags.EFD_CLOEXEC));
        OpenFile file = context.FileSystem.Mounts.Anonymous.CreateEventCounter(value, (flags & EventfdFlags.EFD_SEMAPHORE) != 0, status);
        return OpenSyscalls.Install(context, file, status);
    }
}
