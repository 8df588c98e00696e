using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Numerics;

namespace Semitone.BootParameters;

/// <summary>What a network interface is called by: <c>netdev.ip=CIDR[:GW[:DNS0[:DNS1[:HOST[:DOMAIN]]]]]</c>.</summary>
/// <param name="Address">The address, of IPv4, the first byte highest.</param>
/// <param name="PrefixLength">Bits of the network's part, 0 to 32.</param>
/// <param name="Gateway">The router for all else; 0 for none.</param>
/// <param name="NameServers">Who resolves names; up to two.</param>
/// <param name="HostName">What the machine is called; empty when nobody said.</param>
/// <param name="Domain">The domain that names are completed by; empty when nobody said.</param>
public sealed record InterfaceConfiguration(
    uint Address, int PrefixLength, uint Gateway, uint[] NameServers, byte[] HostName, byte[] Domain)
{
    private const int AddressBits = 32;
    private const int MostNameServers = 2;
    private const int LongestDomain = 253; // RFC 1035, 2.3.4

    /// <summary>Reads the parameter's value. Fields may be empty but the first.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, [NotNullWhen(true)] out InterfaceConfiguration? parsed)
    {
        parsed = null;
        ReadOnlySpan<byte> rest = text;
        ReadOnlySpan<byte> first = Parameter.TakeField(ref rest);
        int slash = first.IndexOf((byte)'/');
        int prefix = AddressBits;
        if (slash >= 0 && (!TryParseNumber(first[(slash + 1)..], out prefix) || prefix > AddressBits))
        {
            return false;
        }

        if (!TryParseAddress(slash < 0 ? first : first[..slash], out uint address) || address == 0)
        {
            return false;
        }

        uint gateway = 0;
        ReadOnlySpan<byte> field = Parameter.TakeField(ref rest);
        if (!field.IsEmpty && !TryParseAddress(field, out gateway))
        {
            return false;
        }

        uint[] servers = [];
        for (int i = 0; i < MostNameServers; i++)
        {
            field = Parameter.TakeField(ref rest);
            if (!field.IsEmpty)
            {
                if (!TryParseAddress(field, out uint server))
                {
                    return false;
                }

                servers = [.. servers, server];
            }
        }

        ReadOnlySpan<byte> name = Parameter.TakeField(ref rest);
        ReadOnlySpan<byte> domain = Parameter.TakeField(ref rest);
        if (!rest.IsEmpty || name.Length > BootOptions.LongestHostName || domain.Length > LongestDomain)
        {
            return false;
        }

        parsed = new InterfaceConfiguration(address, prefix, gateway, servers, name.ToArray(), domain.ToArray());
        return true;
    }

    /// <summary>Reads <c>a.b.c.d</c>: four decimal numbers up to 255, without leading zeros, which some would read as octal.</summary>
    public static bool TryParseAddress(ReadOnlySpan<byte> text, out uint address)
    {
        const int Parts = 4;
        address = 0;
        for (int i = 0; i < Parts; i++)
        {
            int dot = text.IndexOf((byte)'.');
            bool isLast = i == Parts - 1;
            if (isLast != (dot < 0) || !TryParseNumber(isLast ? text : text[..dot], out int part) || part > byte.MaxValue)
            {
                return false;
            }

            address = (address << 8) | (uint)part;
            text = isLast ? default : text[(dot + 1)..];
        }

        return true;
    }

    /// <summary>Counts the leading ones of a mask.</summary>
    /// <returns>False for one that is not ones and then zeros.</returns>
    public static bool TryParseMask(ReadOnlySpan<byte> text, out int prefixLength)
    {
        bool isGood = TryParseAddress(text, out uint mask);
        prefixLength = BitOperations.LeadingZeroCount(~mask);
        return isGood && BitOperations.PopCount(mask) == prefixLength;
    }

    private static bool TryParseNumber(ReadOnlySpan<byte> text, out int value) =>
        Utf8Parser.TryParse(text, out value, out int consumed) && consumed == text.Length && value >= 0
        && text[0] is >= (byte)'0' and <= (byte)'9' && (text.Length == 1 || text[0] != (byte)'0');
}
