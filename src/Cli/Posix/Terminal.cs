using System.Buffers.Binary;

namespace Semitone.Cli.Posix;

/// <summary>The terminal on our standard streams: its line discipline is off while the guest's console does that work.</summary>
internal static class Terminal
{
    // struct termios, termios(3): four flag words, the line discipline, then the control characters.
    private const int TermiosSize = 60;
    private const int InputFlags = 0;
    private const int OutputFlags = 4;
    private const int LocalFlags = 12;
    private const int ControlCharacters = 17;
    private const int VQUIT = 1;
    private const int VTIME = 5;
    private const int VMIN = 6;
    private const int VSUSP = 10;

    private const uint ICRNL = 0x100;
    private const uint INLCR = 0x40;
    private const uint IXON = 0x400;
    private const uint OPOST = 0x1;
    private const uint ICANON = 0x2;
    private const uint ECHO = 0x8;
    private const uint IEXTEN = 0x8000;

    private static readonly Lock s_lock = new();
    private static byte[]? s_saved;

    /// <summary>Whether a line feed needs a carriage return before it, as the terminal adds none.</summary>
    public static bool IsRaw
    {
        get
        {
            lock (s_lock)
            {
                return s_saved is not null;
            }
        }
    }

    /// <summary>Turns off what the guest's console does. Ctrl-C stays a signal, to us.</summary>
    /// <param name="takesInput">Standard input is the terminal too: echo and line editing are the guest's.</param>
    public static void EnterRawMode(bool takesInput)
    {
        lock (s_lock)
        {
            byte[] attributes = new byte[TermiosSize];
            if (s_saved is not null || LibC.tcgetattr(Descriptor.StandardOutput, attributes) != 0)
            {
                return;
            }

            s_saved = (byte[])attributes.Clone();
            ClearFlags(attributes, OutputFlags, OPOST);
            if (takesInput)
            {
                ClearFlags(attributes, InputFlags, ICRNL | INLCR | IXON);
                ClearFlags(attributes, LocalFlags, ICANON | ECHO | IEXTEN);
                attributes[ControlCharacters + VQUIT] = 0;
                attributes[ControlCharacters + VSUSP] = 0;
                attributes[ControlCharacters + VTIME] = 0;
                attributes[ControlCharacters + VMIN] = 1;
            }

            LibC.tcsetattr(Descriptor.StandardOutput, LibC.TCSADRAIN, attributes);
        }
    }

    /// <summary>Leaves the terminal as it was found. Safe on any thread and more than once.</summary>
    public static void Restore()
    {
        lock (s_lock)
        {
            if (s_saved is not null)
            {
                LibC.tcsetattr(Descriptor.StandardOutput, LibC.TCSADRAIN, s_saved);
                s_saved = null;
            }
        }
    }

    public static bool TryGetSize(out ushort rows, out ushort columns)
    {
        ushort[] size = new ushort[4];
        bool isKnown = LibC.ioctl(Descriptor.StandardOutput, LibC.TIOCGWINSZ, size) == 0;
        rows = size[0];
        columns = size[1];
        return isKnown;
    }

    private static void ClearFlags(byte[] attributes, int offset, uint flags)
    {
        Span<byte> word = attributes.AsSpan(offset, 4);
        BinaryPrimitives.WriteUInt32LittleEndian(word, BinaryPrimitives.ReadUInt32LittleEndian(word) & ~flags);
    }
}
