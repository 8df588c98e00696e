namespace Semitone.Net;

/// <summary>What an endpoint is ready for.</summary>
[Flags]
public enum EndpointReadiness : byte
{
    None = 0,

    /// <summary>There is something to read.</summary>
    Readable = 1 << 0,

    /// <summary>There is room to write.</summary>
    Writable = 1 << 1,

    /// <summary>An error waits to be taken.</summary>
    Error = 1 << 2,

    /// <summary>The peer will send no more.</summary>
    PeerClosed = 1 << 3,

    /// <summary>Nothing will come or go any more.</summary>
    HungUp = 1 << 4,
}
