namespace Semitone.Net;

/// <summary>A packet that was received, from its outermost header that has not been looked at to its end.</summary>
/// <remarks>
/// Whoever is handed one owns it: he passes it on, keeps it, or gives it back (<see cref="Release"/>), exactly once. Buffers are made
/// once and come back to their pool, so that receiving allocates nothing.
/// </remarks>
public sealed class PacketBuffer
{
    private readonly PacketPool _pool;
    private readonly byte[] _bytes;
    private int _start;
    private bool _isFree;

    internal PacketBuffer(PacketPool pool, int capacity)
    {
        _pool = pool;
        _bytes = new byte[capacity];
    }

    /// <summary>Bytes that it occupies, however few of them are used: what a socket's buffer is charged with.</summary>
    public int Capacity => _bytes.Length;

    /// <summary>Bytes from here to the end.</summary>
    public int Length { get; private set; }

    /// <summary>Whether the link vouches for the transport's checksum.</summary>
    public bool IsChecksumVerified { get; set; }

    /// <summary>The next of the queue that it is in; the owner's.</summary>
    public PacketBuffer? Next { get; set; }

    /// <summary>What is left of the packet.</summary>
    public Span<byte> Bytes => _bytes.AsSpan(_start, Length);

    /// <summary>Room behind the packet's end.</summary>
    public int Tailroom => _bytes.Length - _start - Length;

    /// <summary>Makes it hold as many bytes, whose contents are undefined.</summary>
    /// <param name="headroom">Bytes that are left free in front.</param>
    /// <param name="length">Bytes.</param>
    public void Reset(int headroom, int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)headroom, (uint)_bytes.Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)length, (uint)(_bytes.Length - headroom));
        _start = headroom;
        Length = length;
        IsChecksumVerified = false;
        Next = null;
    }

    /// <summary>Drops bytes from the front: a header that has been read, data that has been taken.</summary>
    /// <param name="count">0 to <see cref="Length"/>.</param>
    public void TrimStart(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)count, (uint)Length);
        _start += count;
        Length -= count;
    }

    /// <summary>Takes bytes back that were dropped from the front.</summary>
    /// <param name="count">0 to what lies in front.</param>
    public void Untrim(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)count, (uint)_start);
        _start -= count;
        Length += count;
    }

    /// <summary>Drops bytes behind an end: padding.</summary>
    /// <param name="length">Bytes that stay: 0 to <see cref="Length"/>.</param>
    public void TrimEnd(int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)length, (uint)Length);
        Length = length;
    }

    /// <summary>Adds bytes at the end.</summary>
    /// <returns>How many there was room for.</returns>
    public int Append(ReadOnlySpan<byte> source)
    {
        int count = Math.Min(source.Length, Tailroom);
        source[..count].CopyTo(_bytes.AsSpan(_start + Length));
        Length += count;
        return count;
    }

    /// <summary>Gives the buffer back.</summary>
    public void Release()
    {
        if (_isFree)
        {
            throw new InvalidOperationException("The packet has been given back already.");
        }

        _isFree = true;
        _pool.Return(this);
    }

    /// <summary>Hands the buffer out.</summary>
    internal void Take() => _isFree = false;
}
