namespace Semitone.Net;

/// <summary>What may be done with an address (RFC 4862, 2; RFC 4429).</summary>
public enum AddressState : byte
{
    /// <summary>Not asked about yet whether somebody else has it, but usable already; its neighbours' caches are left alone.</summary>
    Optimistic,

    /// <summary>Good for everything.</summary>
    Preferred,

    /// <summary>Good for what uses it already.</summary>
    Deprecated,

    /// <summary>Somebody else has it: not used.</summary>
    Duplicate,
}
