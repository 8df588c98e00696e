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

    internal InputEvent(byte sequence, long realtimeNs, ulong monotonicUs)
    {
        Kind = InputEventKind.Time;
        Sequence = sequence;
        RealtimeNs = realtimeNs;
        MonotonicUs = monotonicUs;
    }

    public InputEventKind Kind { get; }

    public ReadOnlySpan<byte> Data { get; }

    public ushort Rows { get; }

    public ushort Columns { get; }

    /// <summary>Which request a time answers.</summary>
    public byte Sequence { get; }

    /// <summary>The host's time of day in nanoseconds since 1970. Any value may come.</summary>
    public long RealtimeNs { get; }

    /// <summary>The host's monotonic clock in microseconds, modulo 2^40.</summary>
    public ulong MonotonicUs { get; }
}
