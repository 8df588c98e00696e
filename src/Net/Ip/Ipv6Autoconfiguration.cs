using System.Buffers.Binary;

namespace Semitone.Net;

/// <summary>How an interface gets its IPv6 addresses by itself (RFC 4862), and what it hears from routers (RFC 4861, 6.3).</summary>
internal sealed class Ipv6Autoconfiguration(NetworkStack stack, NetworkInterface networkInterface)
{
    private const int AdvertisementSize = 16;
    private const int PrefixOptionSize = 32;
    private const int MostAddresses = 16;
    private const int MostRoutes = 16;
    private const int MostNameServers = 3;
    private const int InterfaceIdentifierBits = 64;
    private const int MostSolicitations = 3;
    private const uint RouterMetric = 1024;
    private const uint PrefixMetric = 256;
    private const long SolicitationNs = 4_000_000_000;
    private const long DetectionNs = 1_000_000_000;
    private const long SecondNs = 1_000_000_000;
    private const long TwoHoursNs = 7200 * SecondNs;

    private long _solicitationDueNs = long.MaxValue;
    private int _solicitationsLeft;
    private bool _isEnabled;

    /// <summary>When <see cref="Poll"/> may have something to do.</summary>
    public long NextDeadlineNs { get; private set; } = long.MaxValue;

    /// <summary>Begins: a link-local address, and questions for routers.</summary>
    public void Enable(long nowNs)
    {
        _isEnabled = true;
        stack.AddAddress(networkInterface, LinkLocalAddress(), InterfaceIdentifierBits, AddressOrigin.Kernel, nowNs);
        if (networkInterface.IsRunning)
        {
            OnLinkUp(nowNs);
        }
    }

    /// <summary>Sees to it that addresses are asked about.</summary>
    public void Schedule(long nowNs) => NextDeadlineNs = Math.Min(NextDeadlineNs, nowNs);

    /// <summary>Begins anew on what may be another link.</summary>
    public void OnLinkUp(long nowNs)
    {
        foreach (InterfaceAddress address in networkInterface.AddressList)
        {
            if (!address.Address.IsIpv4)
            {
                address.State = address.State == AddressState.Deprecated ? AddressState.Deprecated : AddressState.Optimistic;
                address.DetectionsLeft = 1;
                address.DetectionDeadlineNs = nowNs;
            }
        }

        if (_isEnabled)
        {
            _solicitationsLeft = MostSolicitations;
            _solicitationDueNs = nowNs;
        }

        Schedule(nowNs);
    }

    /// <summary>Gives up an address that somebody else has.</summary>
    public void MarkDuplicate(InterfaceAddress address)
    {
        address.State = AddressState.Duplicate;
        address.DetectionDeadlineNs = long.MaxValue;
        stack.TouchRoutes();
        stack.Events?.OnAddressChanged(networkInterface, address, isRemoved: false);
    }

    /// <summary>Asks, and takes what was not contradicted; lets lifetimes pass.</summary>
    public void Poll(long nowNs)
    {
        if (nowNs < NextDeadlineNs)
        {
            return;
        }

        NextDeadlineNs = long.MaxValue;
        for (int i = networkInterface.Addresses.Count - 1; i >= 0; i--)
        {
            InterfaceAddress address = networkInterface.Addresses[i];
            if (address.ValidUntilNs <= nowNs)
            {
                stack.RemoveAddress(networkInterface, address.Address, nowNs);
                continue;
            }

            if (address.PreferredUntilNs <= nowNs && address.State == AddressState.Preferred)
            {
                SetState(address, AddressState.Deprecated);
            }

            if (networkInterface.IsRunning && address.DetectionDeadlineNs <= nowNs)
            {
                Detect(address, nowNs);
            }

            NextDeadlineNs = Math.Min(NextDeadlineNs, address.ValidUntilNs);
            if (address.State == AddressState.Preferred)
            {
                NextDeadlineNs = Math.Min(NextDeadlineNs, address.PreferredUntilNs);
            }

            if (networkInterface.IsRunning)
            {
                NextDeadlineNs = Math.Min(NextDeadlineNs, address.DetectionDeadlineNs);
            }
        }

        if (networkInterface.IsRunning && _solicitationDueNs <= nowNs)
        {
            SolicitRouters(nowNs);
        }

        NextDeadlineNs = Math.Min(NextDeadlineNs, networkInterface.IsRunning ? _solicitationDueNs : long.MaxValue);
    }

