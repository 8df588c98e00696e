using Semitone.Abi;
using Semitone.Core;
using Semitone.HostLink;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>A terminal, opened.</summary>
public sealed class OpenTerminal : OpenFile
{
    private readonly Terminal _terminal;
    private readonly LinkStream _stream;
    private bool _hasWaited;

    /// <param name="stream">Where on the host link what is written goes: standard output and error stay apart although both are the
    /// terminal.</param>
    public OpenTerminal(Inode inode, Terminal terminal, OpenFlags flags, LinkStream stream)
        : base(inode, flags)
    {
        _terminal = terminal;
        _stream = stream;
        terminal.OnOpened();
    }

    public override long ReadTimeoutNs => _terminal.ReadTimeoutNs;

    public override int DefaultOwnerGroup => _terminal.Session.ForegroundGroup;

    public override IoResult Read(ref IoCursor destination)
    {
        bool hasWaited = _hasWaited;
        _hasWaited = false;
        if (_terminal.IsDisconnected)
        {
            // Who was waiting then hears of it in another way than who comes later, as in Linux.
            return hasWaited ? Errno.EIO : 0;
        }

        Errno error = _terminal.Session.CheckBackground(Signal.SIGTTIN);
        if (error != Errno.None)
        {
            return error;
        }

        IoResult result = _terminal.Read(ref destination, returnsAtOnce: IsNonBlocking);
        _hasWaited = result.Error == Errno.EAGAIN && !IsNonBlocking;
        return result;
    }

    public override IoResult ReadAfterTimeout(ref IoCursor destination) => _terminal.ReadAfterTimeout(ref destination);

    public override IoResult Write(ref IoCursor source)
    {
        if (_terminal.IsDisconnected)
        {
            return source.ToResult(Errno.EIO);
        }

        Errno error = _terminal.StopsBackgroundOutput ? _terminal.Session.CheckBackground(Signal.SIGTTOU) : Errno.None;
        return error != Errno.None ? error : _terminal.Write(_stream, ref source);
    }

    public override PollEvents Poll() => _terminal.Poll();

    public override void Enlist(IQueueMember waiter, PollEvents events) => _terminal.Enlist(waiter);

    protected internal override bool HasNews(int code) => code != SignalCode.POLL_IN || _terminal.HasInput;

    protected override bool TryGetSignalQueues(out WaitQueue? input, out WaitQueue? output)
    {
        _terminal.GetQueues(out input, out output);
        return true;
    }

    public override SysResult Control(IoctlRequest request, ulong argument, UserMemory memory)
    {
        if (_terminal.IsDisconnected)
        {
            return request == IoctlRequest.TIOCSPGRP ? Errno.ENOTTY : Errno.EIO;
        }

        return _terminal.Control(request, argument, memory, CanRead);
    }

    protected override void OnClosed() => _terminal.OnClosed();
}
