using System.Diagnostics;
using System.Text;
using Semitone.Shared;

namespace Semitone.Apps;

/// <summary>A command on a terminal of its own, at which the test sits.</summary>
internal sealed class PseudoTerminal : IDisposable
{
    /// <summary>Longer than anything takes on a host whose processors are all wanted by others too.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(180);

    private readonly PseudoTerminalPair _pair;
    private readonly StringBuilder _shown = new();
    private int _seen;

    /// <param name="command">File and arguments; its session's controlling terminal is this one.</param>
    public PseudoTerminal(params string[] command)
    {
        PseudoTerminalPair? pair = PseudoTerminalPair.TryOpen();
        Assert.True(pair is not null, "the host gives no pseudo-terminal");
        _pair = pair;
        Resize(30, 100);
        Process = Process.Start(new ProcessStartInfo(
            "/usr/bin/env",
            ["--default-signal=INT,QUIT", "/bin/sh", "-c", $"exec setsid --ctty \"$@\" <>{_pair.Path} >&0 2>&1", "sh", .. command]))!;
    }

    public Process Process { get; }

    public void Dispose()
    {
        if (!Process.HasExited)
        {
            Process.Kill(entireProcessTree: true);
        }

        Process.Dispose();
        _pair.Dispose();
    }

    public void Resize(ushort rows, ushort columns) => _pair.Resize(rows, columns);

    public void Type(string keys)
    {
        byte[] bytes = Encoding.Latin1.GetBytes(keys);
        Assert.Equal(bytes.Length, _pair.Write(_pair.Screen, bytes));
    }

    /// <summary>Waits until the screen shows a text that the test has not seen yet.</summary>
    public void WaitFor(string text) => Assert.True(TryWaitFor(text, s_patience), NotShown(text));

    /// <summary>Types keys, and again every two seconds, until the screen shows a text that the test has not seen yet.</summary>
    /// <remarks>
    /// For keys that say nothing to a program which is not ready for them. When it is cannot be seen from outside: a shell takes note
    /// of a SIGINT before its wait for keys and handles it with the next one, on Linux too; a job that was sent to the background
    /// stops when it comes to reading.
    /// </remarks>
    public void TypeUntilShown(string keys, string text)
    {
        Stopwatch time = Stopwatch.StartNew();
        do
        {
            Assert.True(time.Elapsed < s_patience, NotShown(text));
            Type(keys);
        }
        while (!TryWaitFor(text, TimeSpan.FromSeconds(2)));
    }

    /// <summary>Waits for the end of the command.</summary>
    /// <returns>Its status, 128 + N after signal N, and all that the terminal has shown.</returns>
    public (int Status, string Shown) WaitForEnd()
    {
        Stopwatch time = Stopwatch.StartNew();
        while (!Process.HasExited && time.Elapsed < s_patience)
        {
            TryRead(100);
        }

        while (TryRead(0))
        {
        }

        Assert.True(Process.HasExited, $"it does not end; the terminal shows: {_shown}");
        return (Process.ExitCode, _shown.ToString());
    }

    private string NotShown(string text) => $"'{text}' is not shown; this is: {_shown.ToString(_seen, _shown.Length - _seen)}";

    /// <returns>Whether it was shown within a time, and before the command's end.</returns>
    private bool TryWaitFor(string text, TimeSpan patience)
    {
        Stopwatch time = Stopwatch.StartNew();
        int found;
        while ((found = _shown.ToString().IndexOf(text, _seen, StringComparison.Ordinal)) < 0)
        {
            bool isAlive = TryRead(100) || !Process.HasExited;
            if (!isAlive || time.Elapsed > patience)
            {
                return false;
            }
        }

        _seen = found + text.Length;
        return true;
    }

    private bool TryRead(int timeoutMs)
    {
        if ((_pair.Poll(_pair.Screen, PseudoTerminalPair.Readable, timeoutMs) & PseudoTerminalPair.Readable) == 0)
        {
            return false;
        }

        byte[] buffer = new byte[4096];
        int length = _pair.Read(_pair.Screen, buffer);
        _shown.Append(Encoding.Latin1.GetString(buffer, 0, Math.Max(length, 0)));
        return length > 0;
    }
}
