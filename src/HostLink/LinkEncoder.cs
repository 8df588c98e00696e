using System.Diagnostics;

namespace Semitone.HostLink;

/// <summary>The guest's side of the output direction: puts frames around bytes.</summary>
/// <remarks>Works on the caller's spans and allocates nothing: a program's write(2) passes here.</remarks>
public static class LinkEncoder
{
    /// <summary>Writes the header of a frame whose payload the caller sends itself, right behind it.</summary>
    /// <param name="destination">At least <see cref="LinkFormat.HeaderSize"/> bytes.</param>
    /// <param name="stream">Any stream but <see cref="LinkStream.Raw"/>.</param>
    /// <param name="payloadLength">1 to <see cref="LinkFormat.MaxPayload"/>.</param>
    [NonAllocating]
    public static void WriteHeader(Span<byte> destination, LinkStream stream, int payloadLength)
    {
        Debug.Assert(stream is > LinkStream.Raw and <= LinkStream.Control);
        Debug.Assert(payloadLength is > 0 and <= LinkFormat.MaxPayload);
        destination[3] = (byte)(payloadLength >> 8);
        destination[2] = (byte)payloadLength;
        destination[1] = (byte)stream;
        destination[0] = LinkFormat.Marker;
    }

    /// <summary>Writes a whole control message.</summary>
    /// <param name="destination">Room for the header, the kind and the body.</param>
    /// <param name="kind">What is said.</param>
    /// <param name="body">Cut off behind <see cref="LinkFormat.MaxPayload"/> - 1 bytes.</param>
    /// <returns>Bytes written.</returns>
    [NonAllocating]
    public static int WriteControl(Span<byte> destination, ControlKind kind, ReadOnlySpan<byte> body)
    {
        int bodyLength = Math.Min(body.Length, LinkFormat.MaxPayload - 1);
        WriteHeader(destination, LinkStream.Control, bodyLength + 1);
        destination[LinkFormat.HeaderSize] = (byte)kind;
        body[..bodyLength].CopyTo(destination[(LinkFormat.HeaderSize + 1)..]);
        return LinkFormat.HeaderSize + 1 + bodyLength;
    }
}
