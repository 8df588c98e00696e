using System.Buffers.Binary;
using Semitone.Abi;
using Semitone.Net;

namespace Semitone.Sockets;

/// <summary>Answers requests of rtnetlink(7) about interfaces, addresses and routes.</summary>
internal sealed class RouteDump(NetworkStack stack, NetlinkWriter writer)
{
    private const int HeaderLength = 16;
    private const int LinkHeadLength = 16;
    private const int AddressHeadLength = 8;
    private const int RouteHeadLength = 12;
    private const int StatisticsLength = 24 * sizeof(ulong);
    private const byte PermanentFlag = 0x80;
    private const byte MainTable = 254;
    private const byte KernelProtocol = 2;
    private const byte BootProtocol = 3;
    private const byte HostScope = 254;
    private const byte LinkScope = 253;
    private const byte UnicastType = 1;
    private const byte StateUnknown = 0;
    private const byte StateDown = 2;
    private const byte StateUp = 6;

    private bool _isOverrunTold;

    /// <summary>Tells whether an answer was lost because the queue was full, and forgets it.</summary>
    public bool TakeOverrun()
    {
        bool isFull = writer.IsFull && !_isOverrunTold;
        _isOverrunTold |= isFull;
        return isFull;
    }

    public void Flush() => writer.Flush();

    /// <summary>Answers a request.</summary>
    /// <returns>None, or what is told in a message of its own: EOPNOTSUPP, EPERM, ENODEV, EINVAL.</returns>
    public Errno Serve(NetlinkType type, NetlinkFlags flags, ReadOnlySpan<byte> request, uint port, ISocketCaller? caller)
    {
        uint sequence = BinaryPrimitives.ReadUInt32LittleEndian(request[8..]);
        ReadOnlySpan<byte> body = request[HeaderLength..];
        AddressFamily family = body.IsEmpty ? AddressFamily.AF_UNSPEC : (AddressFamily)body[0];
        bool isDump = (flags & NetlinkFlags.Dump) != 0;
        switch (type)
        {
            case NetlinkType.GetLink when !isDump:
                return WriteOneLink(body, sequence, port);
            case NetlinkType.GetLink:
                // Whatever the family is: links have none.
                foreach (NetworkInterface networkInterface in stack.Interfaces)
                {
                    WriteLink(networkInterface, NetlinkFlags.Multi, sequence, port);
                }

                break;
            case NetlinkType.GetAddress when isDump:
                WriteAddresses(family, sequence, port);
                break;
            case NetlinkType.GetRoute when isDump:
                WriteRoutes(family, sequence, port);
                break;
            case NetlinkType.GetNeighbor when isDump:
                break;
            default:
                bool changes = ((int)type & 3) != 2;
                return changes && caller?.Has(Capability.CAP_NET_ADMIN) != true ? Errno.EPERM : Errno.EOPNOTSUPP;
        }

        Span<byte> status = stackalloc byte[sizeof(int)];
        status.Clear();
        writer.Flush();
        writer.Begin(NetlinkType.Done, NetlinkFlags.Multi, sequence, port, status);
        writer.End();
        return Errno.None;
    }

    /// <summary>Tells what became of a request: 0, or an error with the request's header.</summary>
    public void Acknowledge(ReadOnlySpan<byte> request, Errno error, uint port)
    {
        Span<byte> head = stackalloc byte[sizeof(int) + HeaderLength];
        BinaryPrimitives.WriteInt32LittleEndian(head, -(int)error);
        request[..HeaderLength].CopyTo(head[sizeof(int)..]);
        writer.Begin(NetlinkType.Error, NetlinkFlags.None, BinaryPrimitives.ReadUInt32LittleEndian(request[8..]), port, head);
        writer.End();
    }

