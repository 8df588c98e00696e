namespace Semitone.Net;

/// <summary>Handshakes without memory (RFC 4987, 3.6): what a SYN has said comes back in the number that the peer confirms.</summary>
/// <remarks>
/// The number has five bits of time, three of the segment size, and 24 that nobody without the key can make. What does not fit, window
/// scale and SACK, is in the low bits of the timestamp, as Linux has it; a peer without timestamps goes without.
/// </remarks>
internal sealed class SynCookies(INetworkRandom random)
{
    private const long PeriodNs = 64L * 1_000_000_000;
    private const int TimeShift = 27;
    private const uint TimeMask = 31;
    private const int SizeShift = 24;
    private const uint SizeMask = 7;
    private const uint CodeMask = 0xFF_FFFF;

    // In the timestamp: four bits of window scale, one for SACK. All ones: none.
    private const uint OptionsMask = 0x3F;
    private const uint ScaleMask = 0xF;
    private const uint SackFlag = 0x10;

    private static readonly ushort[] s_sizes = [536, 1220, 1300, 1380, 1440, 1460, 8940, 65475];

    private readonly KeyedHash _hash = new(random);

    /// <summary>Makes the initial sequence number for a SYN.</summary>
    public SequenceNumber Create(in ConnectionKey key, SequenceNumber peerInitial, int segmentSize, long nowNs)
    {
        uint index = 0;
        while (index + 1 < s_sizes.Length && s_sizes[index + 1] <= segmentSize)
        {
            index++;
        }

        uint time = (uint)(nowNs / PeriodNs) & TimeMask;
        return new SequenceNumber((time << TimeShift) | (index << SizeShift) | GetCode(key, peerInitial, time, index, nowNs / PeriodNs));
    }

    /// <summary>Checks a number that a peer confirms.</summary>
    /// <param name="key">The ends.</param>
    /// <param name="cookie">The number.</param>
    /// <param name="peerInitial">The peer's own.</param>
    /// <param name="nowNs">The time.</param>
    /// <param name="segmentSize">The segment size, rounded down.</param>
    public bool TryOpen(in ConnectionKey key, SequenceNumber cookie, SequenceNumber peerInitial, long nowNs, out int segmentSize)
    {
        uint time = cookie.Value >> TimeShift;
        uint index = (cookie.Value >> SizeShift) & SizeMask;
        long period = nowNs / PeriodNs;
        uint age = ((uint)period - time) & TimeMask;
        segmentSize = s_sizes[index];
        return age <= 1 && (cookie.Value & CodeMask) == GetCode(key, peerInitial, time, index, period - age);
    }

    /// <summary>Puts what the SYN has offered in a timestamp, which does not get later by that.</summary>
    public static uint Hide(uint timestamp, in TcpOptions offered)
    {
        uint options = (offered.HasWindowScale ? offered.WindowScale : ScaleMask) | (offered.IsSackPermitted ? SackFlag : 0);
        uint hidden = (timestamp & ~OptionsMask) | options;
        return hidden > timestamp ? hidden - (OptionsMask + 1) : hidden;
    }

    /// <summary>Gets it back.</summary>
    public static TcpOptions Reveal(uint timestamp)
    {
        uint scale = timestamp & ScaleMask;
        return new TcpOptions
        {
            HasWindowScale = scale != ScaleMask,
            WindowScale = (byte)(scale == ScaleMask ? 0 : scale),
            IsSackPermitted = (timestamp & SackFlag) != 0,
        };
    }

    private uint GetCode(in ConnectionKey key, SequenceNumber peerInitial, uint time, uint index, long period) =>
        (uint)_hash.Compute(key, peerInitial.Value | ((ulong)(uint)period << 35) | ((ulong)index << 32) | ((ulong)time << 59)) & CodeMask;
}
