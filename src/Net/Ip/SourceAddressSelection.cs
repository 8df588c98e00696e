using System.Numerics;

namespace Semitone.Net;

/// <summary>Which of an interface's addresses suits a destination best (RFC 6724, 5).</summary>
internal static class SourceAddressSelection
{
    /// <summary>Chooses an address.</summary>
    /// <returns>False when the interface has none of the destination's version that may be used.</returns>
    public static bool TryChoose(NetworkInterface networkInterface, IpAddress destination, out IpAddress source)
    {
        InterfaceAddress? best = null;
        foreach (InterfaceAddress candidate in networkInterface.AddressList)
        {
            if (candidate.IsUsable
                && candidate.Address.IsIpv4 == destination.IsIpv4
                && (best is null || IsBetter(candidate, best, destination)))
            {
                best = candidate;
            }
        }

        source = best?.Address ?? default;
        return best is not null;
    }

    private static bool IsBetter(InterfaceAddress candidate, InterfaceAddress best, IpAddress destination)
    {
        // IPv4: the first address of the destination's network, or else the first one, as Linux has it.
        if (destination.IsIpv4)
        {
            return !best.Prefix.Contains(destination) && candidate.Prefix.Contains(destination);
        }

        // Rule 2: the appropriate scope.
        int wanted = ScopeOf(destination);
        int scope = ScopeOf(candidate.Address);
        int bestScope = ScopeOf(best.Address);
        if (scope != bestScope)
        {
            return scope < bestScope ? scope >= wanted : bestScope < wanted;
        }

        // Rule 3: no deprecated ones; an optimistic one is taken as late (RFC 4429, 3.1).
        if (candidate.State != best.State && (candidate.State == AddressState.Preferred || best.State == AddressState.Preferred))
        {
            return candidate.State == AddressState.Preferred;
        }

        // Rule 8: the longest common prefix.
        return CommonBits(candidate.Address, destination) > CommonBits(best.Address, destination);
    }

    private static int ScopeOf(IpAddress address) =>
        address.IsMulticast ? (int)(address.High >> 48) & 0xF : address.IsLinkLocal || address.IsLoopback ? 2 : 14;

    private static int CommonBits(IpAddress left, IpAddress right)
    {
        int high = BitOperations.LeadingZeroCount(left.High ^ right.High);
        return high == 64 ? 64 + BitOperations.LeadingZeroCount(left.Low ^ right.Low) : high;
    }
}
