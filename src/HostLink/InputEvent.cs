namespace Semitone.HostLink;

/// <summary>A piece of the input direction, decoded.</summary>
/// <remarks>Its data lives in the decoder's input: use it before that buffer is filled again.</remarks>
public readonly ref struct InputEvent
{
    internal InputEvent(ReadOnlySpan<byte> data)
    {
        Data = data;
    }

    internal InputEvent(InputEventKind kind, ushort rows = 0, ushort columns = 0)
    {
        Kind = kind;
        Rows = rows;
        Columns = columns;
    }

    public InputEventKind Kind { get; }

    public ReadOnlySpan<byte> Data { get; }

    public ushort Rows { get; }

    public ushort Columns { get; }
}
