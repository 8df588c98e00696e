namespace Semitone.HostLink;

/// <summary>The constants of the wire format; docs/host-link.md describes it.</summary>
public static class LinkFormat
{
    /// <summary>Starts a frame (guest to host) or an escape sequence (host to guest). No byte of UTF-8 text has this value.</summary>
    public const byte Marker = 0xF5;

    /// <summary>Marker, stream, length low, length high.</summary>
    public const int HeaderSize = 4;

    /// <summary>The longest payload. Short enough that a false header swallows little, long enough that the header costs nothing.</summary>
    public const int MaxPayload = 16 * 1024;

    /// <summary>
    /// Bytes of the longest escape sequence from host to guest: no more than a UART's buffer holds, so that it can be taken at once.
    /// </summary>
    public const int MaxInputSequence = TimeSize;

    /// <summary>Bytes of a time's sequence.</summary>
    public const int TimeSize = 16;

    /// <summary>Bytes that may be typed before the guest has said that there is room for more.</summary>
    public const int TerminalRoom = 4095;

    /// <summary>
    /// Bytes of standard input that is no terminal that the guest holds at least: a request may be answered by so many, if it asks
    /// for less.
    /// </summary>
    public const int InputRoom = 4096;

    /// <summary>The most bytes that a request asks for.</summary>
    public const int LargestRequest = 64 * 1024;

    /// <summary>The name of the virtio console's port that carries the link.</summary>
    public const string PortName = "semitone.link";

    /// <summary>The I/O port of QEMU's isa-debug-exit device: writing v ends QEMU with status (v &lt;&lt; 1) | 1.</summary>
    public const ushort ExitPort = 0x501;

    /// <summary>What the kernel writes to <see cref="ExitPort"/> when it dies of a bug of its own: QEMU's status is 121 then.</summary>
    public const byte ExitPanic = 60;
}
