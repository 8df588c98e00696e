using Semitone.Abi;
using Semitone.HostLink;

namespace Semitone.Files;

/// <summary>Who may open the terminal, and what that does.</summary>
public sealed partial class Terminal
{
    private int _openCount;

    /// <summary>Whether only the privileged may open it once more (TIOCEXCL in ioctl_tty(2)), until nobody has it open.</summary>
    private bool _isExclusive;

    /// <summary>Opens the terminal. A session's leader without one gets it as its controlling terminal (open(2), O_NOCTTY).</summary>
    /// <returns>None; EIO where the other end has gone, EBUSY where somebody has it for himself alone.</returns>
    internal Errno Open(Inode node, OpenFlags flags, LinkStream stream, out OpenFile? file)
    {
        file = null;
        if (IsDisconnected)
        {
            return Errno.EIO;
        }

        if (_isExclusive && Session.Owner is { IsAdministrator: false })
        {
            return Errno.EBUSY;
        }

        file = new OpenTerminal(node, this, flags, stream);
        if ((flags & OpenFlags.O_NOCTTY) == 0 && file.CanRead)
        {
            Session.TakeIfFree();
        }

        return Errno.None;
    }

    internal void OnOpened()
    {
        _openCount++;
        _line.OnOpened();
    }

    internal void OnClosed()
    {
        _openCount--;
        _isExclusive &= _openCount != 0;
        _line.OnClosed();
    }
}
