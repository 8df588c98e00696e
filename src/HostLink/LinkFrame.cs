namespace Semitone.HostLink;

/// <summary>A piece of the output direction, decoded: bytes of a stream, or one whole control message.</summary>
/// <remarks>Its bytes live in the decoder's input or buffer: use them before the next call.</remarks>
public readonly ref struct LinkFrame
{
    internal LinkFrame(LinkStream stream, ReadOnlySpan<byte> bytes)
    {
        Stream = stream;
        Bytes = bytes;
    }

    internal LinkFrame(ControlKind kind, ReadOnlySpan<byte> body)
    {
        Stream = LinkStream.Control;
        Control = kind;
        Bytes = body;
    }

    public LinkStream Stream { get; }

    /// <summary>
    /// The kind of message when <see cref="Stream"/> is <see cref="LinkStream.Control"/>; may be one that this version does not know.
    /// </summary>
    public ControlKind Control { get; }

    /// <summary>Bytes of the stream, never none; or the body of the control message, perhaps none.</summary>
    public ReadOnlySpan<byte> Bytes { get; }
}
