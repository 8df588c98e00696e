namespace Semitone.Abi;

/// <summary>Address families (socket(2)).</summary>
public enum AddressFamily : int
{
    AF_UNSPEC = 0,
    AF_UNIX = 1,
    AF_INET = 2,
    AF_INET6 = 10,
    AF_NETLINK = 16,
    AF_PACKET = 17,
}

/// <summary>Types of sockets, with the flags that socket(2) takes beside them.</summary>
[Flags]
public enum SocketType : uint
{
    None = 0,
    [FieldMask]
    SOCK_TYPE_MASK = 0xF,
    SOCK_STREAM = 0x1,
    SOCK_DGRAM = 0x2,
    SOCK_RAW = 0x3,
    SOCK_RDM = 0x4,
    SOCK_SEQPACKET = 0x5,
    SOCK_DCCP = 0x6,
    SOCK_PACKET = 0xA,
    SOCK_NONBLOCK = 0x800,
    SOCK_CLOEXEC = 0x80000,
}

/// <summary>Protocols over IP (protocols(5)).</summary>
public enum IpProtocol : int
{
    IPPROTO_IP = 0,
    IPPROTO_ICMP = 1,
    IPPROTO_TCP = 6,
    IPPROTO_UDP = 17,
    IPPROTO_IPV6 = 41,
    IPPROTO_ICMPV6 = 58,
    IPPROTO_RAW = 255,
}

/// <summary>Flags of send(2) and recv(2), and those that recvmsg(2) answers.</summary>
[Flags]
public enum MessageFlags : uint
{
    None = 0,
    MSG_OOB = 0x1,
    MSG_PEEK = 0x2,
    MSG_DONTROUTE = 0x4,
    MSG_CTRUNC = 0x8,
    MSG_PROXY = 0x10,
    MSG_TRUNC = 0x20,
    MSG_DONTWAIT = 0x40,
    MSG_EOR = 0x80,
    MSG_WAITALL = 0x100,
    MSG_FIN = 0x200,
    MSG_SYN = 0x400,
    MSG_CONFIRM = 0x800,
    MSG_RST = 0x1000,
    MSG_ERRQUEUE = 0x2000,
    MSG_NOSIGNAL = 0x4000,
    MSG_MORE = 0x8000,
    MSG_WAITFORONE = 0x10000,
    MSG_BATCH = 0x40000,
    MSG_ZEROCOPY = 0x4000000,
    MSG_FASTOPEN = 0x20000000,
    MSG_CMSG_CLOEXEC = 0x40000000,
}

/// <summary>Who an option belongs to (getsockopt(2)).</summary>
public enum SocketLevel : int
{
    SOL_SOCKET = 1,
    SOL_IP = 0,
    SOL_TCP = 6,
    SOL_UDP = 17,
    SOL_IPV6 = 41,
    SOL_ICMPV6 = 58,
    SOL_RAW = 255,
    SOL_PACKET = 263,
    SOL_NETLINK = 270,
}

/// <summary>Directions of shutdown(2).</summary>
public enum ShutdownHow : int
{
    SHUT_RD = 0,
    SHUT_WR = 1,
    SHUT_RDWR = 2,
}

/// <summary>Control messages of the socket level (unix(7)).</summary>
public enum ControlMessageType : int
{
    SCM_RIGHTS = 1,
    SCM_CREDENTIALS = 2,
}

