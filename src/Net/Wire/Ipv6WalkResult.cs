namespace Semitone.Net;

/// <summary>How a walk over extension headers ended.</summary>
public enum Ipv6WalkResult : byte
{
    /// <summary>At a header that is cut, or after too many: the packet is dropped.</summary>
    Malformed,

    /// <summary>At a transport's header.</summary>
    Payload,

    /// <summary>At a fragment header.</summary>
    Fragment,

    /// <summary>Nothing follows.</summary>
    Empty,

    /// <summary>At something that the sender is to be told of.</summary>
    ParameterProblem,
}