    /// <summary>Takes a router's advertisement that has come over no router (RFC 4861, 6.3.4).</summary>
    public void ReceiveAdvertisement(in ReceivedPacket packet, ReadOnlySpan<byte> bytes, long nowNs)
    {
        if (!_isEnabled || bytes.Length < AdvertisementSize || !NdpOptions.AreValid(bytes[AdvertisementSize..]))
        {
            return;
        }

        _solicitationDueNs = long.MaxValue;
        if (bytes[4] != 0)
        {
            networkInterface.HopLimit = bytes[4];
        }

        MacAddress mac = NdpOptions.FindLinkAddress(bytes[AdvertisementSize..], NdpOptions.SourceLinkAddress);
        if (mac != default)
        {
            stack.Neighbors.Learn(networkInterface, packet.Source, mac, nowNs);
            stack.Neighbors.SetRouter(networkInterface, packet.Source, isRouter: true);
        }

        int lifetime = BinaryPrimitives.ReadUInt16BigEndian(bytes[6..]);
        SetRoute(IpPrefix.Ipv6Default, packet.Source, RouterMetric, lifetime == 0 ? 0 : nowNs + lifetime * SecondNs);
        NdpOptions options = new(bytes[AdvertisementSize..]);
        while (options.TryNext())
        {
            switch (options.Type)
            {
                case NdpOptions.Mtu:
                    uint mtu = BinaryPrimitives.ReadUInt32BigEndian(options.Option[4..]);
                    if (mtu >= PathMtuCache.LeastIpv6 && mtu <= networkInterface.Mtu && mtu != networkInterface.Ipv6Mtu)
                    {
                        networkInterface.Ipv6Mtu = (int)mtu;
                        stack.TouchRoutes();
                    }

                    break;

                case NdpOptions.PrefixInformation when options.Option.Length == PrefixOptionSize:
                    ReceivePrefix(options.Option, nowNs);
                    break;

                case NdpOptions.NameServers:
                    ReceiveNameServers(options.Option, nowNs);
                    break;
            }
        }

        Schedule(nowNs);
    }

    private void ReceivePrefix(ReadOnlySpan<byte> option, long nowNs)
    {
        int length = option[2];
        bool isOnLink = (option[3] & 0x80) != 0;
        bool isForAddresses = (option[3] & 0x40) != 0;
        uint valid = BinaryPrimitives.ReadUInt32BigEndian(option[4..]);
        uint preferred = BinaryPrimitives.ReadUInt32BigEndian(option[8..]);
        IpAddress first = IpAddress.ReadIpv6(option[16..]);
        if (length > 128 || first.IsLinkLocal || first.IsMulticast || first.IsIpv4 || first.IsLoopback || first.IsAny || preferred > valid)
        {
            return;
        }

        if (isOnLink)
        {
            SetRoute(new IpPrefix(first, length), default, PrefixMetric, valid == 0 ? 0 : UntilNs(valid, nowNs));
        }

        if (isForAddresses && length == InterfaceIdentifierBits)
        {
            SetAddress(new IpAddress(first.High, InterfaceIdentifier()), valid, preferred, nowNs);
        }
    }

    private void SetAddress(IpAddress address, uint valid, uint preferred, long nowNs)
    {
        InterfaceAddress? known = networkInterface.Find(address);
        if (known is null)
        {
            // The prefix's own route says whether it is on the link; the address alone says nothing of others (RFC 5942, 4).
            if (valid == 0
                || Count(AddressOrigin.RouterAdvertisement) >= MostAddresses
                || stack.AddAddress(networkInterface, address, 128, AddressOrigin.RouterAdvertisement, nowNs) != NetworkError.None)
            {
                return;
            }

            known = networkInterface.Find(address)!;
            known.ValidUntilNs = UntilNs(valid, nowNs);
        }
        else if (known.Origin != AddressOrigin.RouterAdvertisement)
        {
            return;
        }
        else if (UntilNs(valid, nowNs) > Math.Min(known.ValidUntilNs, nowNs + TwoHoursNs))
        {
            known.ValidUntilNs = UntilNs(valid, nowNs);
        }
        else if (known.ValidUntilNs > nowNs + TwoHoursNs)
        {
            // RFC 4862, 5.5.3 e: who lies about lifetimes cannot take addresses away at once.
            known.ValidUntilNs = nowNs + TwoHoursNs;
        }

        known.PreferredUntilNs = UntilNs(preferred, nowNs);
        if (known.State == AddressState.Deprecated && preferred != 0)
        {
            SetState(known, AddressState.Preferred);
        }
    }

