using System.Runtime.InteropServices;

namespace Semitone.Abi;

/// <summary>A message with all that belongs to it (sendmsg(2)).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct Msghdr
{
    public ulong msg_name;
    public int msg_namelen;
    public ulong msg_iov;
    public ulong msg_iovlen;
    public ulong msg_control;
    public ulong msg_controllen;
    public MessageFlags msg_flags;
}

/// <summary>One of several messages (sendmmsg(2)).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct Mmsghdr
{
    public Msghdr msg_hdr;
    public uint msg_len;
}

/// <summary>What a control message begins with (cmsg(3)).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct Cmsghdr
{
    /// <summary>Bytes of this, too.</summary>
    public ulong cmsg_len;
    public SocketLevel cmsg_level;
    public int cmsg_type;
}

/// <summary>Who is at the other end (unix(7)).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct Ucred
{
    [Trace(TraceFormat.Pid)]
    public int pid;
    public uint uid;
    public uint gid;
}

/// <summary>How long close(2) waits for what has not been sent (SO_LINGER in socket(7)).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct Linger
{
    public int l_onoff;

    /// <summary>Seconds.</summary>
    public int l_linger;
}

/// <summary>What every address begins with; how it goes on, its family says (struct sockaddr in socket(2)).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct Sockaddr
{
    [Trace(TraceFormat.Hidden)]
    public ushort sa_family;
}
