using System.Numerics;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Machine;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>The buffer of a pipe or fifo (pipe(7)): a ring of bytes in page frames.</summary>
/// <remarks>
/// Frames come when they are first written to and stay until the pipe is closed. An empty pipe starts over at its first frame, so that a
/// pipe that carries small messages never needs a second one.
/// </remarks>
public sealed class Pipe(FramePool frames)
{
    public const int DefaultCapacity = 16 * Paging.PageSize;
    public const int MaximumCapacity = 1 << 20;

    private Frame[] _frames = new Frame[DefaultCapacity / Paging.PageSize];
    private int _frameCount;
    private int _start;
    private int _count;
    private PacketQueue? _packets;

    public int Capacity => _frames.Length * Paging.PageSize;

    /// <summary>Bytes that wait to be read.</summary>
    public int Count => _count;

    public int Free => Capacity - _count;

    /// <summary>Whether a write of PIPE_BUF bytes would find room (poll(2)).</summary>
    public bool HasRoom => Free >= FileLimits.PIPE_BUF && (_packets is null || _packets.Count < _frames.Length);

    /// <summary>Open files that can read; the writers' EPIPE when there is none.</summary>
    public int Readers { get; private set; }

    /// <summary>Open files that can write; the readers' end of file when there is none.</summary>
    public int Writers { get; private set; }

    /// <summary>Times that anybody opened the reading end: an open(2) of the other end waits for a change.</summary>
    public int ReaderOpenCount { get; private set; }

    public int WriterOpenCount { get; private set; }

    /// <summary>Woken when there are bytes, or nobody to write them.</summary>
    public WaitQueue Readable { get; } = new();

    /// <summary>Woken when there is room, or nobody to read.</summary>
    public WaitQueue Writable { get; } = new();

    public void AddUser(bool reads, bool writes)
    {
        if (reads)
        {
            Readers++;
            ReaderOpenCount++;
            Writable.WakeAll();
        }
        if (writes)
        {
            Writers++;
            WriterOpenCount++;
            Readable.WakeAll();
        }
    }

    /// <returns>True when nobody has the pipe open any more; its frames are free.</returns>
    public bool RemoveUser(bool reads, bool writes)
    {
        Readers -= reads ? 1 : 0;
        Writers -= writes ? 1 : 0;
        if (Readers == 0 && Writers == 0)
        {
            FreeFrames();
            return true;
        }
        if (Readers == 0 || Writers == 0)
        {
            Readable.WakeAll();
            Writable.WakeAll();
        }
        return false;
    }

    public IoResult Read(ref IoCursor destination)
    {
        if (_count == 0)
        {
            return Writers == 0 || destination.Remaining == 0 ? 0 : Errno.EAGAIN;
        }
        if (_packets is null)
        {
            Take(ref destination, _count);
        }
        else
        {
            ReadPackets(ref destination, _packets);
        }
        if (destination.Moved != 0)
        {
            Writable.WakeAll();
        }
        return destination.ToResult();
    }

    /// <summary>Moves bytes from the front of the ring, as many as are asked for at most.</summary>
    private void Take(ref IoCursor destination, int count)
    {
        while (count != 0 && destination.Remaining != 0)
        {
            int inPage = _start & (Paging.PageSize - 1);
            int length = Math.Min(count, Paging.PageSize - inPage);
            int moved = destination.Write(frames, _frames[_start >> Paging.PageShift], inPage, length);
            Drop(moved);
            count -= moved;
            if (moved < length)
            {
                break;
            }
        }
    }

    /// <summary>Copies bytes that stay in the pipe, whatever packets they are in.</summary>
    /// <param name="offset">Bytes that are left out, 0 to <see cref="Count"/>.</param>
    public void Peek(ref IoCursor destination, int offset)
    {
        while (offset < _count && destination.Remaining != 0)
        {
            int position = Wrap(_start + offset);
            int inPage = position & (Paging.PageSize - 1);
            int length = (int)Math.Min(Math.Min(_count - offset, Paging.PageSize - inPage), destination.Remaining);
            int moved = destination.Write(frames, _frames[position >> Paging.PageShift], inPage, length);
            offset += moved;
            if (moved < length)
            {
                break;
            }
        }
    }

    /// <summary>Takes bytes away that have been looked at.</summary>
    /// <param name="count">0 to <see cref="Count"/>.</param>
    public void Consume(int count)
    {
        Drop(count);
        for (int left = count; left > 0 && _packets is { IsEmpty: false } packets;)
        {
            int length = Math.Min(left, packets.First.Length);
            packets.Shorten(length);
            left -= length;
        }

        if (count != 0)
        {
            Writable.WakeAll();
        }
    }

    private void Drop(int count)
    {
        _count -= count;
        _start = _count == 0 ? 0 : Wrap(_start + count);
    }

    /// <summary>
    /// Reads bytes up to the next packet and that packet, whose rest is lost where the buffer is shorter (pipe2(2), O_DIRECT).
    /// </summary>
    private void ReadPackets(ref IoCursor destination, PacketQueue packets)
    {
        while (!packets.IsEmpty && destination.Remaining != 0)
        {
            (int length, bool isPacket) = packets.First;
            int before = _count;
            Take(ref destination, length);
            int taken = before - _count;
            if (destination.IsFaulted)
            {
                packets.Shorten(taken);
                return;
            }
            if (isPacket)
            {
                Drop(length - taken);
                packets.RemoveFirst();
                return;
            }
            packets.Shorten(taken);
        }
    }

