namespace Semitone.Net;

/// <summary>What can be done with a socket without waiting, by the bits of poll(2).</summary>
[Flags]
public enum TcpReadiness : ushort
{
    None = 0,
    In = 0x0001,

    /// <summary>Urgent data that has not been read.</summary>
    Priority = 0x0002,
    Out = 0x0004,
    Error = 0x0008,
    HangUp = 0x0010,
    ReadNormal = 0x0040,
    WriteNormal = 0x0100,

    /// <summary>The peer has sent all that it will.</summary>
    ReadHangUp = 0x2000,
}
