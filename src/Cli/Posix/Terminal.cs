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
    private const int VTIME = 5;
    private const int VMIN = 6;

    private const uint ISTRIP = 0x20;
    private const uint INLCR = 0x40;
    private const uint IGNCR = 0x80;
    private const uint ICRNL = 0x100;
    private const uint IUCLC = 0x200;
    private const uint IXON = 0x400;
    private const uint OPOST = 0x1;
    private const uint ISIG = 0x1;
    private const uint ICANON = 0x2;
    private const uint ECHO = 0x8;
    private const uint ECHONL = 0x40;
    private const uint IEXTEN = 0x8000;

    private static readonly Lock s_lock = new();
    private static byte[]? s_saved;
    private static byte[]? s_raw;
    private static TerminalGuard? s_guard;
    private static bool s_isLeft;

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

    /// <summary>
    /// Whether the terminal is ours to read and to set: our process group is in its foreground, or it does no job control for us
    /// (tcgetpgrp(3)).
    /// </summary>
    public static bool IsForeground => IsForegroundOf(Descriptor.StandardOutput);

    public static bool IsForegroundOf(int descriptor)
    {
        int group = LibC.tcgetpgrp(descriptor);
        return group < 0 || group == LibC.getpgrp();
    }

    /// <summary>
    /// Turns off what the guest's console does; does nothing in the background. May be called again when somebody else may have set the
    /// terminal meanwhile.
    /// </summary>
    /// <param name="takesInput">Standard input is the terminal too: echo, line editing and signals are the guest's.</param>
    public static void EnterRawMode(bool takesInput)
    {
        lock (s_lock)
        {
            byte[] attributes = new byte[TermiosSize];
            if (s_isLeft
                || !IsForeground
                || LibC.tcgetattr(Descriptor.StandardOutput, attributes) != 0
                || (s_saved is not null && attributes.AsSpan().SequenceEqual(s_raw)))
            {
                return;
            }

            byte[] saved = (byte[])attributes.Clone();
            ClearFlags(attributes, OutputFlags, OPOST);
            if (takesInput)
            {
                ClearFlags(attributes, InputFlags, ISTRIP | INLCR | IGNCR | ICRNL | IUCLC | IXON);
                ClearFlags(attributes, LocalFlags, ISIG | ICANON | ECHO | ECHONL | IEXTEN);
                attributes[ControlCharacters + VTIME] = 0;
                attributes[ControlCharacters + VMIN] = 1;
            }

            // Not TCSADRAIN: a terminal that takes no output would hold us up, and what was written has been translated already.
            LibC.tcsetattr(Descriptor.StandardOutput, LibC.TCSANOW, attributes);

            // A driver may have its own mind about some of it.
            LibC.tcgetattr(Descriptor.StandardOutput, attributes);
            s_saved = saved;
            s_raw = attributes;
            s_guard?.Dismiss();
            s_guard = TerminalGuard.Start(Descriptor.StandardOutput, attributes, saved);
        }
    }

    /// <summary>Leaves the terminal as it was found, unless it is in other hands now. Safe on any thread and more than once.</summary>
    public static void Restore()
    {
        lock (s_lock)
        {
            if (s_saved is not null)
            {
                if (IsForeground)
                {
                    LibC.tcsetattr(Descriptor.StandardOutput, LibC.TCSANOW, s_saved);
                }

                s_guard?.Dismiss();
                s_guard = null;
                s_saved = null;
            }
        }
    }

    /// <summary>Leaves the terminal as it was found, for good.</summary>
    public static void Leave()
    {
        lock (s_lock)
        {
            s_isLeft = true;
            Restore();
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
