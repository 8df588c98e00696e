using System.Buffers.Binary;
using System.Text;
using Semitone.Abi;
using Semitone.Memory;
using Semitone.Net;

namespace Semitone.Sockets;

/// <summary>What programs ask of interfaces by ioctl(2) (netdevice(7)).</summary>
/// <remarks>Changes (SIOCSIF*) are not among them.</remarks>
internal static class InterfaceControl
{
    // struct ifreq: a name, and one of many things. struct ifconf: a length and a pointer to such.
    private const int NameLength = 16;
    private const int RequestLength = 40;
    private const int ListHeadLength = 16;
    private const int ListPointerOffset = 8;
    private const int SocketAddressOffset = 4;

    // Bytes of struct ifmap without what it is filled up with.
    private const int MapLength = 21;

    /// <summary>Whether a request is about interfaces.</summary>
    public static bool IsKnown(IoctlRequest request) => request
        is IoctlRequest.SIOCGIFNAME or IoctlRequest.SIOCGIFCONF or IoctlRequest.SIOCGIFFLAGS or IoctlRequest.SIOCGIFADDR
        or IoctlRequest.SIOCGIFDSTADDR or IoctlRequest.SIOCGIFBRDADDR or IoctlRequest.SIOCGIFNETMASK or IoctlRequest.SIOCGIFMETRIC
        or IoctlRequest.SIOCGIFMTU or IoctlRequest.SIOCGIFHWADDR or IoctlRequest.SIOCGIFINDEX or IoctlRequest.SIOCGIFTXQLEN
        or IoctlRequest.SIOCGIFMAP;

    /// <summary>Answers a request.</summary>
    /// <param name="isIpv4">Whether the socket is of AF_INET: addresses are told to such only, as on Linux.</param>
    /// <returns>Success; EFAULT, ENODEV, EADDRNOTAVAIL, ENOTTY.</returns>
    public static SysResult Serve(NetworkStack stack, IoctlRequest request, ulong argument, UserMemory memory, bool isIpv4)
    {
        if (request == IoctlRequest.SIOCGIFCONF)
        {
            return List(stack, argument, memory);
        }

        Span<byte> data = stackalloc byte[RequestLength];
        if (!memory.TryRead(new UserPtr<byte>(argument), data))
        {
            return Errno.EFAULT;
        }

        Span<byte> value = data[NameLength..];
        Errno error = request == IoctlRequest.SIOCGIFNAME
            ? FindName(stack, BinaryPrimitives.ReadInt32LittleEndian(value), data[..NameLength])
            : Answer(stack, request, data[..NameLength], value, isIpv4);
        if (error != Errno.None)
        {
            return error;
        }

        return memory.TryWrite(new UserPtr<byte>(argument), (ReadOnlySpan<byte>)data) ? SysResult.Success : Errno.EFAULT;
    }

    private static Errno FindName(NetworkStack stack, int index, Span<byte> name)
    {
        if (stack.FindInterface(index) is not { } networkInterface)
        {
            return Errno.ENODEV;
        }

        WriteName(networkInterface, name);
        return Errno.None;
    }

