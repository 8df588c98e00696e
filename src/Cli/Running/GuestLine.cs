using Semitone.Cli.Posix;
using Semitone.HostLink;

namespace Semitone.Cli.Running;

/// <summary>A line between the guest and us: the port of its virtio console, or its serial line.</summary>
/// <remarks>The link is on the port; the serial line has what is said before there is a port, and after it.</remarks>
internal sealed class GuestLine(int output, int input)
{
    /// <summary>Where what the guest sends comes out.</summary>
    public int Output => output;

    /// <summary>Where what is sent to the guest goes in.</summary>
    public GuestInput Input { get; } = new(input);

    public LinkDecoder Decoder { get; } = new();

    /// <summary>Whether the guest's end is closed.</summary>
    public bool HasEnded { get; set; }

    /// <summary>Waits until a line has something, or its end.</summary>
    /// <param name="lines">Those that come first are taken first.</param>
    /// <returns>Null when all have ended.</returns>
    public static GuestLine? WaitForAny(ReadOnlySpan<GuestLine> lines)
    {
        LibC.PollEntry[] entries = new LibC.PollEntry[lines.Length];
        bool isOpen = false;
        for (int i = 0; i < lines.Length; i++)
        {
            entries[i] = new LibC.PollEntry { Descriptor = lines[i].HasEnded ? -1 : lines[i].Output, Events = LibC.POLLIN };
            isOpen |= !lines[i].HasEnded;
        }

        while (isOpen)
        {
            LibC.poll(entries, (uint)entries.Length, -1);
            for (int i = 0; i < lines.Length; i++)
            {
                if (entries[i].Found != 0)
                {
                    return lines[i];
                }
            }
        }

        return null;
    }
}