    private Errno WriteOneLink(ReadOnlySpan<byte> body, uint sequence, uint port)
    {
        if (body.Length < LinkHeadLength)
        {
            return Errno.EINVAL;
        }

        int index = BinaryPrimitives.ReadInt32LittleEndian(body[4..]);
        ReadOnlySpan<byte> name = FindAttribute(body[LinkHeadLength..], LinkAttribute.Name);
        int end = name.IndexOf((byte)0);
        name = end < 0 ? name : name[..end];
        if (index == 0 && name.IsEmpty)
        {
            return Errno.EINVAL;
        }

        if ((index != 0 ? stack.FindInterface(index) : stack.FindInterface(name)) is not { } networkInterface)
        {
            return Errno.ENODEV;
        }

        WriteLink(networkInterface, NetlinkFlags.None, sequence, port);
        return Errno.None;
    }

    private static ReadOnlySpan<byte> FindAttribute(ReadOnlySpan<byte> attributes, int wanted)
    {
        const int HeadLength = 4;
        while (attributes.Length >= HeadLength)
        {
            int length = BinaryPrimitives.ReadUInt16LittleEndian(attributes);
            if (length < HeadLength || length > attributes.Length)
            {
                break;
            }

            if (BinaryPrimitives.ReadUInt16LittleEndian(attributes[2..]) == wanted)
            {
                return attributes[HeadLength..length];
            }

            attributes = attributes[Math.Min((length + 3) & ~3, attributes.Length)..];
        }

        return [];
    }

    private void WriteLink(NetworkInterface networkInterface, NetlinkFlags flags, uint sequence, uint port)
    {
        Span<byte> head = stackalloc byte[LinkHeadLength];
        head.Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(head[2..], networkInterface.GetHardwareType());
        BinaryPrimitives.WriteInt32LittleEndian(head[4..], networkInterface.Index);
        BinaryPrimitives.WriteUInt32LittleEndian(head[8..], (uint)networkInterface.GetFlags());
        writer.Begin(NetlinkType.NewLink, flags, sequence, port, head);
        writer.Add(LinkAttribute.Name, networkInterface.Name);
        writer.Add(LinkAttribute.QueueLength, InterfaceFacts.QueueLength);
        byte state = networkInterface.IsLoopback ? StateUnknown : networkInterface.IsRunning ? StateUp : StateDown;
        writer.Add(LinkAttribute.State, [state]);
        writer.Add(LinkAttribute.Mode, [0]);
        writer.Add(LinkAttribute.Mtu, (uint)networkInterface.Mtu);
        Span<byte> address = stackalloc byte[MacAddress.Size];
        address.Clear();
        if (!networkInterface.IsLoopback)
        {
            networkInterface.Link.Address.Write(address);
        }

        writer.Add(LinkAttribute.Address, address);
        address.Fill(networkInterface.IsLoopback ? (byte)0 : (byte)0xFF);
        writer.Add(LinkAttribute.Broadcast, address);
        writer.Add(LinkAttribute.QueueingDiscipline, "noqueue");
        Span<byte> statistics = stackalloc byte[StatisticsLength];
        WriteStatistics(networkInterface.Counters, statistics);
        writer.Add(LinkAttribute.Statistics64, statistics);
        writer.End();
    }

    /// <summary>Writes struct rtnl_link_stats64.</summary>
    private static void WriteStatistics(InterfaceCounters counters, Span<byte> statistics)
    {
        ReadOnlySpan<long> values =
        [
            counters.RxPackets, counters.TxPackets, counters.RxBytes, counters.TxBytes, counters.RxErrors, counters.TxErrors,
            counters.RxDropped, counters.TxDropped, counters.Multicast,
        ];
        statistics.Clear();
        for (int i = 0; i < values.Length; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(statistics[(i * sizeof(long))..], values[i]);
        }
    }