    private static Errno Answer(NetworkStack stack, IoctlRequest request, ReadOnlySpan<byte> name, Span<byte> value, bool isIpv4)
    {
        bool isAddress = request is IoctlRequest.SIOCGIFADDR or IoctlRequest.SIOCGIFDSTADDR or IoctlRequest.SIOCGIFBRDADDR
            or IoctlRequest.SIOCGIFNETMASK;
        if (isAddress && !isIpv4)
        {
            return Errno.ENOTTY;
        }

        int end = name[..(NameLength - 1)].IndexOf((byte)0);
        if (stack.FindInterface(name[..(end < 0 ? NameLength - 1 : end)]) is not { } networkInterface)
        {
            return Errno.ENODEV;
        }

        if (isAddress)
        {
            return AnswerAddress(networkInterface, request, value);
        }

        switch (request)
        {
            case IoctlRequest.SIOCGIFFLAGS:
                BinaryPrimitives.WriteUInt16LittleEndian(value, (ushort)networkInterface.GetFlags());
                break;
            case IoctlRequest.SIOCGIFMTU:
                BinaryPrimitives.WriteInt32LittleEndian(value, networkInterface.Mtu);
                break;
            case IoctlRequest.SIOCGIFINDEX:
                BinaryPrimitives.WriteInt32LittleEndian(value, networkInterface.Index);
                break;
            case IoctlRequest.SIOCGIFTXQLEN:
                BinaryPrimitives.WriteUInt32LittleEndian(value, InterfaceFacts.QueueLength);
                break;
            case IoctlRequest.SIOCGIFMETRIC:
                BinaryPrimitives.WriteInt32LittleEndian(value, 0);
                break;
            case IoctlRequest.SIOCGIFMAP:
                // Memory, ports and interrupts of an ISA card, which nothing here is.
                value[..MapLength].Clear();
                break;
            default:
                // No more than the address is long: Linux leaves the rest as it was, too.
                value[..(sizeof(ushort) + MacAddress.Size)].Clear();
                BinaryPrimitives.WriteUInt16LittleEndian(value, networkInterface.GetHardwareType());
                if (!networkInterface.IsLoopback)
                {
                    networkInterface.Link.Address.Write(value[sizeof(ushort)..]);
                }

                break;
        }

        return Errno.None;
    }

    private static Errno AnswerAddress(NetworkInterface networkInterface, IoctlRequest request, Span<byte> value)
    {
        foreach (InterfaceAddress candidate in networkInterface.Addresses)
        {
            if (candidate.Address.IsIpv4)
            {
                WriteAddress(value, request switch
                {
                    IoctlRequest.SIOCGIFBRDADDR when networkInterface.IsLoopback || !candidate.Broadcast.IsIpv4 => 0,
                    IoctlRequest.SIOCGIFBRDADDR => candidate.Broadcast.Ipv4,
                    IoctlRequest.SIOCGIFNETMASK => candidate.Prefix.Ipv4Mask,
                    _ => candidate.Address.Ipv4,
                });
                return Errno.None;
            }
        }

        return Errno.EADDRNOTAVAIL;
    }

    /// <summary>Lists the IPv4 addresses, or tells how many bytes they are (SIOCGIFCONF).</summary>
    private static SysResult List(NetworkStack stack, ulong argument, UserMemory memory)
    {
        Span<byte> head = stackalloc byte[ListHeadLength];
        if (!memory.TryRead(new UserPtr<byte>(argument), head))
        {
            return Errno.EFAULT;
        }

        int room = BinaryPrimitives.ReadInt32LittleEndian(head);
        ulong buffer = BinaryPrimitives.ReadUInt64LittleEndian(head[ListPointerOffset..]);
        int used = 0;
        Span<byte> entry = stackalloc byte[RequestLength];
        foreach (NetworkInterface networkInterface in stack.Interfaces)
        {
            foreach (InterfaceAddress candidate in networkInterface.Addresses)
            {
                if (!candidate.Address.IsIpv4 || (buffer != 0 && room - used < RequestLength))
                {
                    continue;
                }

                entry.Clear();
                WriteName(networkInterface, entry[..NameLength]);
                WriteAddress(entry[NameLength..], candidate.Address.Ipv4);
                if (buffer != 0 && !memory.TryWrite(new UserPtr<byte>(buffer + (ulong)used), (ReadOnlySpan<byte>)entry))
                {
                    return Errno.EFAULT;
                }

                used += RequestLength;
            }
        }

        return memory.TryWrite(new UserPtr<int>(argument), used) ? SysResult.Success : Errno.EFAULT;
    }

    private static void WriteName(NetworkInterface networkInterface, Span<byte> name)
    {
        name.Clear();
        Ascii.FromUtf16(networkInterface.Name, name[..(NameLength - 1)], out _);
    }

    /// <summary>Writes struct sockaddr_in without a port.</summary>
    private static void WriteAddress(Span<byte> value, uint address)
    {
        value[..NameLength].Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(value, (ushort)AddressFamily.AF_INET);
        BinaryPrimitives.WriteUInt32BigEndian(value[SocketAddressOffset..], address);
    }
}
