using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Semitone.Shared;

/// <summary>A pseudo-terminal of the host (pty(7)): the screen, at which a test sits, and the terminal, which a program has.</summary>
internal sealed class PseudoTerminalPair : IDisposable
{
    public const short Readable = 1;
    public const short Writable = 4;

    private const int ReadWrite = 2;
    private const int NoControllingTerminal = 0x100;
    private const int NonBlocking = 0x800;
    private const int CloseOnExec = 0x80000;
    private const ulong UnlockPeer = 0x40045431;
    private const ulong GetNumber = 0x80045430;
    private const ulong OpenPeer = 0x5441;
    private const ulong SetSize = 0x5414;

    private readonly int _flags;
    private int _terminal = -1;

    private PseudoTerminalPair(int screen, int flags)
    {
        Screen = screen;
        _flags = flags;
    }

    /// <summary>The descriptor of the test's end.</summary>
    public int Screen { get; }

    /// <summary>The path of the program's end.</summary>
    public string Path
    {
        get
        {
            int number = 0;
            Control(Screen, GetNumber, ref number);
            return $"/dev/pts/{number}";
        }
    }

    /// <summary>Opens one.</summary>
    /// <param name="isNonBlocking">Reads and writes of both ends do not wait.</param>
    /// <returns>Null where the host gives none.</returns>
    public static PseudoTerminalPair? TryOpen(bool isNonBlocking = false)
    {
        int flags = ReadWrite | NoControllingTerminal | CloseOnExec | (isNonBlocking ? NonBlocking : 0);
        int screen = open("/dev/ptmx", flags);
        if (screen < 0)
        {
            return null;
        }

        PseudoTerminalPair pair = new(screen, flags);
        int unlocked = 0;
        pair.Control(screen, UnlockPeer, ref unlocked);
        return pair;
    }

    public void Dispose()
    {
        if (_terminal >= 0)
        {
            close(_terminal);
        }

        close(Screen);
    }

    /// <summary>Opens the program's end in this process.</summary>
    /// <param name="descriptor">Closed with the pair.</param>
    public bool TryOpenTerminal(out int descriptor)
    {
        _terminal = descriptor = ioctl(Screen, OpenPeer, (nint)_flags);
        return descriptor >= 0;
    }

    public void Resize(ushort rows, ushort columns)
    {
        ulong size = rows | ((ulong)columns << 16);
        Control(Screen, SetSize, ref size);
    }

    /// <summary>ioctl(2) with a structure.</summary>
    public int Control<T>(int descriptor, ulong request, ref T argument)
        where T : unmanaged => ioctl(descriptor, request, ref Unsafe.As<T, byte>(ref argument));

    /// <summary>ioctl(2) with a number.</summary>
    public int Control(int descriptor, ulong request, int argument) => ioctl(descriptor, request, (nint)argument);

    /// <summary>poll(2).</summary>
    /// <returns>What of <paramref name="events"/> is so, and what nobody asks for.</returns>
    public short Poll(int descriptor, short events, int timeoutMs)
    {
        PollEntry entry = new() { Descriptor = descriptor, Events = events };
        return poll(ref entry, 1, timeoutMs) > 0 ? entry.Found : (short)0;
    }

    /// <summary>read(2); errno is in <see cref="Marshal.GetLastPInvokeError"/>.</summary>
    public int Read(int descriptor, byte[] buffer) => (int)read(descriptor, buffer, buffer.Length);

    /// <summary>write(2).</summary>
    public int Write(int descriptor, byte[] bytes) => (int)write(descriptor, bytes, bytes.Length);

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
    private static extern int ioctl(int descriptor, ulong request, ref byte argument);

    [DllImport("libc", SetLastError = true)]
    private static extern int ioctl(int descriptor, ulong request, nint argument);
}
