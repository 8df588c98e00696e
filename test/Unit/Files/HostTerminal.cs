using System.Runtime.InteropServices;
using Semitone.Abi;

namespace Semitone.Unit.Files;

/// <summary>A pseudo-terminal of the host, both ends of it in our hands: the oracle for ours.</summary>
internal sealed class HostTerminal : IDisposable
{
    private const int Reading = 2;
    private const int NoControllingTerminal = 0x100;
    private const int NonBlocking = 0x800;
    private const ulong UnlockPeer = 0x40045431;
    private const ulong OpenPeer = 0x5441;

    private readonly int _screen;
    private readonly int _terminal;

    private HostTerminal(int screen, int terminal)
    {
        _screen = screen;
        _terminal = terminal;
    }

    /// <summary>Opens one.</summary>
    /// <returns>Null where there are none, or where we may not type on it (TIOCSTI wants CAP_SYS_ADMIN): bytes that come from the other end
    /// arrive when Linux likes.</returns>
    public static HostTerminal? TryOpen()
    {
        int screen = open("/dev/ptmx", Reading | NoControllingTerminal | NonBlocking);
        if (screen < 0)
        {
            return null;
        }

        int unlocked = 0;
        ioctl(screen, UnlockPeer, ref unlocked);
        int terminal = ioctl(screen, OpenPeer, (nint)(Reading | NoControllingTerminal | NonBlocking));
        if (terminal < 0)
        {
            close(screen);
            return null;
        }

        HostTerminal opened = new(screen, terminal);
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

    public void Dispose()
    {
        close(_terminal);
        close(_screen);
    }

    public bool TryType(byte value) => ioctl(_terminal, (ulong)IoctlRequest.TIOCSTI, ref value) == 0;

    public Termios GetModes()
    {
        Termios modes = default;
        Assert.Equal(0, ioctl(_terminal, (ulong)IoctlRequest.TCGETS, ref modes));
        return modes;
    }

    public void SetModes(Termios modes, IoctlRequest how) => Assert.Equal(0, ioctl(_terminal, (ulong)how, ref modes));

    public int CountInput()
    {
        int count = 0;
        Assert.Equal(0, ioctl(_terminal, (ulong)IoctlRequest.FIONREAD, ref count));
        return count;
    }

    public void Control(IoctlRequest request, int argument) => ioctl(_terminal, (ulong)request, (nint)argument);

    public PollEvents Poll()
    {
        PollEntry entry = new() { Descriptor = _terminal, Events = (short)(PollEvents.POLLIN | PollEvents.POLLOUT) };
        poll(ref entry, 1, 0);
        return (PollEvents)entry.Found;
    }

    public (Errno Error, byte[] Bytes) Read(int count)
    {
        byte[] buffer = new byte[count];
        nint length = read(_terminal, buffer, count);
        return length < 0 ? ((Errno)Marshal.GetLastPInvokeError(), []) : (Errno.None, buffer[..(int)length]);
    }

    public void Write(byte[] bytes) => write(_terminal, bytes, bytes.Length);

    /// <summary>Takes what has come to the other end.</summary>
    public byte[] ReadScreen()
    {
        List<byte> all = [];
        byte[] buffer = new byte[4096];
        nint length;
        while ((length = read(_screen, buffer, buffer.Length)) > 0)
        {
            all.AddRange(buffer.AsSpan(0, (int)length));
        }

        return [.. all];
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct PollEntry
    {
        public int Descriptor;
        public short Events;
        public short Found;
    }

    [DllImport("libc", SetLastError = true)]
    private static extern int open(string path, int flags);

    [DllImport("libc")]
    private static extern int close(int descriptor);

    [DllImport("libc", SetLastError = true)]
    private static extern nint read(int descriptor, [Out] byte[] buffer, nint count);

    [DllImport("libc", SetLastError = true)]
    private static extern nint write(int descriptor, byte[] buffer, nint count);

    [DllImport("libc", SetLastError = true)]
    private static extern int poll(ref PollEntry entry, nuint count, int timeoutMs);

    [DllImport("libc", SetLastError = true)]
    private static extern int ioctl(int descriptor, ulong request, ref int argument);

    [DllImport("libc", SetLastError = true)]
    private static extern int ioctl(int descriptor, ulong request, ref byte argument);

    [DllImport("libc", SetLastError = true)]
    private static extern int ioctl(int descriptor, ulong request, ref Termios argument);

    [DllImport("libc", SetLastError = true)]
    private static extern int ioctl(int descriptor, ulong request, nint argument);
}
