namespace Semitone.Net;

/// <summary>Where a client stands (RFC 2131, 4.4, figure 5).</summary>
public enum Dhcp4State : byte
{
    /// <summary>Nothing is asked.</summary>
    Stopped,

    /// <summary>Servers are looked for.</summary>
    Selecting,

    /// <summary>An offer was taken, and the server has not said yes yet.</summary>
    Requesting,

    /// <summary>The link was away, and the server is asked whether the address is still ours.</summary>
    Rebooting,

    Bound,

    Renewing,

    Rebinding,
}
