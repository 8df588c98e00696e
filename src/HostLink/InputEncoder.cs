using System.Buffers.Binary;

namespace Semitone.HostLink;

/// <summary>The host's side of the input direction.</summary>
public static class InputEncoder
{
    /// <summary>Encodes as much of the data as the destination surely has room for.</summary>
    /// <param name="data">Bytes of standard input.</param>
    /// <param name="destination">At least 2 bytes.</param>
    /// <param name="consumed">Bytes of the data that were encoded.</param>
    /// <returns>Bytes written to the destination.</returns>
    public static int WriteData(ReadOnlySpan<byte> data, Span<byte> destination, out int consumed)
    {
        int written = 0;
        consumed = 0;
        while (consumed < data.Length && written + 2 <= destination.Length)
        {
            byte value = data[consumed++];
            destination[written++] = value;
            if (value == LinkFormat.Marker)
            {
                destination[written++] = value;
            }
        }

        return written;
    }

    /// <summary>Writes the mark that standard input has ended.</summary>
    public static int WriteEndOfFile(Span<byte> destination) => WriteSequence(destination, InputEventKind.EndOfFile, 0, bodyLength: 0);

    /// <summary>Writes the mark that a request for input has been answered.</summary>
    public static int WriteAnswered(Span<byte> destination) => WriteSequence(destination, InputEventKind.Answered, 0, bodyLength: 0);

    /// <summary>Writes that standard input can be read.</summary>
    public static int WriteReadable(Span<byte> destination, uint count) =>
        WriteSequence(destination, InputEventKind.Readable, count, bodyLength: 4);

    /// <summary>Writes a signal for the first process.</summary>
    public static int WriteSignal(Span<byte> destination, byte signal) =>
        WriteSequence(destination, InputEventKind.Signal, signal, bodyLength: 1);

    /// <summary>Writes the size of the terminal.</summary>
    public static int WriteWindowSize(Span<byte> destination, ushort rows, ushort columns) =>
        WriteSequence(destination, InputEventKind.WindowSize, rows | ((uint)columns << 16), bodyLength: 4);

    /// <summary>Writes the host's clocks.</summary>
    /// <param name="destination">At least <see cref="LinkFormat.TimeSize"/> bytes.</param>
    /// <param name="sequence">Of the request.</param>
    /// <param name="realtimeNs">Nanoseconds since 1970.</param>
    /// <param name="monotonicUs">Microseconds; the low 40 bits count.</param>
    public static int WriteTime(Span<byte> destination, byte sequence, long realtimeNs, ulong monotonicUs)
    {
        destination[15] = (byte)(monotonicUs >> 32);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[11..], (uint)monotonicUs);
        BinaryPrimitives.WriteInt64LittleEndian(destination[3..], realtimeNs);
        destination[2] = sequence;
        destination[1] = (byte)InputEventKind.Time;
        destination[0] = LinkFormat.Marker;
        return LinkFormat.TimeSize;
    }

    private static int WriteSequence(Span<byte> destination, InputEventKind kind, uint body, int bodyLength)
    {
        destination[0] = LinkFormat.Marker;
        destination[1] = (byte)kind;
        for (int i = 0; i < bodyLength; i++)
        {
            destination[2 + i] = (byte)(body >> (8 * i));
        }

        return 2 + bodyLength;
    }
}