    /// <summary>Writes; up to PIPE_BUF bytes as a whole or not at all.</summary>
    /// <param name="arePackets">Each PIPE_BUF bytes, and what is left of the write, are a packet that is read alone.</param>
    public IoResult Write(ref IoCursor source, bool arePackets = false)
    {
        if (arePackets || _packets is not null)
        {
            return WritePackets(ref source, arePackets);
        }
        if (source.Remaining == 0)
        {
            return source.ToResult();
        }
        if (Readers == 0)
        {
            return source.ToResult(Errno.EPIPE);
        }
        if (source.Remaining <= FileLimits.PIPE_BUF && Free < source.Remaining && source.Moved == 0)
        {
            return Errno.EAGAIN;
        }
        long before = source.Moved;
        Errno error = Append(ref source, source.Remaining);
        if (source.Moved != before)
        {
            Readable.WakeAll();
        }
        return source.ToResult(error);
    }

    /// <summary>Writes to a pipe that has seen packets, or is to.</summary>
    private IoResult WritePackets(ref IoCursor source, bool arePackets)
    {
        if (source.Remaining == 0)
        {
            return source.ToResult();
        }
        if (Readers == 0)
        {
            return source.ToResult(Errno.EPIPE);
        }
        long before = source.Moved;
        Errno error = Errno.None;
        _packets ??= new PacketQueue(_count);
        while (source.Remaining != 0 && error == Errno.None && !source.IsFaulted)
        {
            // What is written at once is taken at once; a packet has a page of its own in Linux, so that there are as many as pages.
            int length = (int)Math.Min(source.Remaining, FileLimits.PIPE_BUF);
            if (Free < length || (_packets.Count >= _frames.Length && (arePackets || _packets.IsLastPacket)))
            {
                error = Errno.EAGAIN;
                break;
            }
            int countBefore = _count;
            error = Append(ref source, length);
            if (_count != countBefore && !_packets.TryAdd(_count - countBefore, arePackets))
            {
                _count = countBefore;
                error = Errno.ENOMEM;
            }
        }
        if (source.Moved != before)
        {
            Readable.WakeAll();
        }
        return source.ToResult(error);
    }

    /// <summary>Moves bytes to the end of the ring.</summary>
    /// <returns>None; EAGAIN when it is full, ENOMEM when there is no frame.</returns>
    private Errno Append(ref IoCursor source, long count)
    {
        Errno error = Errno.None;
        while (count != 0)
        {
            if (Free == 0)
            {
                error = Errno.EAGAIN;
                break;
            }
            int position = Wrap(_start + _count);
            int inPage = position & (Paging.PageSize - 1);
            int length = (int)Math.Min(Math.Min(Free, Paging.PageSize - inPage), count);
            if (!TryGetFrame(position >> Paging.PageShift, out Frame frame))
            {
                error = Errno.ENOMEM;
                break;
            }
            int moved = source.Read(frames, frame, inPage, length);
            _count += moved;
            count -= moved;
            if (moved < length)
            {
                break;
            }
        }
        return error;
    }

    /// <summary>Makes the ring longer or shorter (F_SETPIPE_SZ).</summary>
    /// <returns>None, EINVAL, EPERM, EBUSY when it holds more, or ENOMEM.</returns>
    public Errno SetCapacity(uint wanted)
    {
        if (wanted > MaximumCapacity)
        {
            return wanted > int.MaxValue ? Errno.EINVAL : Errno.EPERM;
        }
        int capacity = (int)BitOperations.RoundUpToPowerOf2(Math.Max(wanted, Paging.PageSize));
        if (capacity < _count || _packets?.Count > capacity / Paging.PageSize)
        {
            return Errno.EBUSY;
        }

        if (!KernelHeap.HasRoom())
        {
            return Errno.ENOMEM;
        }
        Pipe copy = new(frames) { _frames = new Frame[capacity / Paging.PageSize], Readers = 1 };
        int position = _start;
        for (int left = _count; left > 0;)
        {
            int inPage = position & (Paging.PageSize - 1);
            int length = Math.Min(left, Paging.PageSize - inPage);
            if (!copy.TryAppend(_frames[position >> Paging.PageShift], inPage, length))
            {
                copy.FreeFrames();
                return Errno.ENOMEM;
            }
            position = Wrap(position + length);
            left -= length;
        }
        FreeFrames();
        _frames = copy._frames;
        _frameCount = copy._frameCount;
        _start = 0;
        _count = copy._count;
        Writable.WakeAll();
        return Errno.None;
    }

    private int Wrap(int position) => position >= Capacity ? position - Capacity : position;

    private bool TryAppend(Frame source, int offset, int count)
    {
        while (count > 0)
        {
            int inPage = _count & (Paging.PageSize - 1);
            int length = Math.Min(count, Paging.PageSize - inPage);
            if (!TryGetFrame(_count >> Paging.PageShift, out Frame frame))
            {
                return false;
            }
            frames.Copy(source, offset, frame, inPage, length);
            offset += length;
            count -= length;
            _count += length;
        }
        return true;
    }

    /// <summary>Gets a frame of the ring. They are allocated in order, for the ring is filled in order.</summary>
    private bool TryGetFrame(int index, out Frame frame)
    {
        while (_frameCount <= index)
        {
            if (!frames.TryAllocate(out frame))
            {
                return false;
            }
            _frames[_frameCount++] = frame;
        }
        frame = _frames[index];
        return true;
    }

    private void FreeFrames()
    {
        while (_frameCount > 0)
        {
            frames.Release(_frames[--_frameCount]);
        }
        _start = 0;
        _count = 0;
    }
}
