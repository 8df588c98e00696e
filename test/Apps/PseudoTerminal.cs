using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace Semitone.Apps;

/// <summary>A command on a terminal of its own, at which the test sits.</summary>
internal sealed class PseudoTerminal : IDisposable
{
    private const int ReadWrite = 2;
    private const int NoControllingTerminal = 0x100;
    private const int CloseOnExec = 0x80000;
    private const short Readable = 1;
    private const ulong UnlockPeer = 0x40045431;
    private const ulong GetNumber = 0x80045430;
    private const ulong SetSize = 0x5414;

    private readonly int _screen;
    private readonly StringBuilder _shown = new();
    private int _seen;

    /// <param name="command">File and arguments; its session's controlling terminal is this one.</param>
    public PseudoTerminal(params string[] command)
    {
        _screen = open("/dev/ptmx", ReadWrite | NoControllingTerminal | CloseOnExec);
        Assert.True(_screen >= 0, "the host gives no pseudo-terminal");
        int number = 0;
        ioctl(_screen, UnlockPeer, ref number);
        ioctl(_screen, GetNumber, ref number);
        Resize(30, 100);
        Process = Process.Start(new ProcessStartInfo(
            "/usr/bin/env",
            ["--default-signal=INT,QUIT", "/bin/sh", "-c", $"exec setsid --ctty \"$@\" <>/dev/pts/{number} >&0 2>&1", "sh", .. command]))!;
    }

    public Process Process { get; }

    public void Dispose()
    {
        if (!Process.HasExited)
        {
            Process.Kill(entireProcessTree: true);
        }

        Process.Dispose();
        close(_screen);
    }

    public void Resize(ushort rows, ushort columns)
    {
        ulong size = rows | ((ulong)columns << 16);
        ioctl(_screen, SetSize, ref size);
    }

    public void Type(string keys)
    {
        byte[] bytes = Encoding.Latin1.GetBytes(keys);
        Assert.Equal(bytes.Length, write(_screen, bytes, bytes.Length));
    }

    /// <summary>Waits until the screen shows a text that the test has not seen yet.</summary>
    public void WaitFor(string text)
    {
        Stopwatch time = Stopwatch.StartNew();
        int found;
        while ((found = _shown.ToString().IndexOf(text, _seen, StringComparison.Ordinal)) < 0)
        {
            bool isAlive = TryRead(1000) || !Process.HasExited;
            Assert.True(
                isAlive && time.Elapsed < TimeSpan.FromSeconds(60),
                $"'{text}' is not shown; this is: {_shown.ToString(_seen, _shown.Length - _seen)}");
        }

        _seen = found + text.Length;
    }

    /// <summary>Waits for the end of the command.</summary>
    /// <returns>Its status, 128 + N after signal N, and all that the terminal has shown.</returns>
    public (int Status, string Shown) WaitForEnd()
    {
        Stopwatch time = Stopwatch.StartNew();
        while (!Process.HasExited && time.Elapsed < TimeSpan.FromSeconds(60))
        {
            TryRead(100);
        }

        while (TryRead(0))
        {
        }

        Assert.True(Process.HasExited, $"it does not end; the terminal shows: {_shown}");
        return (Process.ExitCode, _shown.ToString());
    }

    private bool TryRead(int timeoutMs)
    {
        PollEntry entry = new() { Descriptor = _screen, Events = Readable };
        if (poll(ref entry, 1, timeoutMs) <= 0 || (entry.Found & Readable) == 0)
        {
            return false;
        }

        byte[] buffer = new byte[4096];
        nint length = read(_screen, buffer, buffer.Length);
        _shown.Append(Encoding.Latin1.GetString(buffer, 0, (int)Math.Max(length, 0)));
        return length > 0;
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
    private static extern int ioctl(int descriptor, ulong request, ref ulong argument);
}
