using System.Runtime.CompilerServices;
using Semitone.Abi;
using Semitone.Machine;

namespace Semitone.Memory;

/// <summary>
/// A place in memory that bytes are moved to or from, one piece after the other: a guest's buffer, its iovec array, or a buffer of the
/// kernel.
/// </summary>
/// <remarks>
/// <para>Pass it by <c>ref</c>: it is a mutable struct. It may live across an <c>await</c>; a copy taken before a transfer is a way
/// back.</para>
/// <para>Files call <see cref="Write"/> to answer a read(2) and <see cref="Read"/> to serve a write(2): bytes go straight between the
/// file's storage and the guest. Both move less than they are asked to only when the cursor ends or a page faults; <see cref="IsFaulted"/>
/// tells which.</para>
/// </remarks>
public struct IoCursor
{
    /// <summary>The most that one call moves (read(2), NOTES).</summary>
    public const long MaxTransfer = 0x7FFF_F000;

    private readonly UserMemory? _memory;
    private readonly UserSpan[]? _segments;
    private readonly byte[]? _kernelBuffer;
    private ulong _address;
    private long _segmentRemaining;
    private int _nextSegment;

    private IoCursor(UserMemory? memory, UserSpan[]? segments, byte[]? kernelBuffer, ulong address, long segmentLength, long length)
    {
        _memory = memory;
        _segments = segments;
        _kernelBuffer = kernelBuffer;
        _address = address;
        _segmentRemaining = segmentLength;
        Remaining = length;
    }

    /// <summary>Bytes that can still be moved.</summary>
    public long Remaining { get; private set; }

    /// <summary>Bytes moved so far.</summary>
    public long Moved { get; private set; }

    /// <summary>Whether a page of the guest could not be had; nothing moves any more.</summary>
    public bool IsFaulted { get; private set; }

    /// <summary>Makes a cursor over a guest's buffer; lengths beyond <see cref="MaxTransfer"/> are cut, as Linux does.</summary>
    public static IoCursor OverUser(UserMemory memory, ulong address, nuint length)
    {
        long count = (long)Math.Min(length, (nuint)MaxTransfer);
        return new IoCursor(memory, null, null, address, count, count);
    }

    public static IoCursor OverUser(UserMemory memory, UserPtr<byte> buffer, nuint length) => OverUser(memory, buffer.Address, length);

