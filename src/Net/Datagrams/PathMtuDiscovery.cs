namespace Semitone.Net;

/// <summary>What an endpoint does about packets that are too large for their path (IP_MTU_DISCOVER, with its numbers).</summary>
public enum PathMtuDiscovery : byte
{
    /// <summary>They are cut, by whoever must.</summary>
    Never = 0,

    /// <summary>They are cut here, as small as is known to be needed; the others may not be cut.</summary>
    Wanted = 1,

    /// <summary>They are refused.</summary>
    Always = 2,

    /// <summary>They are refused if they are too large for the link; what is known of the path is not heeded.</summary>
    Probe = 3,
}
