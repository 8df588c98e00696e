namespace Semitone.HostLink;

/// <summary>A piece of the input direction, decoded.</summary>
/// <remarks>Its data lives in the decoder's input: use it before that buffer is filled again.</remarks>
[NonAllocating]
public readonly ref struct InputEvent
{
    internal InputEvent(ReadOnlySpan<byte> data)
    {
        Data = data;
    }

    internal InputEvent(InputEventKind kind, uint body = 0)
    {
        Kind = kind;
        Body = body;
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

    public ushort Rows => (ushort)Body;

    public ushort Columns => (ushort)(Body >> 16);

    /// <summary>The number of a signal.</summary>
    public byte Signal => (byte)Body;

    /// <summary>Bytes that can be read.</summary>
    public uint Count => Body;

    /// <summary>Which request a time answers.</summary>
    public byte Sequence { get; }

    /// <summary>The host's time of day in nanoseconds since 1970. Any value may come.</summary>
    public long RealtimeNs { get; }

    /// <summary>The host's monotonic clock in microseconds, modulo 2^40.</summary>
    public ulong MonotonicUs { get; }

    private uint Body { get; }
}
