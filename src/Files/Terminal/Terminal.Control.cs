using Semitone.Abi;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>The requests of ioctl_tty(2).</summary>
public sealed partial class Terminal
{
    private static SysResult WriteInt(UserMemory memory, ulong address, int value) =>
        memory.TryWrite(new UserPtr<int>(address), value) ? SysResult.Success : Errno.EFAULT;

    /// <summary>Serves a request.</summary>
    /// <param name="canRead">Whether the file that it comes by was opened for reading.</param>
    /// <param name="isMaster">It comes by the master, and means this terminal all the same.</param>
    internal SysResult Control(IoctlRequest request, ulong argument, UserMemory memory, bool canRead, bool isMaster = false)
    {
        // Whoever changes the terminal is to be in its foreground (POSIX.1, 11.1.4).
        bool isChange = request is IoctlRequest.TCSETS or IoctlRequest.TCSETSW or IoctlRequest.TCSETSF or IoctlRequest.TCSETS2
            or IoctlRequest.TCSETSW2 or IoctlRequest.TCSETSF2 or IoctlRequest.TCFLSH or IoctlRequest.TCXONC or IoctlRequest.TCSBRK
            or IoctlRequest.TCSBRKP or IoctlRequest.TIOCSETD;
        Errno error = isChange ? Session.CheckBackground(Signal.SIGTTOU) : Errno.None;
        if (error != Errno.None)
        {
            return error;
        }

        switch (request)
        {
            case IoctlRequest.TCGETS:
                return memory.TryWrite(new UserPtr<Termios>(argument), _modes.Termios) ? SysResult.Success : Errno.EFAULT;
            case IoctlRequest.TCSETS or IoctlRequest.TCSETSW or IoctlRequest.TCSETSF:
                if (!memory.TryRead(new UserPtr<Termios>(argument), out Termios modes))
                {
                    return Errno.EFAULT;
                }

                SetModes(modes, 0, 0, flushes: request == IoctlRequest.TCSETSF);
                return SysResult.Success;
            case IoctlRequest.TCGETS2:
                Termios2 modes2 = new() { termios = _modes.Termios, c_ispeed = _modes.InputSpeed, c_ospeed = _modes.OutputSpeed };
                return memory.TryWrite(new UserPtr<Termios2>(argument), modes2) ? SysResult.Success : Errno.EFAULT;
            case IoctlRequest.TCSETS2 or IoctlRequest.TCSETSW2 or IoctlRequest.TCSETSF2:
                if (!memory.TryRead(new UserPtr<Termios2>(argument), out modes2))
                {
                    return Errno.EFAULT;
                }

                SetModes(modes2.termios, modes2.c_ispeed, modes2.c_ospeed, flushes: request == IoctlRequest.TCSETSF2);
                return SysResult.Success;
            case IoctlRequest.TCFLSH:
                return FlushQueue(argument);
            case IoctlRequest.TCXONC:
                return SetFlow(argument);
            case IoctlRequest.TCSBRK:
            case IoctlRequest.TCSBRKP:
                // No line to break; and what is written is sent at once, so there is nothing to drain.
                return SysResult.Success;
            case IoctlRequest.TIOCEXCL:
            case IoctlRequest.TIOCNXCL:
                _isExclusive = request == IoctlRequest.TIOCEXCL;
                return SysResult.Success;
            case IoctlRequest.TIOCGEXCL:
                return WriteInt(memory, argument, _isExclusive ? 1 : 0);
            case IoctlRequest.TIOCGDEV:
                return WriteInt(memory, argument, (int)Number.Encoded);
            case IoctlRequest.TIOCGPTPEER:
                // Only a master has a peer.
                return Errno.EIO;
            default:
                return ControlMore(request, argument, memory, canRead, isMaster);
        }
    }

