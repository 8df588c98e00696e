using System.Globalization;
using Semitone.Cli.Running;

namespace Semitone.Cli.Packing;

/// <summary>What was packed, and why: a line for each reason.</summary>
internal sealed class PackingReport(RootFileSystemWriter writer)
{
    /// <summary>Above this one is told where it comes from, asked or not.</summary>
    private const long MuchBytes = 512L << 20;

    private readonly List<(string Name, int Files, long Bytes, string Reason)> _lines = [];
    private int _files;
    private long _bytes;

    /// <summary>Counts what was packed since the last time.</summary>
    /// <param name="reason">Null when it is not worth a line.</param>
    public void Add(string name, string? reason)
    {
        if (reason is not null)
        {
            _lines.Add((name, writer.Count - _files, writer.Length - _bytes, reason));
        }

        (_files, _bytes) = (writer.Count, writer.Length);
    }

    /// <summary>Gives the lines to show.</summary>
    public IEnumerable<string> Describe(bool isVerbose)
    {
        if (isVerbose)
        {
            foreach ((string name, int files, long bytes, string reason) in _lines)
            {
                yield return string.Create(
                    CultureInfo.InvariantCulture, $"packed {name}: {files} files, {MemorySize.FormatRoughly(bytes)}: {reason}");
            }
        }

        if (isVerbose || writer.Length > MuchBytes)
        {
            string total = string.Create(
                CultureInfo.InvariantCulture, $"packed in all: {writer.Count} files, {MemorySize.FormatRoughly(writer.Length)}");
            (string name, _, long bytes, _) = _lines.MaxBy(line => line.Bytes);
            yield return isVerbose || name is null
                ? total
                : $"{total}, of which {MemorySize.FormatRoughly(bytes)} for {name}; --verbose says more, --rootfs takes what you choose";
        }
    }
}
