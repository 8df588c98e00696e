using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace Semitone.Cli.Machines;

/// <summary>A line of a machine's log, or a part of one.</summary>
/// <remarks>
/// The log is in the format of the Kubernetes CRI, which has the bytes as they were: <c>TIME STREAM F|P BYTES</c> and a line feed. F ends a
/// line of the program's, P does not, and what follows on the same stream belongs to it.
/// </remarks>
internal readonly ref struct LogRecord
{
    public const string StandardOutput = "stdout";
    public const string StandardError = "stderr";

    private LogRecord(
        ReadOnlySpan<byte> line, ReadOnlySpan<byte> time, ReadOnlySpan<byte> stream, bool isWhole, ReadOnlySpan<byte> text)
    {
        Line = line;
        Time = time;
        IsError = stream.SequenceEqual("stderr"u8);
        IsWhole = isWhole;
        Text = text;
    }

    /// <summary>As it stands in the file, without its line feed.</summary>
    public ReadOnlySpan<byte> Line { get; }

    /// <summary>RFC 3339 with nanoseconds, of UTC.</summary>
    public ReadOnlySpan<byte> Time { get; }

    public bool IsError { get; }

    /// <summary>A line feed follows.</summary>
    public bool IsWhole { get; }

    public ReadOnlySpan<byte> Text { get; }

    /// <summary>Parses a line of the file.</summary>
    /// <param name="line">Without its line feed.</param>
    /// <param name="record">What it says.</param>
    /// <returns>False for what is none, such as the first bytes after a power failure.</returns>
    public static bool TryParse(ReadOnlySpan<byte> line, out LogRecord record)
    {
        record = default;
        int time = line.IndexOf((byte)' ');
        int stream = time < 0 ? -1 : line[(time + 1)..].IndexOf((byte)' ');
        if (stream < 0)
        {
            return false;
        }

        ReadOnlySpan<byte> name = line.Slice(time + 1, stream);
        ReadOnlySpan<byte> rest = line[(time + stream + 2)..];
        if (rest.Length < 2 || rest[1] != ' ' || rest[0] is not ((byte)'F' or (byte)'P')
            || !Utf8Parser.TryParse(line[..Math.Min(4, time)], out int _, out _))
        {
            return false;
        }

        record = new LogRecord(line, line[..time], name, rest[0] == 'F', rest[2..]);
        return true;
    }

    /// <summary>Writes bytes of a stream as lines of the log.</summary>
    /// <param name="output">Takes them.</param>
    /// <param name="time">When they came.</param>
    /// <param name="stream">Which stream.</param>
    /// <param name="bytes">Any.</param>
    public static void Write(Stream output, DateTimeOffset time, string stream, ReadOnlySpan<byte> bytes)
    {
        byte[] start = Encoding.UTF8.GetBytes(
            time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffffff", CultureInfo.InvariantCulture) + $"00Z {stream} ");
        while (!bytes.IsEmpty)
        {
            int end = bytes.IndexOf((byte)'\n');
            output.Write(start);
            output.Write(end < 0 ? "P "u8 : "F "u8);
            output.Write(end < 0 ? bytes : bytes[..end]);
            output.WriteByte((byte)'\n');
            bytes = end < 0 ? [] : bytes[(end + 1)..];
        }
    }
}
