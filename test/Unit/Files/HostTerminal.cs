using System.Runtime.InteropServices;
using Semitone.Abi;
using Semitone.Shared;

namespace Semitone.Unit.Files;

/// <summary>A pseudo-terminal of the host, both ends of it in our hands: the oracle for ours.</summary>
internal sealed class HostTerminal : IDisposable
{
    private readonly PseudoTerminalPair _pair;
    private readonly int _terminal;

    private HostTerminal(PseudoTerminalPair pair, int terminal)
    {
        _pair = pair;
        _terminal = terminal;
    }

    /// <summary>Opens one.</summary>
    /// <returns>Null where there are none, or where we may not type on it (TIOCSTI wants CAP_SYS_ADMIN): bytes that come from the other end
    /// arrive when Linux likes.</returns>
    public static HostTerminal? TryOpen()
    {
        if (PseudoTerminalPair.TryOpen(isNonBlocking: true) is not { } pair)
        {
            return null;
        }

        if (!pair.TryOpenTerminal(out int terminal))
        {
            pair.Dispose();
            return null;
        }

        HostTerminal opened = new(pair, terminal);
        if (opened.TryType((byte)'a'))
        {
            // Back to the first column, and nothing of it stays.
            opened.Write("\r"u8.ToArray());
            opened.ReadScreen();
            opened.Control(IoctlRequest.TCFLSH, 0);
            return opened;
        }

        opened.Dispose();
        return null;
    }

    public void Dispose() => _pair.Dispose();

    public bool TryType(byte value) => _pair.Control(_terminal, (ulong)IoctlRequest.TIOCSTI, ref value) == 0;

    public Termios GetModes()
    {
        Termios modes = default;
        Assert.Equal(0, _pair.Control(_terminal, (ulong)IoctlRequest.TCGETS, ref modes));
        return modes;
    }

    public void SetModes(Termios modes, IoctlRequest how) => Assert.Equal(0, _pair.Control(_terminal, (ulong)how, ref modes));

    public int CountInput()
    {
        int count = 0;
        Assert.Equal(0, _pair.Control(_terminal, (ulong)IoctlRequest.FIONREAD, ref count));
        return count;
    }

    public void Control(IoctlRequest request, int argument) => _pair.Control(_terminal, (ulong)request, argument);

    public PollEvents Poll() => (PollEvents)_pair.Poll(_terminal, (short)(PollEvents.POLLIN | PollEvents.POLLOUT), 0);

    public (Errno Error, byte[] Bytes) Read(int count)
    {
        byte[] buffer = new byte[count];
        int length = _pair.Read(_terminal, buffer);
        return length < 0 ? ((Errno)Marshal.GetLastPInvokeError(), []) : (Errno.None, buffer[..length]);
    }

    public void Write(byte[] bytes) => _pair.Write(_terminal, bytes);

    /// <summary>Takes what has come to the other end.</summary>
    public byte[] ReadScreen()
    {
        List<byte> all = [];
        byte[] buffer = new byte[4096];
        int length;
        while ((length = _pair.Read(_pair.Screen, buffer)) > 0)
        {
            all.AddRange(buffer.AsSpan(0, length));
        }

        return [.. all];
    }
}
