using Semitone.Abi;

namespace Semitone.Files;

/// <summary>The driver of /dev/console and /dev/ttyS0, which are both the console's terminal.</summary>
internal sealed class TerminalDevice(Terminal terminal, ConsoleStreams streams) : CharacterDevice
{
    public static readonly DeviceNumber ControllingTerminal = new(5, 0);
    public static readonly DeviceNumber Console = new(5, 1);
    public static readonly DeviceNumber SerialLine = new(4, 64);

    public override Errno Open(Inode node, OpenFlags flags, out OpenFile? file)
    {
        // The console becomes nobody's controlling terminal by being opened (tty(4)).
        bool mayControl = node.TargetDevice != Console;
        return terminal.Open(node, mayControl ? flags : flags | OpenFlags.O_NOCTTY, streams.TerminalStream, out file);
    }
}

/// <summary>The driver of /dev/tty: the controlling terminal of whoever opens it (tty(4)).</summary>
internal sealed class ControllingTerminalDevice(ConsoleStreams streams) : CharacterDevice
{
    public override Errno Open(Inode node, OpenFlags flags, out OpenFile? file)
    {
        file = null;
        ITerminalOwner? owner = streams.Terminal.Session.Owner;
        Terminal? terminal = owner is not null ? owner.CurrentTerminal : streams.Terminal.Session.IsControlling ? streams.Terminal : null;
        return terminal is null
            ? Errno.ENXIO
            : terminal.Open(node, flags | OpenFlags.O_NOCTTY, streams.TerminalStream, out file);
    }
}
