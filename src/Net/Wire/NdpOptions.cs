namespace Semitone.Net;

/// <summary>The options behind a message of neighbour discovery (RFC 4861, 4.6), one after the other.</summary>
public ref struct NdpOptions(ReadOnlySpan<byte> bytes)
{
    public const byte SourceLinkAddress = 1;
    public const byte TargetLinkAddress = 2;
    public const byte PrefixInformation = 3;
    public const byte Mtu = 5;
    public const byte NameServers = 25;

    /// <summary>Bytes of an option with a link-layer address.</summary>
    public const int LinkAddressSize = 8;

    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>The option's type.</summary>
    public byte Type { get; private set; }

    /// <summary>The option, from its type on.</summary>
    public ReadOnlySpan<byte> Option { get; private set; }

    /// <summary>Whether all bytes were options: a message with others is dropped (RFC 4861, 7.1.1).</summary>
    public static bool AreValid(ReadOnlySpan<byte> bytes)
    {
        NdpOptions options = new(bytes);
        while (options.TryNext())
        {
        }

        return options._rest.IsEmpty;
    }

    /// <summary>Finds the link-layer address in an option; all zero where there is none that could be one.</summary>
    public static MacAddress FindLinkAddress(ReadOnlySpan<byte> bytes, byte type)
    {
        NdpOptions options = new(bytes);
        while (options.TryNext())
        {
            if (options.Type == type && options.Option.Length == LinkAddressSize)
            {
                MacAddress mac = MacAddress.Read(options.Option[2..]);
                return mac.IsMulticast ? default : mac;
            }
        }

        return default;
    }

    /// <summary>Goes to the next option.</summary>
    /// <returns>False at the end, or at what is none.</returns>
    public bool TryNext()
    {
        if (_rest.Length < 8 || _rest[1] == 0 || _rest[1] * 8 > _rest.Length)
        {
            return false;
        }

        Type = _rest[0];
        Option = _rest[..(_rest[1] * 8)];
        _rest = _rest[Option.Length..];
        return true;
    }
}
