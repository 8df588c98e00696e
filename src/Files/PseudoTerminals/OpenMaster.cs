using Semitone.Abi;
using Semitone.Core;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>The master of a pseudo-terminal, opened. There is one of it for each pair.</summary>
public sealed class OpenMaster : OpenFile
{
    private readonly PseudoTerminal _pair;

    internal OpenMaster(Inode inode, PseudoTerminal pair, OpenFlags flags)
        : base(inode, flags)
    {
        _pair = pair;
    }

    public override IoResult Read(ref IoCursor destination) => _pair.ReadShown(ref destination);

    public override IoResult Write(ref IoCursor source) => _pair.Type(ref source);

    public override PollEvents Poll()
    {
        bool hasInput = _pair.ShownCount != 0 || _pair.HasStatus;
        PollEvents events = hasInput ? PollEvents.POLLIN | PollEvents.POLLRDNORM : PollEvents.None;
        events |= _pair.HasStatus ? PollEvents.POLLPRI : PollEvents.None;
        events |= _pair.IsSlaveClosed ? PollEvents.POLLHUP : PollEvents.None;
        return _pair.TypedRoom != 0 ? events | PollEvents.POLLOUT | PollEvents.POLLWRNORM : events;
    }

    public override void Enlist(IQueueMember waiter, PollEvents events)
    {
        waiter.Enlist(_pair.Readable);
        waiter.Enlist(_pair.Writable);
    }

    /// <summary>Opens the slave, whatever its name is here (TIOCGPTPEER in ioctl_tty(2)).</summary>
    /// <returns>None; EIO where it is locked.</returns>
    public Errno OpenPeer(OpenFlags flags, out OpenFile? file)
    {
        file = null;
        return KernelHeap.HasRoom() ? _pair.OpenSlave(flags, out file) : Errno.ENOMEM;
    }

    /// <remarks>What is no request of the master's own means the terminal, as far as the master may speak for it.</remarks>
    public override SysResult Control(IoctlRequest request, ulong argument, UserMemory memory)
    {
        switch (request)
        {
            case IoctlRequest.TIOCGPTN:
                return WriteInt(memory, argument, _pair.Number);
            case IoctlRequest.TIOCSPTLCK:
                return ReadInt(memory, argument, out int isLocked) ? SetLock(isLocked != 0) : Errno.EFAULT;
            case IoctlRequest.TIOCGPTLCK:
                return WriteInt(memory, argument, _pair.IsLocked ? 1 : 0);
            case IoctlRequest.TIOCPKT:
                return ReadInt(memory, argument, out int isPacketMode) ? SetPacketMode(isPacketMode != 0) : Errno.EFAULT;
            case IoctlRequest.TIOCGPKT:
                return WriteInt(memory, argument, _pair.IsPacketMode ? 1 : 0);
            case IoctlRequest.TIOCSIG:
                return SendSignal((Signal)(int)argument);
            case IoctlRequest.FIONREAD:
                return WriteInt(memory, argument, _pair.ShownCount);
            case IoctlRequest.TCFLSH:
                return Flush(argument);
            case IoctlRequest.TCXONC:
                return SetFlow(argument);
            case IoctlRequest.TIOCSTI:
                // What is typed at the master comes out where the master is read, which is nobody's keyboard.
                return Errno.EIO;
            default:
                return _pair.Terminal.Control(request, argument, memory, CanRead, isMaster: true);
        }
    }

    protected internal override bool HasNews(int code) => code != SignalCode.POLL_IN || _pair.ShownCount != 0 || _pair.HasStatus;

    protected override bool TryGetSignalQueues(out WaitQueue? input, out WaitQueue? output)
    {
        input = _pair.Readable;
        output = _pair.Writable;
        return true;
    }

    protected override void OnClosed() => _pair.CloseMaster();

    private static bool ReadInt(UserMemory memory, ulong address, out int value) => memory.TryRead(new UserPtr<int>(address), out value);

    private static SysResult WriteInt(UserMemory memory, ulong address, int value) =>
        memory.TryWrite(new UserPtr<int>(address), value) ? SysResult.Success : Errno.EFAULT;

    private SysResult SetLock(bool isLocked)
    {
        _pair.IsLocked = isLocked;
        return SysResult.Success;
    }

    private SysResult SetPacketMode(bool isOn)
    {
        _pair.IsPacketMode = isOn;
        return SysResult.Success;
    }

    private SysResult SendSignal(Signal signal)
    {
        if (signal is not (Signal.SIGINT or Signal.SIGQUIT or Signal.SIGTSTP))
        {
            return Errno.EINVAL;
        }

        _pair.Terminal.Session.SignalForeground(signal);
        return SysResult.Success;
    }

    private SysResult Flush(ulong queue)
    {
        const ulong InputQueue = 0;
        const ulong OutputQueue = 1;
        const ulong BothQueues = 2;
        if (queue > BothQueues)
        {
            return Errno.EINVAL;
        }

        if (queue is InputQueue or BothQueues)
        {
            _pair.DropShown();
        }

        if (queue is OutputQueue or BothQueues)
        {
            _pair.DropTyped();
        }

        return SysResult.Success;
    }

    /// <summary>Stops and starts what the master sends; there is no character for the slave to be stopped by.</summary>
    private SysResult SetFlow(ulong action)
    {
        const ulong StopOutput = 0;
        const ulong StartOutput = 1;
        const ulong StopInput = 2;
        const ulong StartInput = 3;
        switch (action)
        {
            case StopOutput:
                _pair.IsMasterStopped = true;
                return SysResult.Success;
            case StartOutput:
                _pair.IsMasterStopped = false;
                _pair.Writable.WakeAll();
                return SysResult.Success;
            case StopInput:
            case StartInput:
                byte[] character = [(byte)(action == StopInput ? 0x13 : 0x11)];
                IoCursor cursor = IoCursor.OverKernel(character);
                _pair.Type(ref cursor);
                return SysResult.Success;
            default:
                return Errno.EINVAL;
        }
    }
}
