using System.Buffers.Binary;
using System.Text;

namespace Semitone.Net;

/// <summary>A message of DHCP as servers send it (RFC 2131, 2), read as far as a client needs it.</summary>
internal readonly record struct Dhcp4Message
{
    /// <summary>Bytes before the options, magic cookie included.</summary>
    public const int HeaderSize = 240;

    public const uint MagicCookie = 0x6382_5363;
    public const byte BootRequest = 1;
    public const byte BootReply = 2;
    public const byte Ethernet = 1;

    private const int MostNameServers = 3;
    private const int MostNameLength = 255;

    public byte Type { get; init; }

    public uint TransactionId { get; init; }

    public IpAddress YourAddress { get; init; }

    public MacAddress ClientMac { get; init; }

    public IpAddress Server { get; init; }

    public int PrefixLength { get; init; }

    public IpAddress Router { get; init; }

    public IReadOnlyList<IpAddress>? NameServers { get; init; }

    public string? HostName { get; init; }

    public string? DomainName { get; init; }

    public int Mtu { get; init; }

    /// <summary>Seconds; 0 for what was not told.</summary>
    public uint LeaseTime { get; init; }

    /// <inheritdoc cref="LeaseTime"/>
    public uint RenewalTime { get; init; }

    /// <inheritdoc cref="LeaseTime"/>
    public uint RebindingTime { get; init; }

    /// <summary>Reads a reply. An option that cannot be read ends them; one with a length that is none is passed over.</summary>
    public static bool TryParse(ReadOnlySpan<byte> bytes, out Dhcp4Message message)
    {
        message = default;
        if (bytes.Length < HeaderSize
            || bytes[0] != BootReply
            || bytes[1] != Ethernet
            || bytes[2] != MacAddress.Size
            || BinaryPrimitives.ReadUInt32BigEndian(bytes[236..]) != MagicCookie)
        {
            return false;
        }

        message = new Dhcp4Message
        {
            TransactionId = BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]),
            YourAddress = IpAddress.ReadIpv4(bytes[16..]),
            ClientMac = MacAddress.Read(bytes[28..]),
            Server = IpAddress.Ipv4Any,
            Router = IpAddress.Ipv4Any,
            PrefixLength = -1,
        };
        ReadOnlySpan<byte> options = bytes[HeaderSize..];
        while (!options.IsEmpty && options[0] != (byte)Dhcp4Option.End)
        {
            if (options[0] == (byte)Dhcp4Option.Pad)
            {
                options = options[1..];
                continue;
            }

            if (options.Length < 2 || options.Length - 2 < options[1])
            {
                break;
            }

            message = message.With((Dhcp4Option)options[0], options.Slice(2, options[1]));
            options = options[(2 + options[1])..];
        }

        return message.Type != 0;
    }

    private Dhcp4Message With(Dhcp4Option option, ReadOnlySpan<byte> value) => (option, value.Length) switch
    {
        (Dhcp4Option.MessageType, 1) => this with { Type = value[0] },
        (Dhcp4Option.ServerIdentifier, 4) => this with { Server = IpAddress.ReadIpv4(value) },
        (Dhcp4Option.SubnetMask, 4) => this with { PrefixLength = ReadMask(value) },
        (Dhcp4Option.Router, >= 4) => this with { Router = IpAddress.ReadIpv4(value) },
        (Dhcp4Option.NameServers, >= 4) => this with { NameServers = ReadAddresses(value) },
        (Dhcp4Option.HostName, > 0) => this with { HostName = ReadName(value) },
        (Dhcp4Option.DomainName, > 0) => this with { DomainName = ReadName(value) },
        (Dhcp4Option.InterfaceMtu, 2) => this with { Mtu = BinaryPrimitives.ReadUInt16BigEndian(value) },
        (Dhcp4Option.LeaseTime, 4) => this with { LeaseTime = BinaryPrimitives.ReadUInt32BigEndian(value) },
        (Dhcp4Option.RenewalTime, 4) => this with { RenewalTime = BinaryPrimitives.ReadUInt32BigEndian(value) },
        (Dhcp4Option.RebindingTime, 4) => this with { RebindingTime = BinaryPrimitives.ReadUInt32BigEndian(value) },
        _ => this,
    };

    private static int ReadMask(ReadOnlySpan<byte> value)
    {
        uint mask = BinaryPrimitives.ReadUInt32BigEndian(value);
        int length = System.Numerics.BitOperations.LeadingZeroCount(~mask);
        return length == 32 || mask << length == 0 ? length : -1;
    }

    private static List<IpAddress> ReadAddresses(ReadOnlySpan<byte> value)
    {
        List<IpAddress> addresses = [];
        for (; value.Length >= 4 && addresses.Count < MostNameServers; value = value[4..])
        {
            addresses.Add(IpAddress.ReadIpv4(value));
        }

        return addresses;
    }

    /// <summary>A name goes into files that others read: what is none in the domain name system is not taken.</summary>
    private static string? ReadName(ReadOnlySpan<byte> value)
    {
        value = value.TrimEnd((byte)0);
        if (value.Length is 0 or > MostNameLength)
        {
            return null;
        }

        foreach (byte character in value)
        {
            if (!char.IsAsciiLetterOrDigit((char)character) && character is not ((byte)'-' or (byte)'.' or (byte)'_'))
            {
                return null;
            }
        }

        return Encoding.ASCII.GetString(value);
    }
}
