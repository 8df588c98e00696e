namespace Semitone.Net;

/// <summary>A hash of addresses and ports under a secret key, so that a peer cannot choose what collides.</summary>
/// <remarks>Two rounds of multiplication and folding for each word (the mixing of wyhash): fast, and for tables only, not for secrets that are told.</remarks>
public static class SeededHash
{
    private const ulong Multiplier = 0x9E37_79B9_7F4A_7C15;
    private const ulong Increment = 0xA076_1D64_78BD_642F;

    public static uint Of(ulong key, IpAddress address) => Finish(Mix(Mix(key, address.High), address.Low));

    public static uint Of(ulong key, IpAddress first, IpAddress second, uint more) =>
        Finish(Mix(Mix(Mix(Mix(Mix(key, first.High), first.Low), second.High), second.Low), more));

    private static ulong Mix(ulong state, ulong word)
    {
        ulong high = Math.BigMul(state ^ word ^ Increment, Multiplier, out ulong low);
        return high ^ low ^ (state << 23 | state >> 41);
    }

    private static uint Finish(ulong state)
    {
        ulong high = Math.BigMul(state ^ Increment, Multiplier, out ulong low);
        return (uint)((high ^ low) >> 16);
    }
}
