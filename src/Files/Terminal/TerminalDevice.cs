using Semitone.Abi;

namespace Semitone.Files;

/// <summary>The driver of /dev/tty, /dev/console and /dev/ttyS0, which are all the one terminal.</summary>
internal sealed class TerminalDevice(Terminal terminal, ConsoleStreams streams) : CharacterDevice
{
    public static readonly DeviceNumber ControllingTerminal = new(5, 0);
    public static readonly DeviceNumber Console = new(5, 1);
    public static readonly DeviceNumber SerialLine = new(4, 64);

    public override Errno Open(Inode node, OpenFlags flags, out OpenFile? file)
    {
        file = null;
        if (node.TargetDevice == ControllingTerminal && !terminal.Session.IsCallers)
        {
            return Errno.ENXIO;
        }
        file = new OpenTerminal(node, terminal, flags, streams.TerminalStream);
        return Errno.None;
    }
}
