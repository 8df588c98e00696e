using Semitone.Abi;

namespace Semitone.Files;

/// <summary>The modes of a terminal (termios(3)), as its parts ask for them.</summary>
internal sealed class TerminalModes(in Termios termios)
{
    /// <summary>The value of a control character that is turned off, _POSIX_VDISABLE.</summary>
    public const byte Disabled = 0;

    private Termios _termios = termios;

    /// <summary>The modes that the console begins with.</summary>
    public static Termios OfConsole => GetInitial(
        TermiosInput.IUTF8, TermiosControl.B115200 | TermiosControl.HUPCL | TermiosControl.CLOCAL);

    /// <summary>The modes that the slave of a pseudo-terminal begins with.</summary>
    public static Termios OfSlave => GetInitial(TermiosInput.None, TermiosControl.B38400);

    public ref Termios Termios => ref _termios;

    /// <summary>Bits a second of input, where they are told apart from the modes (BOTHER).</summary>
    public uint InputSpeed { get; private set; } = TerminalSpeed.Get(termios.c_cflag);

    public uint OutputSpeed { get; private set; } = TerminalSpeed.Get(termios.c_cflag);

    /// <summary>Takes the speeds of modes that have been set.</summary>
    /// <param name="input">What is meant by BOTHER.</param>
    public void SetSpeeds(uint input, uint output)
    {
        bool isNamed = TerminalSpeed.IsNamed(_termios.c_cflag);
        OutputSpeed = isNamed ? TerminalSpeed.Get(_termios.c_cflag) : output;
        InputSpeed = isNamed ? OutputSpeed : input;
    }

    /// <summary>Whether input is divided into lines that can be edited (ICANON).</summary>
    public bool IsCanonical => Has(TermiosLocal.ICANON);

    /// <summary>Whether read(2) gives a line at a time. With EXTPROC the lines are made elsewhere.</summary>
    public bool ReadsLines => IsCanonical && !Has(TermiosLocal.EXTPROC);

    /// <summary>The bytes that satisfy a read outside canonical mode (MIN).</summary>
    public byte Minimum => _termios.c_cc[ControlCharacter.VMIN];

    /// <summary>The time that a read outside canonical mode waits (TIME), in tenths of a second.</summary>
    public byte Tenths => _termios.c_cc[ControlCharacter.VTIME];

    public bool Has(TermiosInput flag) => (_termios.c_iflag & flag) != 0;

    public bool Has(TermiosOutput flag) => (_termios.c_oflag & flag) != 0;

    public bool Has(TermiosLocal flag) => (_termios.c_lflag & flag) != 0;

    /// <summary>Tells whether a character has the meaning of an index of <see cref="ControlCharacter"/>.</summary>
    public bool Is(byte value, int character) => _termios.c_cc[character] == value && value != Disabled;

    /// <summary>Whether a byte continues a character of UTF-8 (and the terminal knows about that: IUTF8).</summary>
    public bool IsContinuation(byte value) => (value & 0xC0) == 0x80 && Has(TermiosInput.IUTF8);

    private static Termios GetInitial(TermiosInput input, TermiosControl control)
    {
        Termios modes = new()
        {
            c_iflag = TermiosInput.ICRNL | TermiosInput.IXON | input,
            c_oflag = TermiosOutput.OPOST | TermiosOutput.ONLCR,
            c_cflag = TermiosControl.CS8 | TermiosControl.CREAD | control,
            c_lflag = TermiosLocal.ISIG | TermiosLocal.ICANON | TermiosLocal.ECHO | TermiosLocal.ECHOE | TermiosLocal.ECHOK
                | TermiosLocal.ECHOCTL | TermiosLocal.ECHOKE | TermiosLocal.IEXTEN,
        };
        ReadOnlySpan<byte> characters = [3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0];
        for (int i = 0; i < characters.Length; i++)
        {
            modes.c_cc[i] = characters[i];
        }

        return modes;
    }
}
