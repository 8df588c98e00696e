namespace Semitone.Sockets;

/// <summary>Types of messages (netlink(7), rtnetlink(7)).</summary>
internal enum NetlinkType : ushort
{
    Error = 2,
    Done = 3,

    /// <summary>Those below are netlink's own.</summary>
    First = 16,
    NewLink = 16,
    GetLink = 18,
    NewAddress = 20,
    GetAddress = 22,
    NewRoute = 24,
    GetRoute = 26,
    GetNeighbor = 30,
}

/// <summary>Flags of messages (netlink(7)).</summary>
[Flags]
internal enum NetlinkFlags : ushort
{
    None = 0,
    Request = 1,
    Multi = 2,
    Acknowledge = 4,
    Root = 0x100,
    Match = 0x200,
    Dump = Root | Match,
}

/// <summary>Attributes of a link (IFLA_ in rtnetlink(7)).</summary>
internal static class LinkAttribute
{
    public const int Address = 1;
    public const int Broadcast = 2;
    public const int Name = 3;
    public const int Mtu = 4;
    public const int QueueingDiscipline = 6;
    public const int QueueLength = 13;
    public const int State = 16;
    public const int Mode = 17;
    public const int Statistics64 = 23;
}

/// <summary>Attributes of an address (IFA_).</summary>
internal static class AddressAttribute
{
    public const int Address = 1;
    public const int Local = 2;
    public const int Label = 3;
    public const int Broadcast = 4;
    public const int CacheInformation = 6;
    public const int Flags = 8;
}

/// <summary>Attributes of a route (RTA_).</summary>
internal static class RouteAttribute
{
    public const int Destination = 1;
    public const int OutputInterface = 4;
    public const int Gateway = 5;
    public const int Priority = 6;
    public const int PreferredSource = 7;
    public const int Table = 15;
}
