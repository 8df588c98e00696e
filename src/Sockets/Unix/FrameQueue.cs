using System.Numerics;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Machine;
using Semitone.Memory;

namespace Semitone.Sockets;

/// <summary>Bytes in page frames, first in, first out. Frames come when they are needed, and go when they have been read.</summary>
internal sealed class FrameQueue(FramePool pool)
{
    private const int PageSize = Paging.PageSize;

    /// <summary>A ring of frames; its length is a power of two.</summary>
    private Frame[] _frames = [];
    private int _first;
    private int _frameCount;

    /// <summary>Where the first byte lies in the first frame.</summary>
    private int _start;

    public int Count { get; private set; }

    /// <summary>Moves bytes to the end.</summary>
    /// <returns>None, or ENOBUFS where there was no frame; the cursor tells how far it came.</returns>
    public Errno Append(ref IoCursor source, int count)
    {
        while (count > 0)
        {
            int end = _start + Count;
            int inPage = end & (PageSize - 1);
            if (end >> Paging.PageShift == _frameCount && !TryAddFrame())
            {
                return Errno.ENOBUFS;
            }

            int length = Math.Min(count, PageSize - inPage);
            int moved = source.Read(pool, FrameAt(end >> Paging.PageShift), inPage, length);
            Count += moved;
            count -= moved;
            if (moved < length)
            {
                break;
            }
        }

        return Errno.None;
    }

    /// <summary>Copies bytes, and leaves them where they are.</summary>
    /// <param name="offset">How many to pass over.</param>
    /// <returns>Bytes copied: fewer where the destination ends or faults.</returns>
    public int CopyTo(ref IoCursor destination, int offset, int count)
    {
        int done = 0;
        while (done < count && destination.Remaining > 0)
        {
            int position = _start + offset + done;
            int inPage = position & (PageSize - 1);
            int length = Math.Min(count - done, PageSize - inPage);
            int moved = destination.Write(pool, FrameAt(position >> Paging.PageShift), inPage, length);
            done += moved;
            if (moved < length)
            {
                break;
            }
        }

        return done;
    }

    /// <summary>Takes bytes away from the front.</summary>
    public void Drop(int count)
    {
        Count -= count;
        _start += count;
        while (_start >= PageSize && _frameCount > 1)
        {
            // The last frame stays for what comes next, so that short messages cost no allocation.
            pool.Release(_frames[_first]);
            _first = (_first + 1) & (_frames.Length - 1);
            _frameCount--;
            _start -= PageSize;
        }

        if (Count == 0)
        {
            _start = 0;
        }
    }

    /// <summary>Takes bytes away from the end.</summary>
    public void Cut(int count) => Count -= count;

    public void Clear()
    {
        for (; _frameCount > 0; _frameCount--)
        {
            pool.Release(_frames[_first]);
            _first = (_first + 1) & (_frames.Length - 1);
        }

        Count = 0;
        _start = 0;
    }

    private Frame FrameAt(int index) => _frames[(_first + index) & (_frames.Length - 1)];

    private bool TryAddFrame()
    {
        if (_frameCount == _frames.Length)
        {
            int length = Math.Max(4, (int)BitOperations.RoundUpToPowerOf2((uint)_frameCount + 1));
            if (!KernelHeap.TryAllocate(length, sizeof(long), out Frame[]? longer))
            {
                return false;
            }

            for (int i = 0; i < _frameCount; i++)
            {
                longer[i] = FrameAt(i);
            }

            _frames = longer;
            _first = 0;
        }

        if (!pool.TryAllocate(out Frame frame))
        {
            return false;
        }

        _frames[(_first + _frameCount++) & (_frames.Length - 1)] = frame;
        return true;
    }
}
