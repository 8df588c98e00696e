using System.Globalization;
using System.Text;
using Semitone.BootParameters;
using Semitone.Core;
using Semitone.Drivers;
using Semitone.Files;
using Semitone.Net;
using Semitone.Sockets;

namespace Semitone.Kernel;

/// <summary>Sets the machine's network cards up, as the kernel command line says or by DHCP.</summary>
/// <remarks>
/// A card whose address is known is started when a program asks for a socket that could use it: one that does not pays nothing. To ask for
/// an address takes a while, so that this is done before the program starts.
/// </remarks>
internal sealed class BootNetwork(
    BootOptions options, List<VirtioDevice> devices, MountNamespace mounts, Executor executor, KernelLog log, string hostName)
    : INetworkSetup, IDhcp4Listener
{
    /// <summary>How long the program's start waits for an address.</summary>
    private const long PatienceNs = 4_000_000_000;

    private const int Ipv4Bits = 32;

    private readonly ResolverFiles _files = new(mounts);
    private readonly TaskCompletionSource _leased = new();
    private int _missingAddresses;

    /// <summary>Does what must be done before the program starts.</summary>
    /// <param name="sockets">Where the network is made.</param>
    internal void BringUp(SocketSystem sockets)
    {
        sockets.NetworkSetup = this;
        InterfaceConfiguration? first = GetConfiguration(0);
        if (first is not null)
        {
            string name = first.HostName.Length > 0 ? Encoding.UTF8.GetString(first.HostName) : hostName;
            _files.Make(first.NameServers, Encoding.UTF8.GetString(first.Domain), name, first.Address);
        }

        bool asks = false;
        for (int i = 0; i < devices.Count; i++)
        {
            asks |= GetConfiguration(i) is null;
        }

        if (asks && sockets.TryGetNetwork(out _) && _missingAddresses > 0
            && !executor.RunUntil(_leased.Task, executor.Clock.MonotonicNs + PatienceNs))
        {
            log.Warning($"no DHCP server has given an address yet; the program starts without");
        }
    }

    public void SetUp(Sockets.Network network)
    {
        for (int i = 0; i < devices.Count; i++)
        {
            NetworkCard card = NetworkCard.Open(network, devices[i], string.Create(CultureInfo.InvariantCulture, $"eth{i}"), executor);
            if (card.Interface is not { } added)
            {
                log.Warning($"a device is not used: {devices[i].Name}: {card.Problem ?? ""}");
                continue;
            }

            network.Stack.SetUp(added, isUp: true, network.NowNs);
            network.Stack.EnableIpv6Autoconfiguration(added, network.NowNs);
            if (GetConfiguration(i) is { } configuration)
            {
                Configure(network, added, configuration);
            }
            else
            {
                _missingAddresses += added.IsRunning ? 1 : 0;
                network.Stack.StartDhcp(added, hostName, this, network.NowNs);
            }
        }

        network.Task.Post();
    }

    public void OnLease(NetworkInterface networkInterface, Dhcp4Lease lease)
    {
        uint[] servers = [.. lease.NameServers.Where(server => server.IsIpv4).Select(server => server.Ipv4)];
        _files.Make(servers, lease.DomainName, lease.HostName.Length > 0 ? lease.HostName : hostName, lease.Address.Ipv4);
        _missingAddresses--;
        if (_missingAddresses <= 0)
        {
            _leased.TrySetResult();
        }
    }

    public void OnLeaseLost(NetworkInterface networkInterface) =>
        log.Warning($"{networkInterface.Name}: the DHCP server has taken the address back");

    private void Configure(Sockets.Network network, NetworkInterface added, InterfaceConfiguration configuration)
    {
        IpAddress address = IpAddress.FromIpv4(configuration.Address);
        NetworkError error = network.Stack.AddAddress(
            added, address, configuration.PrefixLength, AddressOrigin.Kernel, network.NowNs);
        if (error == NetworkError.None && configuration.Gateway != 0)
        {
            error = network.Stack.AddRoute(new Route
            {
                Prefix = new IpPrefix(IpAddress.Ipv4Any, 0),
                Gateway = IpAddress.FromIpv4(configuration.Gateway),
                InterfaceIndex = added.Index,
            });
        }

        if (error != NetworkError.None)
        {
            log.Warning($"{added.Name}: its address or its router cannot be used: {error.ToString()}");
        }
    }

    /// <summary>What the command line says of an interface; null for nothing.</summary>
    private InterfaceConfiguration? GetConfiguration(int index)
    {
        if (options.Interfaces is { } interfaces && index < interfaces.Count)
        {
            return interfaces[index];
        }

        return index == 0 && options.OldAddress != 0
            ? new InterfaceConfiguration(options.OldAddress, Math.Min(options.OldPrefixLength, Ipv4Bits), options.OldGateway, [], [], [])
            : null;
    }
}