    /// <summary>Makes a cursor over a buffer of the kernel.</summary>
    public static IoCursor OverKernel(byte[] buffer, int offset, int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)offset + (ulong)(uint)length, (ulong)buffer.Length);
        return new IoCursor(null, null, buffer, (ulong)offset, length, length);
    }

    public static IoCursor OverKernel(byte[] buffer) => OverKernel(buffer, 0, buffer.Length);

    /// <summary>Makes a cursor over segments that <see cref="UserMemory.ImportIoVec"/> has read and checked.</summary>
    internal static IoCursor OverSegments(UserMemory memory, UserSpan[] segments, long length) => new(memory, segments, null, 0, 0, length);

    /// <summary>What the transfer came to: bytes moved, and EFAULT where a page was missing, else the given error.</summary>
    public readonly IoResult ToResult(Errno error = Errno.None) => new(Moved, IsFaulted ? Errno.EFAULT : error);

    /// <summary>Moves bytes of the kernel to the place that the cursor stands at.</summary>
    /// <returns>Bytes moved.</returns>
    public int Write(ReadOnlySpan<byte> source)
    {
        if (_memory is null || !IsInSegment(source.Length))
        {
            return WritePieces(source);
        }

        int moved = _memory.CopyOut(_address, source);
        Account(moved, source.Length);
        return moved;
    }

    /// <summary>Moves bytes from the place that the cursor stands at into the kernel.</summary>
    /// <returns>Bytes moved.</returns>
    public int Read(Span<byte> destination)
    {
        if (_memory is null || !IsInSegment(destination.Length))
        {
            return ReadPieces(destination);
        }

        int moved = _memory.CopyIn(_address, destination);
        Account(moved, destination.Length);
        return moved;
    }

    /// <summary>Moves bytes of a frame to the place that the cursor stands at.</summary>
    /// <param name="frames">Where the frame is from.</param>
    /// <param name="frame">A frame in use.</param>
    /// <param name="offset">First byte.</param>
    /// <param name="count">Bytes; all of them lie in the frame.</param>
    /// <returns>Bytes moved.</returns>
    public int Write(FramePool frames, Frame frame, int offset, int count)
    {
        if (_memory is null || !IsInSegment(count))
        {
            return WritePieces(frames, frame, offset, count);
        }

        int moved = _memory.CopyOut(_address, frame, offset, count);
        Account(moved, count);
        return moved;
    }

    /// <summary>Moves bytes from the place that the cursor stands at into a frame.</summary>
    /// <inheritdoc cref="Write(FramePool, Frame, int, int)"/>
    public int Read(FramePool frames, Frame frame, int offset, int count)
    {
        if (_memory is null || !IsInSegment(count))
        {
            return ReadPieces(frames, frame, offset, count);
        }

        int moved = _memory.CopyIn(_address, frame, offset, count);
        Account(moved, count);
        return moved;
    }

    /// <summary>Writes zeros to the place that the cursor stands at.</summary>
    /// <returns>Bytes written.</returns>
    public long Zero(long count)
    {
        if (_memory is null || !IsInSegment(count))
        {
            return ZeroPieces(count);
        }

        long moved = _memory.Zero(_address, count);
        Account(moved, count);
        return moved;
    }

    /// <summary>Moves past bytes without touching them, as far as there are any; they count as moved.</summary>
    public void Skip(long count)
    {
        while (count > 0 && NextSegment())
        {
            long chunk = Math.Min(count, _segmentRemaining);
            count -= chunk;
            Account(chunk, chunk);
        }
    }

    /// <summary>Goes on after a page that was missing has been fetched. What has been moved so far is counted no longer.</summary>
    /// <returns>Bytes that had been moved.</returns>
    public long Resume()
    {
        long moved = Moved;
        Moved = 0;
        if (IsFaulted)
        {
            IsFaulted = false;
            _segmentRemaining = _segments is null
                ? Remaining
                : _nextSegment == 0 ? 0 : (long)(_segments[_nextSegment - 1].Address + _segments[_nextSegment - 1].Length - _address);
        }

        return moved;
    }

    /// <summary>Cuts the end off, so that no more than <paramref name="count"/> bytes remain.</summary>
    public void Limit(long count) => Remaining = Math.Min(Remaining, Math.Max(0, count));

    /// <summary>Whether a transfer is one piece, as it nearly always is.</summary>
    private readonly bool IsInSegment(long count) => count <= _segmentRemaining && count <= Remaining;

    private int WritePieces(ReadOnlySpan<byte> source)
    {
        int total = 0;
        while (total < source.Length && NextSegment())
        {
            int chunk = (int)Math.Min(source.Length - total, _segmentRemaining);
            int moved;
            if (_memory is not null)
            {
                moved = _memory.CopyOut(_address, source.Slice(total, chunk));
            }
            else
            {
                source.Slice(total, chunk).CopyTo(_kernelBuffer.AsSpan((int)_address));
                moved = chunk;
            }

            total += moved;
            Account(moved, chunk);
        }

        return total;
    }

    private int WritePieces(FramePool frames, Frame frame, int offset, int count)
    {
        int total = 0;
        while (total < count && NextSegment())
        {
            int chunk = (int)Math.Min(count - total, _segmentRemaining);
            int moved = chunk;
            if (_memory is not null)
            {
                moved = _memory.CopyOut(_address, frame, offset + total, chunk);
            }
            else
            {
                frames.Read(frame, offset + total, _kernelBuffer.AsSpan((int)_address, chunk));
            }

            total += moved;
            Account(moved, chunk);
        }

        return total;
    }

    private int ReadPieces(FramePool frames, Frame frame, int offset, int count)
    {
        int total = 0;
        while (total < count && NextSegment())
        {
            int chunk = (int)Math.Min(count - total, _segmentRemaining);
            int moved = chunk;
            if (_memory is not null)
            {
                moved = _memory.CopyIn(_address, frame, offset + total, chunk);
            }
            else
            {
                frames.Write(frame, offset + total, _kernelBuffer.AsSpan((int)_address, chunk));
            }

            total += moved;
            Account(moved, chunk);
        }

        return total;
    }

    private int ReadPieces(Span<byte> destination)
    {
        int total = 0;
        while (total < destination.Length && NextSegment())
        {
            int chunk = (int)Math.Min(destination.Length - total, _segmentRemaining);
            int moved;
            if (_memory is not null)
            {
                moved = _memory.CopyIn(_address, destination.Slice(total, chunk));
            }
            else
            {
                _kernelBuffer.AsSpan((int)_address, chunk).CopyTo(destination.Slice(total));
                moved = chunk;
            }

            total += moved;
            Account(moved, chunk);
        }

        return total;
    }

    private long ZeroPieces(long count)
    {
        long total = 0;
        while (total < count && NextSegment())
        {
            long chunk = Math.Min(count - total, _segmentRemaining);
            long moved;
            if (_memory is not null)
            {
                moved = _memory.Zero(_address, chunk);
            }
            else
            {
                _kernelBuffer.AsSpan((int)_address, (int)chunk).Clear();
                moved = chunk;
            }

            total += moved;
            Account(moved, chunk);
        }

        return total;
    }

    /// <summary>Makes the current segment one that has bytes left, within <see cref="Remaining"/>.</summary>
    private bool NextSegment()
    {
        if (Remaining == 0 || IsFaulted)
        {
            return false;
        }

        while (_segmentRemaining == 0)
        {
            // Remaining says that there is another one.
            UserSpan segment = _segments![_nextSegment++];
            _address = segment.Address;
            _segmentRemaining = (long)segment.Length;
        }

        _segmentRemaining = Math.Min(_segmentRemaining, Remaining);
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Account(long moved, long wanted)
    {
        _address += (ulong)moved;
        _segmentRemaining -= moved;
        Remaining -= moved;
        Moved += moved;
        if (moved < wanted)
        {
            // Nothing more goes through this segment.
            IsFaulted = true;
            _segmentRemaining = 0;
        }
    }
}
