namespace Semitone.Net;

/// <summary>The kinds of congestion control that there are (tcp(7), TCP_CONGESTION).</summary>
public enum TcpCongestion : byte
{
    Cubic,
    Reno,
}
