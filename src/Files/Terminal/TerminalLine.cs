using Semitone.Abi;
using Semitone.HostLink;

namespace Semitone.Files;

/// <summary>What is at the other end of a terminal: the host's, or the master of a pseudo-terminal.</summary>
/// <remarks>
/// The terminal writes to it, and is handed what was typed there (<see cref="Terminal.Receive"/>), as far as it has room for it. What the
/// other end may want to hear besides, each kind of line takes or leaves.
/// </remarks>
public abstract class TerminalLine
{
    /// <summary>Bytes that <see cref="Write"/> takes now; what goes beyond is lost.</summary>
    internal virtual int OutputRoom
    {
        [NonAllocating]
        get => int.MaxValue;
    }

    /// <summary>Where on the host link echo goes.</summary>
    internal virtual LinkStream EchoStream
    {
        [NonAllocating]
        get => LinkStream.StandardOutput;
    }

    /// <summary>Sends output.</summary>
    /// <param name="stream">Where on the host link it goes, where that is the line.</param>
    /// <param name="bytes">No more than <see cref="OutputRoom"/>.</param>
    [NonAllocating]
    public abstract void Write(LinkStream stream, ReadOnlySpan<byte> bytes);

    /// <summary>Hands over what was typed, as far as the terminal has room.</summary>
    public abstract void TakeInput();

    /// <summary>Told that a read waits for input.</summary>
    [NonAllocating]
    internal virtual void OnInputWanted()
    {
    }

    /// <summary>Told that there is room for more input.</summary>
    [NonAllocating]
    internal virtual void OnInputRoom(uint more)
    {
    }

    /// <summary>Told that output was stopped, or goes on.</summary>
    [NonAllocating]
    internal virtual void OnFlow(bool isStopped)
    {
    }

    /// <summary>Told that input was dropped.</summary>
    [NonAllocating]
    internal virtual void OnInputDropped()
    {
    }

    /// <summary>Drops output that is under way.</summary>
    [NonAllocating]
    internal virtual void DropOutput()
    {
    }

    /// <summary>Makes of modes that are to be set those that the line can have.</summary>
    [NonAllocating]
    internal virtual void Restrict(ref Termios modes)
    {
    }

    /// <summary>Told that the modes have changed.</summary>
    [NonAllocating]
    internal virtual void OnModesChanged(in Termios before, in Termios after)
    {
    }

    /// <summary>Told that the terminal was opened once more.</summary>
    [NonAllocating]
    internal virtual void OnOpened()
    {
    }

    /// <summary>Told that one of the terminal's open files was closed.</summary>
    [NonAllocating]
    internal virtual void OnClosed()
    {
    }
}
