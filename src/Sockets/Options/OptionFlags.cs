namespace Semitone.Sockets;

/// <summary>Options that are on or off, and that sockets only keep or ask for in one place.</summary>
[Flags]
internal enum OptionFlags
{
    None = 0,
    Debug = 1,
    ReuseAddress = 1 << 1,
    ReusePort = 1 << 2,
    DontRoute = 1 << 3,
    Broadcast = 1 << 4,
    KeepAlive = 1 << 5,
    OutOfBandInline = 1 << 6,
    NoCheck = 1 << 7,
    PassCredentials = 1 << 8,
    Lingers = 1 << 9,
}
