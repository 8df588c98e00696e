namespace Semitone.Net;

/// <summary>What is done about losses.</summary>
internal enum RecoveryState : byte
{
    /// <summary>Nothing: none is known.</summary>
    Open,

    /// <summary>What was found missing is sent again (RFC 6675).</summary>
    Recovery,

    /// <summary>The timeout has expired: everything begins again (RFC 5681, 3.1).</summary>
    Loss,
}
