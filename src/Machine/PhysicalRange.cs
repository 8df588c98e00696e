using System.Diagnostics.CodeAnalysis;

namespace Semitone.Machine;

/// <summary>Bytes that lie one after the other in physical memory: the initrd, or a part of it.</summary>
/// <remarks>
/// The frames that they fill are untyped memory with one reference, which passes to whoever takes the range. A frame that they fill only in
/// part (the first and the last one) belongs to nobody: it may be read, and neither written nor mapped nor released.
/// </remarks>
public readonly record struct PhysicalRange
{
    private readonly Frame _first;
    private readonly uint _frameCount;

    /// <param name="first">The frame that holds the first byte.</param>
    /// <param name="offset">Of the first byte in that frame, 0 to 4095.</param>
    /// <param name="length">Bytes.</param>
    internal PhysicalRange(Frame first, int offset, long length)
    {
        _first = first;
        Offset = offset;
        Length = length;
        _frameCount = length == 0 ? 0 : (uint)((offset + length + 4095) >> 12);
    }

    /// <summary>Of the first byte in the first frame, 0 to 4095.</summary>
    public int Offset { get; }

    /// <summary>Bytes.</summary>
    public long Length { get; }

    /// <summary>Frames that hold some of the bytes.</summary>
    public long FrameCount => _frameCount;

    /// <summary>One of the frames.</summary>
    /// <param name="index">0 to <see cref="FrameCount"/> - 1.</param>
    public Frame this[long index]
    {
        get
        {
            if ((ulong)index >= _frameCount)
            {
                ThrowOutOfRange();
            }

            return new Frame(_first.Number + (uint)index);
        }
    }

    /// <summary>A part of the range.</summary>
    public PhysicalRange Slice(long offset, long length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)offset, (ulong)Length, nameof(offset));
        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)length, (ulong)(Length - offset), nameof(length));
        if (length == 0)
        {
            return default;
        }

        long position = Offset + offset;
        return new PhysicalRange(this[position >> 12], (int)(position & 4095), length);
    }

    [DoesNotReturn]
    private static void ThrowOutOfRange() => throw new ArgumentOutOfRangeException("index");
}