    private void ReceiveNameServers(ReadOnlySpan<byte> option, long nowNs)
    {
        Span<IpAddress> servers = stackalloc IpAddress[MostNameServers];
        int count = 0;
        for (int offset = 8; offset + IpAddress.Ipv6Size <= option.Length && count < MostNameServers; offset += IpAddress.Ipv6Size)
        {
            servers[count++] = IpAddress.ReadIpv6(option[offset..]);
        }

        uint lifetime = BinaryPrimitives.ReadUInt32BigEndian(option[4..]);
        stack.Events?.OnNameServers(networkInterface, servers[..count], lifetime == 0 ? nowNs : UntilNs(lifetime, nowNs));
    }

    /// <summary>Adds a route, or gives it another time; one without any is removed.</summary>
    private void SetRoute(IpPrefix prefix, IpAddress gateway, uint metric, long validUntilNs)
    {
        int count = 0;
        for (int i = stack.Routes.Routes.Count - 1; i >= 0; i--)
        {
            Route known = stack.Routes.Routes[i];
            if (known.InterfaceIndex != networkInterface.Index || known.Origin != AddressOrigin.RouterAdvertisement)
            {
                continue;
            }

            count++;
            if (known.Prefix == prefix && known.Gateway == gateway)
            {
                if (known.ValidUntilNs == validUntilNs)
                {
                    return;
                }

                // Nothing changes for who uses it but the time.
                stack.Routes.Remove(known);
                if (validUntilNs != 0)
                {
                    stack.Routes.TryAdd(known with { ValidUntilNs = validUntilNs });
                    return;
                }

                stack.TouchRoutes();
                stack.Events?.OnRouteChanged(known, isRemoved: true);
                return;
            }
        }

        if (validUntilNs != 0 && count < MostRoutes)
        {
            stack.AddRoute(new Route
            {
                Prefix = prefix,
                Gateway = gateway,
                InterfaceIndex = networkInterface.Index,
                Metric = metric,
                Origin = AddressOrigin.RouterAdvertisement,
                ValidUntilNs = validUntilNs,
            });
        }
    }

    private void Detect(InterfaceAddress address, long nowNs)
    {
        if (address.DetectionsLeft > 0)
        {
            address.DetectionsLeft--;
            address.DetectionDeadlineNs = nowNs + DetectionNs;
            stack.NeighborDiscovery.SolicitDuplicate(networkInterface, address.Address, nowNs);
            return;
        }

        address.DetectionDeadlineNs = long.MaxValue;
        if (address.State == AddressState.Optimistic)
        {
            SetState(address, address.PreferredUntilNs <= nowNs ? AddressState.Deprecated : AddressState.Preferred);
        }
    }

    private void SolicitRouters(long nowNs)
    {
        IpAddress source = IpAddress.Ipv6Any;
        foreach (InterfaceAddress address in networkInterface.AddressList)
        {
            if (address.Address.IsLinkLocal && !address.Address.IsIpv4 && address.IsUsable)
            {
                source = address.Address;
                break;
            }
        }

        stack.NeighborDiscovery.SolicitRouters(networkInterface, source, nowNs);
        _solicitationsLeft--;
        _solicitationDueNs = _solicitationsLeft > 0 ? nowNs + SolicitationNs : long.MaxValue;
    }

    private void SetState(InterfaceAddress address, AddressState state)
    {
        address.State = state;
        stack.TouchRoutes();
        stack.Events?.OnAddressChanged(networkInterface, address, isRemoved: false);
    }

    private int Count(AddressOrigin origin)
    {
        int count = 0;
        foreach (InterfaceAddress address in networkInterface.AddressList)
        {
            count += address.Origin == origin ? 1 : 0;
        }

        return count;
    }

    private IpAddress LinkLocalAddress() => new(0xFE80_0000_0000_0000, InterfaceIdentifier());

    /// <summary>The modified EUI-64 of the link's address (RFC 4291, appendix A), as Linux has it by default.</summary>
    private ulong InterfaceIdentifier()
    {
        ulong mac = networkInterface.Link.Address.Value;
        return ((mac >> 24) ^ 0x02_0000) << 40 | 0xFF_FE00_0000 | mac & 0xFF_FFFF;
    }

    private static long UntilNs(uint seconds, long nowNs) => seconds == uint.MaxValue ? long.MaxValue : nowNs + seconds * SecondNs;
}
