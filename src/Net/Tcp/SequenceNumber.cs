namespace Semitone.Net;

/// <summary>A place in a stream of bytes, modulo 2^32 (RFC 9293, 3.4).</summary>
/// <remarks>
/// Before and after are told by the sign of the difference, so that they hold for places less than 2^31 apart: all that are in one window
/// are (RFC 7323, 2.3). There is no order but this.
/// </remarks>
public readonly record struct SequenceNumber(uint Value)
{
    public static SequenceNumber operator +(SequenceNumber left, int right) => new(left.Value + (uint)right);

    public static SequenceNumber operator -(SequenceNumber left, int right) => new(left.Value - (uint)right);

    /// <summary>Bytes from one place to another: negative where the left one is before the right.</summary>
    public static int operator -(SequenceNumber left, SequenceNumber right) => (int)(left.Value - right.Value);

    public static bool operator <(SequenceNumber left, SequenceNumber right) => left - right < 0;

    public static bool operator >(SequenceNumber left, SequenceNumber right) => left - right > 0;

    public static bool operator <=(SequenceNumber left, SequenceNumber right) => left - right <= 0;

    public static bool operator >=(SequenceNumber left, SequenceNumber right) => left - right >= 0;

    public static SequenceNumber Max(SequenceNumber left, SequenceNumber right) => left > right ? left : right;

    public static SequenceNumber Min(SequenceNumber left, SequenceNumber right) => left < right ? left : right;

    public override string ToString() => Value.ToString();
}
