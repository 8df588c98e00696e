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
    public static int WriteEndOfFile(Span<byte> destination)
    {
        destination[1] = (byte)InputEventKind.EndOfFile;
        destination[0] = LinkFormat.Marker;
        return 2;
    }

    /// <summary>Writes the size of the terminal.</summary>
    public static int WriteWindowSize(Span<byte> destination, ushort rows, ushort columns)
    {
        destination[5] = (byte)(columns >> 8);
        destination[4] = (byte)columns;
        destination[3] = (byte)(rows >> 8);
        destination[2] = (byte)rows;
        destination[1] = (byte)InputEventKind.WindowSize;
        destination[0] = LinkFormat.Marker;
        return LinkFormat.WindowSizeSize;
    }

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
}
