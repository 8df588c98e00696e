namespace Semitone.Net;

/// <summary>What stands between IPv6's header and its payload (RFC 8200, 4), walked through.</summary>
public readonly record struct Ipv6ExtensionHeaders
{
    /// <summary>More headers than this, or more options in one, are somebody's try (RFC 8504, 5.3).</summary>
    private const int MostHeaders = 8;
    private const int MostOptions = 16;

    public Ipv6WalkResult Result { get; init; }

    /// <summary>What follows the last header.</summary>
    public IpProtocol Protocol { get; init; }

    /// <summary>Where it begins, counted from the fixed header's first byte; the fragment header where there is one.</summary>
    public int Offset { get; init; }

    /// <summary>For <see cref="Ipv6WalkResult.ParameterProblem"/>: what the message says, and at which byte.</summary>
    public byte Code { get; init; }

    /// <inheritdoc cref="Code"/>
    public int Pointer { get; init; }

    /// <summary>Whether a message is due although the packet was sent to a group (RFC 8200, 4.2, action 10).</summary>
    public bool IsMulticastAnswered { get; init; }

    /// <summary>Walks to the payload, or to a fragment header.</summary>
    /// <param name="packet">The packet from its fixed header to its end.</param>
    /// <param name="first">What follows at <paramref name="offset"/>.</param>
    /// <param name="offset">Where to begin.</param>
    public static Ipv6ExtensionHeaders Walk(ReadOnlySpan<byte> packet, IpProtocol first, int offset)
    {
        IpProtocol next = first;
        int nextField = 6;
        for (int i = 0; i < MostHeaders; i++)
        {
            switch (next)
            {
                case IpProtocol.HopByHop when offset != Ipv6Header.Size:
                    return new() { Result = Ipv6WalkResult.ParameterProblem, Code = 1, Pointer = nextField };

                case IpProtocol.HopByHop or IpProtocol.DestinationOptions or IpProtocol.Ipv6Routing:
                    if (packet.Length - offset < 8 || (packet[offset + 1] + 1) * 8 > packet.Length - offset)
                    {
                        return new() { Result = Ipv6WalkResult.Malformed };
                    }

                    int length = (packet[offset + 1] + 1) * 8;
                    if (next == IpProtocol.Ipv6Routing)
                    {
                        // No routing type is known here; one without segments left is passed over (RFC 8200, 4.4).
                        if (packet[offset + 3] != 0)
                        {
                            return new() { Result = Ipv6WalkResult.ParameterProblem, Code = 0, Pointer = offset + 2 };
                        }
                    }
                    else if (!WalkOptions(packet[..(offset + length)], offset + 2, out Ipv6ExtensionHeaders refusal))
                    {
                        return refusal;
                    }

                    next = (IpProtocol)packet[offset];
                    nextField = offset;
                    offset += length;
                    break;

                case IpProtocol.Ipv6Fragment:
                    return packet.Length - offset < Ipv6FragmentHeader.Size
                        ? new() { Result = Ipv6WalkResult.Malformed }
                        : new() { Result = Ipv6WalkResult.Fragment, Protocol = next, Offset = offset, Pointer = nextField };

                case IpProtocol.NoNextHeader:
                    return new() { Result = Ipv6WalkResult.Empty };

                default:
                    return new() { Result = Ipv6WalkResult.Payload, Protocol = next, Offset = offset, Pointer = nextField };
            }
        }

        return new() { Result = Ipv6WalkResult.Malformed };
    }

    private static bool WalkOptions(ReadOnlySpan<byte> header, int offset, out Ipv6ExtensionHeaders refusal)
    {
        refusal = new() { Result = Ipv6WalkResult.Malformed };
        for (int i = 0; offset < header.Length; i++)
        {
            byte type = header[offset];
            if (type == 0)
            {
                offset++;
                continue;
            }

            if (i >= MostOptions || header.Length - offset < 2 || header[offset + 1] > header.Length - offset - 2)
            {
                return false;
            }

            // PadN and Router Alert are known; of the others the type's first two bits say what to do (RFC 8200, 4.2).
            if (type is not (1 or 5))
            {
                switch (type >> 6)
                {
                    case 0:
                        break;
                    case 1:
                        return false;
                    default:
                        refusal = new()
                        {
                            Result = Ipv6WalkResult.ParameterProblem,
                            Code = 2,
                            Pointer = offset,
                            IsMulticastAnswered = type >> 6 == 2,
                        };
                        return false;
                }
            }

            offset += 2 + header[offset + 1];
        }

        return true;
    }
}