    private void WriteAddresses(AddressFamily family, uint sequence, uint port)
    {
        Span<byte> head = stackalloc byte[AddressHeadLength];
        Span<byte> bytes = stackalloc byte[IpAddress.Ipv6Size];
        Span<byte> cache = stackalloc byte[4 * sizeof(uint)];
        foreach (NetworkInterface networkInterface in stack.Interfaces)
        {
            foreach (InterfaceAddress address in networkInterface.Addresses)
            {
                AddressFamily own = FamilyOf(address.Address);
                if (family != AddressFamily.AF_UNSPEC && family != own)
                {
                    continue;
                }

                head[0] = (byte)own;
                head[1] = (byte)address.Prefix.Length;
                head[2] = address.ValidUntilNs == long.MaxValue ? PermanentFlag : (byte)0;
                head[3] = address.Address.IsLoopback ? HostScope : address.Address.IsLinkLocal ? LinkScope : (byte)0;
                BinaryPrimitives.WriteInt32LittleEndian(head[4..], networkInterface.Index);
                writer.Begin(NetlinkType.NewAddress, NetlinkFlags.Multi, sequence, port, head);
                ReadOnlySpan<byte> value = Put(address.Address, bytes);
                writer.Add(AddressAttribute.Address, value);
                if (address.Address.IsIpv4)
                {
                    writer.Add(AddressAttribute.Local, value);
                    if (!networkInterface.IsLoopback && address.Broadcast.IsIpv4)
                    {
                        writer.Add(AddressAttribute.Broadcast, Put(address.Broadcast, bytes));
                    }

                    writer.Add(AddressAttribute.Label, networkInterface.Name);
                }

                writer.Add(AddressAttribute.Flags, head[2]);
                cache.Fill(0);
                BinaryPrimitives.WriteUInt32LittleEndian(cache, GetSeconds(address.PreferredUntilNs));
                BinaryPrimitives.WriteUInt32LittleEndian(cache[4..], GetSeconds(address.ValidUntilNs));
                writer.Add(AddressAttribute.CacheInformation, cache);
                writer.End();
            }
        }
    }

    /// <summary>Gets what is told of a time: only whether it ends.</summary>
    private static uint GetSeconds(long untilNs) =>
        untilNs == long.MaxValue ? uint.MaxValue : (uint)Math.Min(untilNs / 1_000_000_000, int.MaxValue);

    private void WriteRoutes(AddressFamily family, uint sequence, uint port)
    {
        Span<byte> head = stackalloc byte[RouteHeadLength];
        Span<byte> bytes = stackalloc byte[IpAddress.Ipv6Size];
        foreach (Route route in stack.Routes.Routes)
        {
            AddressFamily own = route.Prefix.IsIpv4 ? AddressFamily.AF_INET : AddressFamily.AF_INET6;
            bool isOfLoopback = own == AddressFamily.AF_INET && route.InterfaceIndex == stack.Loopback.Index;
            if (isOfLoopback || (family != AddressFamily.AF_UNSPEC && family != own))
            {
                // Linux keeps those in a table of its own, which is not asked for.
                continue;
            }

            head.Clear();
            head[0] = (byte)own;
            head[1] = (byte)route.Prefix.Length;
            head[4] = MainTable;
            head[5] = route.Origin == AddressOrigin.Kernel ? KernelProtocol : BootProtocol;
            head[6] = route.HasGateway || own == AddressFamily.AF_INET6 ? (byte)0 : LinkScope;
            head[7] = UnicastType;
            writer.Begin(NetlinkType.NewRoute, NetlinkFlags.Multi, sequence, port, head);
            writer.Add(RouteAttribute.Table, MainTable);
            if (route.Prefix.Length != 0)
            {
                writer.Add(RouteAttribute.Destination, Put(route.Prefix.Address, bytes));
            }

            if (route.Metric != 0)
            {
                writer.Add(RouteAttribute.Priority, route.Metric);
            }

            if (route.HasGateway)
            {
                writer.Add(RouteAttribute.Gateway, Put(route.Gateway, bytes));
            }

            if (!route.PreferredSource.IsAny)
            {
                writer.Add(RouteAttribute.PreferredSource, Put(route.PreferredSource, bytes));
            }

            writer.Add(RouteAttribute.OutputInterface, (uint)route.InterfaceIndex);
            writer.End();
        }
    }

    private static AddressFamily FamilyOf(IpAddress address) => address.IsIpv4 ? AddressFamily.AF_INET : AddressFamily.AF_INET6;

    private static ReadOnlySpan<byte> Put(IpAddress address, Span<byte> bytes)
    {
        address.Write(bytes);
        return bytes[..address.Size];
    }
}
