namespace Semitone.Net;

/// <summary>The control bits of a segment (RFC 9293, 3.1; RFC 3168, 6.1).</summary>
[Flags]
public enum TcpFlags : byte
{
    None = 0,
    Fin = 1 << 0,
    Syn = 1 << 1,
    Rst = 1 << 2,
    Psh = 1 << 3,
    Ack = 1 << 4,
    Urg = 1 << 5,
    Ece = 1 << 6,
    Cwr = 1 << 7,
}
