using System.Diagnostics;
using Semitone.Cli.Posix;
using Semitone.Cli.Running;

namespace Semitone.Cli.Packing;

/// <summary>One line on a terminal that tells how far packing is, when that takes long.</summary>
internal sealed class PackingProgress
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);

    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly bool _isShown;
    private readonly Action<string> _write;
    private TimeSpan _next = s_patience;
    private bool _hasLine;

    /// <param name="isShown">Whether there is a terminal, and somebody who wants to see it.</param>
    /// <param name="write">Takes what goes to standard error.</param>
    public PackingProgress(bool isShown, Action<string> write)
    {
        _isShown = isShown;
        _write = write;
    }

    /// <summary>Makes one for standard error.</summary>
    /// <param name="isQuiet">Nothing is to be said.</param>
    public static PackingProgress ForStandardError(bool isQuiet) => new(
        !isQuiet && Descriptor.IsTerminal(Descriptor.StandardError),
        text =>
        {
            if (!isQuiet)
            {
                Descriptor.TryWrite(Descriptor.StandardError, HostText.ToBytes(text));
            }
        });

    /// <summary>Tells that something was packed; cheap when it is not time to show anything.</summary>
    /// <param name="activity">What is done with the files.</param>
    public void Report(int count, long bytes, string name, string activity = "packing")
    {
        if (!_isShown || Stopwatch.GetElapsedTime(_start) < _next)
        {
            return;
        }

        // Short enough for most terminals: a line that wraps could not be taken back.
        const int LongestName = 40;
        string shown = name.Length <= LongestName ? name : string.Concat("...", name.AsSpan(name.Length - LongestName + 3));
        _write($"\r\e[K{activity}: {count} files, {MemorySize.FormatRoughly(bytes)} {HideControls(shown)}");
        _hasLine = true;
        _next = Stopwatch.GetElapsedTime(_start) + s_pause;
    }

    /// <summary>Writes a line that stays.</summary>
    public void Say(string line)
    {
        Finish();
        _write($"semitone: {line}\n");
    }

    /// <summary>Takes the line back.</summary>
    public void Finish()
    {
        if (_hasLine)
        {
            _write("\r\e[K");
            _hasLine = false;
        }
    }

    private static string HideControls(string text) => string.Concat(text.Select(character => char.IsControl(character) ? '?' : character));
}
