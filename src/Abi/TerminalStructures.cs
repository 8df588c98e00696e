using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Semitone.Abi;

/// <summary>The control characters of a terminal, by <see cref="ControlCharacter"/>.</summary>
[InlineArray(Length)]
public struct ControlCharacters
{
    public const int Length = 19;

    private byte _element;
}

/// <summary>A terminal's modes as the kernel takes them (TCGETS in ioctl_tty(2)); glibc's structure is longer.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct Termios
{
    public TermiosInput c_iflag;
    public TermiosOutput c_oflag;
    public TermiosControl c_cflag;
    public TermiosLocal c_lflag;
    public byte c_line;
    public ControlCharacters c_cc;
}

/// <summary>A terminal's modes and speeds (TCGETS2 in ioctl_tty(2)).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct Termios2
{
    public Termios termios;
    public uint c_ispeed;
    public uint c_ospeed;
}

/// <summary>A terminal's size (TIOCGWINSZ in ioctl_tty(2)).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct WinSize
{
    public ushort ws_row;
    public ushort ws_col;
    public ushort ws_xpixel;
    public ushort ws_ypixel;
}