/// <summary>Options of the socket level (socket(7)).</summary>
public enum SocketOption : int
{
    SO_DEBUG = 1,
    SO_REUSEADDR = 2,
    SO_TYPE = 3,
    SO_ERROR = 4,
    SO_DONTROUTE = 5,
    SO_BROADCAST = 6,
    SO_SNDBUF = 7,
    SO_RCVBUF = 8,
    SO_KEEPALIVE = 9,
    SO_OOBINLINE = 10,
    SO_NO_CHECK = 11,
    SO_PRIORITY = 12,
    SO_LINGER = 13,
    SO_BSDCOMPAT = 14,
    SO_REUSEPORT = 15,
    SO_PASSCRED = 16,
    SO_PEERCRED = 17,
    SO_RCVLOWAT = 18,
    SO_SNDLOWAT = 19,
    SO_RCVTIMEO = 20,
    SO_SNDTIMEO = 21,
    SO_BINDTODEVICE = 25,
    SO_ATTACH_FILTER = 26,
    SO_DETACH_FILTER = 27,
    SO_PEERNAME = 28,
    SO_TIMESTAMP = 29,
    SO_ACCEPTCONN = 30,
    SO_PEERSEC = 31,
    SO_SNDBUFFORCE = 32,
    SO_RCVBUFFORCE = 33,
    SO_PASSSEC = 34,
    SO_TIMESTAMPNS = 35,
    SO_MARK = 36,
    SO_TIMESTAMPING = 37,
    SO_PROTOCOL = 38,
    SO_DOMAIN = 39,
    SO_RXQ_OVFL = 40,
    SO_PEEK_OFF = 42,
    SO_BUSY_POLL = 46,
    SO_MAX_PACING_RATE = 47,
    SO_INCOMING_CPU = 49,
    SO_ZEROCOPY = 60,
    SO_PEERGROUPS = 59,
    SO_PEERPIDFD = 77,
    SO_COOKIE = 57,
    SO_MEMINFO = 55,
    SO_TXREHASH = 74,
    SO_BINDTOIFINDEX = 62,
}

/// <summary>Options of IPv4 (ip(7)).</summary>
public enum IpOption : int
{
    IP_TOS = 1,
    IP_TTL = 2,
    IP_HDRINCL = 3,
    IP_OPTIONS = 4,
    IP_RECVOPTS = 6,
    IP_RETOPTS = 7,
    IP_PKTINFO = 8,
    IP_MTU_DISCOVER = 10,
    IP_RECVERR = 11,
    IP_RECVTTL = 12,
    IP_RECVTOS = 13,
    IP_MTU = 14,
    IP_FREEBIND = 15,
    IP_TRANSPARENT = 19,
    IP_RECVORIGDSTADDR = 20,
    IP_MINTTL = 21,
    IP_BIND_ADDRESS_NO_PORT = 24,
    IP_MULTICAST_IF = 32,
    IP_MULTICAST_TTL = 33,
    IP_MULTICAST_LOOP = 34,
    IP_ADD_MEMBERSHIP = 35,
    IP_DROP_MEMBERSHIP = 36,
    IP_MULTICAST_ALL = 49,
    IP_LOCAL_PORT_RANGE = 51,
}

/// <summary>Options of IPv6 (ipv6(7)).</summary>
public enum Ipv6Option : int
{
    IPV6_UNICAST_HOPS = 16,
    IPV6_MULTICAST_IF = 17,
    IPV6_MULTICAST_HOPS = 18,
    IPV6_MULTICAST_LOOP = 19,
    IPV6_ADD_MEMBERSHIP = 20,
    IPV6_DROP_MEMBERSHIP = 21,
    IPV6_MTU_DISCOVER = 23,
    IPV6_MTU = 24,
    IPV6_RECVERR = 25,
    IPV6_V6ONLY = 26,
    IPV6_RECVPKTINFO = 49,
    IPV6_PKTINFO = 50,
    IPV6_RECVHOPLIMIT = 51,
    IPV6_HOPLIMIT = 52,
    IPV6_RECVTCLASS = 66,
    IPV6_TCLASS = 67,
    IPV6_CHECKSUM = 7,
    IPV6_FREEBIND = 78,
    IPV6_TRANSPARENT = 75,
    IPV6_DONTFRAG = 62,
}

/// <summary>Options of TCP (tcp(7)).</summary>
public enum TcpOption : int
{
    TCP_NODELAY = 1,
    TCP_MAXSEG = 2,
    TCP_CORK = 3,
    TCP_KEEPIDLE = 4,
    TCP_KEEPINTVL = 5,
    TCP_KEEPCNT = 6,
    TCP_SYNCNT = 7,
    TCP_LINGER2 = 8,
    TCP_DEFER_ACCEPT = 9,
    TCP_WINDOW_CLAMP = 10,
    TCP_INFO = 11,
    TCP_QUICKACK = 12,
    TCP_CONGESTION = 13,
    TCP_USER_TIMEOUT = 18,
    TCP_FASTOPEN = 23,
    TCP_NOTSENT_LOWAT = 25,
    TCP_FASTOPEN_CONNECT = 30,
    TCP_INQ = 36,
    TCP_ULP = 31,
    TCP_THIN_LINEAR_TIMEOUTS = 16,
    TCP_MD5SIG = 14,
    TCP_REPAIR = 19,
}
