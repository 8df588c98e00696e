using Semitone.Abi;
using Semitone.Core;
using Semitone.HostLink;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>The inode of a standard stream that is a pipe on the host.</summary>
internal sealed class ConsolePipeInode(AnonymousFileSystem fileSystem, ConsoleStreams streams, int stream, ConsoleInput? input)
    : Inode(fileSystem, fileSystem.NextInodeNumber(), Mode.S_IFIFO | (Mode)0x180)
{
    public override string? Description => $"pipe:[{Number}]";

    /// <summary>Opens it anew, as /dev/stdout does.</summary>
    public override Errno Open(OpenFlags flags, out OpenFile? file)
    {
        OpenFlags access = flags & OpenFlags.O_ACCMODE;
        bool isRight = access == OpenFlags.O_RDWR || (access == OpenFlags.O_RDONLY) == (stream == 0);
        if (!isRight)
        {
            file = null;
            return Errno.ENXIO;
        }
        file = stream == 0 ? new OpenConsoleInput(this, input!, flags) : new OpenConsoleOutput(this, streams, stream, flags);
        return Errno.None;
    }
}

/// <summary>Standard input that is a pipe on the host.</summary>
internal sealed class OpenConsoleInput(Inode inode, ConsoleInput input, OpenFlags flags) : OpenFile(inode, flags)
{
    public override IoResult Read(ref IoCursor destination)
    {
        IoResult result = input.Read(ref destination);
        if ((Flags & OpenFlags.O_ASYNC) != 0)
        {
            // The host tells when there is more only if it is asked.
            input.Poll();
        }
        return result;
    }

    protected override bool TryGetSignalQueues(out WaitQueue? readable, out WaitQueue? writable)
    {
        input.Poll();
        readable = input.Readable;
        writable = null;
        return true;
    }

    public override PollEvents Poll()
    {
        bool isReadable = input.Poll();
        PollEvents events = isReadable && (!input.HasEnded || input.Count != 0)
            ? PollEvents.POLLIN | PollEvents.POLLRDNORM
            : PollEvents.None;
        return input.HasEnded ? events | PollEvents.POLLHUP : events;
    }

    public override void Enlist(IQueueMember waiter, PollEvents events) => waiter.Enlist(input.Readable);

    public override SysResult Control(IoctlRequest request, ulong argument, UserMemory memory)
    {
        if (request != IoctlRequest.FIONREAD)
        {
            return Errno.ENOTTY;
        }
        return memory.TryWrite(new UserPtr<int>(argument), input.Count) ? SysResult.Success : Errno.EFAULT;
    }
}

/// <summary>Standard output or error that is a pipe on the host.</summary>
internal sealed class OpenConsoleOutput(Inode inode, ConsoleStreams streams, int stream, OpenFlags flags) : OpenFile(inode, flags)
{
    public override IoResult Write(ref IoCursor source) =>
        streams.Write(stream == 1 ? LinkStream.StandardOutput : LinkStream.StandardError, ref source);

    protected override bool TryGetSignalQueues(out WaitQueue? readable, out WaitQueue? writable)
    {
        readable = null;
        writable = streams.Writable;
        return true;
    }

    public override PollEvents Poll() => streams.HasRoom() ? PollEvents.POLLOUT | PollEvents.POLLWRNORM : PollEvents.None;

    public override void Enlist(IQueueMember waiter, PollEvents events) => waiter.Enlist(streams.Writable);
}
