using System.Buffers.Binary;
using Semitone.Abi;
using Semitone.Net;

namespace Semitone.Sockets;

/// <summary>Addresses of AF_INET and AF_INET6 (ip(7), ipv6(7)).</summary>
/// <param name="Scope">The interface of a link-local address; 0 for none.</param>
internal readonly record struct InetAddress(IpAddress Address, ushort Port, int Scope)
{
    private const int Ipv4Length = 16;
    private const int Ipv6Length = 28;

    /// <summary>The structure without the scope, as it was before RFC 2553; taken as well.</summary>
    private const int OldIpv6Length = 24;

    public static AddressFamily GetFamily(ReadOnlySpan<byte> address) =>
        address.Length < sizeof(ushort) ? AddressFamily.AF_UNSPEC : (AddressFamily)BinaryPrimitives.ReadUInt16LittleEndian(address);

    /// <summary>Reads an address for a socket of a family.</summary>
    /// <param name="allowsIpv4">Whether a socket of AF_INET6 takes one of AF_INET.</param>
    /// <returns>None, EINVAL for one that is too short, EAFNOSUPPORT for one of another family.</returns>
    public static Errno Read(ReadOnlySpan<byte> bytes, AddressFamily family, bool allowsIpv4, out InetAddress address)
    {
        address = default;
        AddressFamily given = GetFamily(bytes);
        if (family == AddressFamily.AF_INET6 && !(allowsIpv4 && given == AddressFamily.AF_INET))
        {
            if (bytes.Length < OldIpv6Length)
            {
                return Errno.EINVAL;
            }

            if (given != AddressFamily.AF_INET6)
            {
                return Errno.EAFNOSUPPORT;
            }

            uint scope = bytes.Length >= Ipv6Length ? BinaryPrimitives.ReadUInt32LittleEndian(bytes[24..]) : 0;
            ushort port = BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]);
            address = new InetAddress(IpAddress.ReadIpv6(bytes[8..24]), port, (int)Math.Min(scope, int.MaxValue));
            return Errno.None;
        }

        if (bytes.Length < Ipv4Length)
        {
            return Errno.EINVAL;
        }

        address = new InetAddress(IpAddress.ReadIpv4(bytes[4..8]), BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]), 0);
        bool isAny = given == AddressFamily.AF_UNSPEC && address.Address.IsAny;
        return given == AddressFamily.AF_INET || isAny ? Errno.None : Errno.EAFNOSUPPORT;
    }

    /// <summary>Writes an address as a socket of a family tells it; one of IPv4 is mapped for AF_INET6.</summary>
    /// <param name="name">128 bytes.</param>
    /// <returns>Bytes written.</returns>
    public int Write(AddressFamily family, Span<byte> name)
    {
        int length = family == AddressFamily.AF_INET6 ? Ipv6Length : Ipv4Length;
        name[..length].Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(name, (ushort)family);
        BinaryPrimitives.WriteUInt16BigEndian(name[2..], Port);
        if (family == AddressFamily.AF_INET6)
        {
            Address.WriteIpv6(name[8..]);
            BinaryPrimitives.WriteInt32LittleEndian(name[24..], Address.IsLinkLocal && !Address.IsIpv4 ? Scope : 0);
        }
        else
        {
            BinaryPrimitives.WriteUInt32BigEndian(name[4..], Address.Ipv4);
        }

        return length;
    }
}
