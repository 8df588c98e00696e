using Semitone.Machine;

namespace Semitone.NineP;

/// <summary>A piece of a message: bytes of an array of the kernel, or of a frame, which they go to or come from without a copy.</summary>
/// <param name="Array">The array; null for a frame.</param>
/// <param name="Frame">The frame; none for an array.</param>
/// <param name="Offset">First byte.</param>
/// <param name="Length">Bytes, more than 0.</param>
public readonly record struct Segment(byte[]? Array, Frame Frame, int Offset, int Length)
{
    public Segment(byte[] array, int offset, int length)
        : this(array, default, offset, length)
    {
    }

    public Segment(Frame frame, int offset, int length)
        : this(null, frame, offset, length)
    {
    }
}