    private SysResult ControlMore(IoctlRequest request, ulong argument, UserMemory memory, bool canRead, bool isMaster)
    {
        switch (request)
        {
            case IoctlRequest.FIONREAD:
                return WriteInt(memory, argument, _modes.ReadsLines ? _input.CountLineCharacters() : _input.Count);
            case IoctlRequest.TIOCOUTQ:
            case IoctlRequest.TIOCGETD:
                // What is written is sent at once; and there is the one discipline, N_TTY.
                return WriteInt(memory, argument, 0);
            case IoctlRequest.TIOCSETD:
                if (!memory.TryRead(new UserPtr<int>(argument), out int discipline))
                {
                    return Errno.EFAULT;
                }

                return discipline == 0 ? SysResult.Success : Errno.EINVAL;
            case IoctlRequest.TIOCSTI:
                // As with dev.tty.legacy_tiocsti=0: typing for others is for the privileged.
                if (Session.Owner is { IsAdministrator: false })
                {
                    return Errno.EIO;
                }

                if (!memory.TryRead(new UserPtr<byte>(argument), out byte typed))
                {
                    return Errno.EFAULT;
                }

                Type(typed);
                return SysResult.Success;
            case IoctlRequest.TIOCGWINSZ:
                return memory.TryWrite(new UserPtr<WinSize>(argument), _size) ? SysResult.Success : Errno.EFAULT;
            case IoctlRequest.TIOCSWINSZ:
                if (!memory.TryRead(new UserPtr<WinSize>(argument), out WinSize size))
                {
                    return Errno.EFAULT;
                }

                SetSize(size);
                return SysResult.Success;
            default:
                return Session.Control(request, argument, memory, canRead, isMaster);
        }
    }

    /// <summary>Takes a character that the program itself has typed.</summary>
    private void Type(byte value)
    {
        if (InputRoom > 0)
        {
            Receive([value]);

            // It came from here: the host still thinks that it may send as much.
            _roomAtHost++;
        }
    }

    private void SetModes(Termios modes, uint inputSpeed, uint outputSpeed, bool flushes)
    {
        _line.Restrict(ref modes);
        if (flushes)
        {
            _discipline.Clear();
        }

        TermiosLocal changed = _modes.Termios.c_lflag ^ modes.c_lflag;
        bool hadFlow = _modes.Has(TermiosInput.IXON);
        Termios before = _modes.Termios;
        _modes.Termios = modes;
        _modes.SetSpeeds(inputSpeed, outputSpeed);
        if ((changed & (TermiosLocal.ICANON | TermiosLocal.EXTPROC)) != 0)
        {
            // Lines that were complete are so no longer; and what was typed without lines becomes one, its last character the end.
            _input.Unmark();
            if (_modes.IsCanonical)
            {
                _input.MarkLast();
            }

            _discipline.Reset();
        }

        if (hadFlow && !_modes.Has(TermiosInput.IXON))
        {
            _discipline.StartOutput(byProgram: false);
        }

        _line.OnModesChanged(in before, in modes);

        // Others may be satisfied by other modes.
        _readable.WakeAll();
        TellRoom();
    }

    private SysResult FlushQueue(ulong queue)
    {
        const ulong InputQueue = 0;
        const ulong OutputQueue = 1;
        const ulong BothQueues = 2;
        if (queue is InputQueue or BothQueues)
        {
            _discipline.Clear();
            TellRoom();
        }

        if (queue is OutputQueue or BothQueues)
        {
            _line.DropOutput();
        }

        return queue is InputQueue or OutputQueue or BothQueues ? SysResult.Success : Errno.EINVAL;
    }

    private SysResult SetFlow(ulong action)
    {
        const ulong StopOutput = 0;
        const ulong StartOutput = 1;
        const ulong StopInput = 2;
        const ulong StartInput = 3;
        switch (action)
        {
            case StopOutput:
                _output.Stop(byProgram: true);
                return SysResult.Success;
            case StartOutput:
                _discipline.StartOutput(byProgram: true);
                return SysResult.Success;
            case StopInput:
            case StartInput:
                byte character = _modes.Termios.c_cc[action == StopInput ? ControlCharacter.VSTOP : ControlCharacter.VSTART];
                if (character != TerminalModes.Disabled)
                {
                    _output.SendUrgent(character);
                }

                return SysResult.Success;
            default:
                return Errno.EINVAL;
        }
    }
}
