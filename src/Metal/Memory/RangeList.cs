namespace Semitone.Metal.Memory;

/// <summary>Ranges of memory: sorted, apart from each other, never empty.</summary>
/// <remarks>What does not fit any more costs memory and nothing else: the smallest range goes.</remarks>
// SAFETY: an index is below the count, and the count never exceeds the capacity of the arrays.
internal unsafe struct RangeList
{
    internal const int Capacity = 256;

    private fixed ulong _starts[Capacity];
    private fixed ulong _ends[Capacity];

    internal int Count { get; private set; }

    /// <summary>Bytes that had to be dropped because there were too many ranges.</summary>
    internal ulong Dropped { get; private set; }

    internal ulong GetStart(int index) => _starts[index];

    internal ulong GetEnd(int index) => _ends[index];

    /// <summary>Moves the beginning of a range up. One that is used up so is empty, and the list is no more to be added to.</summary>
    internal void SetStart(int index, ulong start) => _starts[index] = start;

    /// <summary>Adds [start, end), as far as it is not there yet.</summary>
    internal void Add(ulong start, ulong end)
    {
        if (start >= end)
        {
            return;
        }

        // What it touches becomes part of it.
        int first = 0;
        while (first < Count && _ends[first] < start)
        {
            first++;
        }

        int next = first;
        for (; next < Count && _starts[next] <= end; next++)
        {
            start = _starts[next] < start ? _starts[next] : start;
            end = _ends[next] > end ? _ends[next] : end;
        }

        Replace(first, next, start, end);
    }

    /// <summary>Removes [start, end), as far as it is there.</summary>
    internal void Remove(ulong start, ulong end)
    {
        for (int i = 0; i < Count && start < end; i++)
        {
            ulong oldStart = _starts[i];
            ulong oldEnd = _ends[i];
            if (oldEnd <= start || oldStart >= end)
            {
                continue;
            }

            Replace(i, i + 1, 0, 0);
            Insert(oldStart, start);
            Insert(end, oldEnd);
            i = -1; // the list is a new one
        }
    }

    private void Insert(ulong start, ulong end)
    {
        if (start < end)
        {
            int at = 0;
            while (at < Count && _starts[at] < start)
            {
                at++;
            }

            Replace(at, at, start, end);
        }
    }

    /// <summary>
    /// Puts one range, unless it is empty, in the place of those from index <paramref name="first"/> up to <paramref name="next"/>.
    /// </summary>
    private void Replace(int first, int next, ulong start, ulong end)
    {
        int added = start < end ? 1 : 0;
        if (Count - (next - first) + added > Capacity)
        {
            int smallest = FindSmallest();
            if (_ends[smallest] - _starts[smallest] >= end - start)
            {
                Dropped += end - start;
                return;
            }

            Dropped += _ends[smallest] - _starts[smallest];
            Move(smallest + 1, smallest);
            int shift = smallest < first ? 1 : 0;
            first -= shift;
            next -= shift;
        }

        Move(next, first + added);
        if (added != 0)
        {
            _starts[first] = start;
            _ends[first] = end;
        }
    }

    private int FindSmallest()
    {
        int smallest = 0;
        for (int i = 1; i < Count; i++)
        {
            if (_ends[i] - _starts[i] < _ends[smallest] - _starts[smallest])
            {
                smallest = i;
            }
        }

        return smallest;
    }

    /// <summary>Moves the ranges from an index on to another one.</summary>
    private void Move(int from, int to)
    {
        int moved = Count - from;
        for (int k = 0; k < moved; k++)
        {
            int i = to < from ? k : moved - 1 - k;
            _starts[to + i] = _starts[from + i];
            _ends[to + i] = _ends[from + i];
        }

        Count = to + moved;
    }
}
