using System.Buffers.Binary;
using Semitone.Abi;
using Semitone.Files;
using Semitone.Net;

namespace Semitone.Sockets;

/// <summary>The texts of /proc/net about interfaces, routes and neighbours, as Linux writes them (proc_pid_net(5)).</summary>
internal static class NetworkText
{
    private const int RouteLineLength = 127;

    /// <summary>Writes a file.</summary>
    /// <returns>None, or ENOENT for one that there is not.</returns>
    public static Errno Write(Network network, string name, TextBuilder text)
    {
        switch (name)
        {
            case "arp":
                WriteNeighbors(network.Stack, text);
                break;
            case "dev":
                WriteInterfaces(network.Stack, text);
                break;
            case "if_inet6":
                WriteIpv6Addresses(network.Stack, text);
                break;
            case "route":
                WriteRoutes(network.Stack, text);
                break;
            default:
                return SocketText.Write(network, name, text);
        }

        return Errno.None;
    }

    private static void WriteInterfaces(NetworkStack stack, TextBuilder text)
    {
        text.Append("Inter-|   Receive                                                |  Transmit\n"u8)
            .Append(" face |bytes    packets errs drop fifo frame compressed multicast|"u8)
            .Append("bytes    packets errs drop fifo colls carrier compressed\n"u8);
        foreach (NetworkInterface networkInterface in stack.Interfaces)
        {
            InterfaceCounters counters = networkInterface.Counters;
            for (int missing = 6 - networkInterface.Name.Length; missing > 0; missing--)
            {
                text.Append(' ');
            }

            text.Append(networkInterface.Name).Append(": "u8).AppendPadded(counters.RxBytes, 7).Append(' ')
                .AppendPadded(counters.RxPackets, 7).Append(' ').AppendPadded(counters.RxErrors, 4).Append(' ')
                .AppendPadded(counters.RxDropped, 4).Append("    0     0          0 "u8).AppendPadded(counters.Multicast, 9).Append(' ')
                .AppendPadded(counters.TxBytes, 8).Append(' ').AppendPadded(counters.TxPackets, 7).Append(' ')
                .AppendPadded(counters.TxErrors, 4).Append(' ').AppendPadded(counters.TxDropped, 4)
                .Append("    0     0       0          0\n"u8);
        }
    }

    private static void WriteRoutes(NetworkStack stack, TextBuilder text)
    {
        const int IsUp = 1;
        const int HasGateway = 2;
        const int IsHost = 4;
        int start = text.Length;
        text.Append("Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT"u8);
        EndLine(text, start, RouteLineLength);
        foreach (Route route in stack.Routes.Routes)
        {
            // Linux keeps those of the loop back in a table of its own, which is not shown.
            if (!route.Prefix.IsIpv4
                || route.InterfaceIndex == stack.Loopback.Index
                || stack.FindInterface(route.InterfaceIndex) is not { } networkInterface)
            {
                continue;
            }

            int flags = IsUp | (route.HasGateway ? HasGateway : 0) | (route.Prefix.Length == 32 ? IsHost : 0);
            start = text.Length;
            text.Append(networkInterface.Name).Append('\t').AppendUpperHex(ToRaw(route.Prefix.Address.Ipv4), 8).Append('\t')
                .AppendUpperHex(route.HasGateway ? ToRaw(route.Gateway.Ipv4) : 0, 8).Append('\t').AppendUpperHex((ulong)flags, 4)
                .Append("\t0\t0\t"u8).Append((long)route.Metric).Append('\t')
                .AppendUpperHex(ToRaw(route.Prefix.Ipv4Mask), 8).Append("\t0\t0\t0"u8);
            EndLine(text, start, RouteLineLength);
        }
    }

    private static void WriteNeighbors(NetworkStack stack, TextBuilder text)
    {
        text.Append("IP address       HW type     Flags       HW address            Mask     Device\n"u8);
        foreach (NeighborEntry entry in stack.Neighbors.Entries)
        {
            if (!entry.Address.IsIpv4)
            {
                continue;
            }

            // ATF_COM, where the address is known.
            bool isComplete = entry.Mac != default;
            int start = text.Length;
            text.Append(entry.Address.ToString());
            text.PadLine(start, 16).Append(" 0x1         "u8).Append(isComplete ? "0x2         "u8 : "0x0         "u8)
                .Append(entry.Mac.ToString()).Append("     *        "u8).Append(entry.Interface.Name).Append('\n');
        }
    }

    private static void WriteIpv6Addresses(NetworkStack stack, TextBuilder text)
    {
        const int HostScope = 0x10;
        const int LinkScope = 0x20;
        const int Optimistic = 0x04;
        const int Tentative = 0x40;
        const int Permanent = 0x80;
        foreach (NetworkInterface networkInterface in stack.Interfaces)
        {
            foreach (InterfaceAddress address in networkInterface.Addresses)
            {
                if (address.Address.IsIpv4)
                {
                    continue;
                }

                int scope = address.Address.IsLoopback ? HostScope : address.Address.IsLinkLocal ? LinkScope : 0;
                int flags = address.ValidUntilNs == long.MaxValue ? Permanent : 0;
                flags |= address.State == AddressState.Optimistic ? Optimistic | Tentative : 0;
                text.AppendHex(address.Address.High, 16).AppendHex(address.Address.Low, 16).Append(' ')
                    .AppendHex((ulong)networkInterface.Index, 2).Append(' ').AppendHex((ulong)address.Prefix.Length, 2).Append(' ')
                    .AppendHex((ulong)scope, 2).Append(' ').AppendHex((ulong)flags, 2).Append(' ');
                for (int missing = 8 - networkInterface.Name.Length; missing > 0; missing--)
                {
                    text.Append(' ');
                }

                text.Append(networkInterface.Name).Append('\n');
            }
        }
    }

    /// <summary>Ends a line that is filled with spaces up to a length.</summary>
    internal static void EndLine(TextBuilder text, int start, int length) => text.PadLine(start, length).Append('\n');

    /// <summary>Gets an IPv4 address as Linux shows it: its bytes as a number of this machine.</summary>
    internal static uint ToRaw(uint address) => BinaryPrimitives.ReverseEndianness(address);
}
