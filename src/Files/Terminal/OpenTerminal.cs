using Semitone.Abi;
using Semitone.Core;
using Semitone.HostLink;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>The terminal, opened.</summary>
/// <param name="stream">Where on the host link what is written goes: standard output and error stay apart although both are the
/// terminal.</param>
public sealed class OpenTerminal(Inode inode, Terminal terminal, OpenFlags flags, LinkStream stream) : OpenFile(inode, flags)
{
    public override long ReadTimeoutNs => terminal.ReadTimeoutNs;

    public override IoResult Read(ref IoCursor destination)
    {
        Errno error = terminal.Session.CheckBackground(Signal.SIGTTIN);
        return error != Errno.None ? error : terminal.Read(ref destination, returnsAtOnce: (Flags & OpenFlags.O_NONBLOCK) != 0);
    }

    public override IoResult ReadAfterTimeout(ref IoCursor destination) => terminal.ReadAfterTimeout(ref destination);

    public override IoResult Write(ref IoCursor source)
    {
        Errno error = terminal.StopsBackgroundOutput ? terminal.Session.CheckBackground(Signal.SIGTTOU) : Errno.None;
        return error != Errno.None ? error : terminal.Write(stream, ref source);
    }

    public override PollEvents Poll() => terminal.Poll();

    public override void Enlist(IQueueMember waiter, PollEvents events) => terminal.Enlist(waiter);

    public override int DefaultOwnerGroup => terminal.Session.ForegroundGroup;

    protected internal override bool HasNews(int code) => code != SignalCode.POLL_IN || terminal.HasInput;

    protected override bool TryGetSignalQueues(out WaitQueue? input, out WaitQueue? output)
    {
        terminal.GetQueues(out input, out output);
        return true;
    }

    public override SysResult Control(IoctlRequest request, ulong argument, UserMemory memory) =>
        terminal.Control(request, argument, memory);
}
