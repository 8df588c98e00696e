namespace Semitone.Net;

/// <summary>Who is to be called when: one entry for each record, ordered by time.</summary>
/// <remarks>
/// A deadline that moves away, as a retransmission's does with each acknowledgment, moves nothing here: the entry comes up at its old time
/// and is put back (<see cref="TryTakeDue"/>). Only one that comes nearer is moved at once.
/// </remarks>
public sealed class TimerHeap
{
    private TcpRecord[] _entries = new TcpRecord[64];

    public int Count { get; private set; }

    /// <summary>When the first entry comes up; <see cref="long.MaxValue"/> for none.</summary>
    public long NextNs => Count == 0 ? TcpRecord.Never : _entries[0].QueuedNs;

    /// <summary>Sees to it that a record comes up by its deadline.</summary>
    internal void Update(TcpRecord record)
    {
        long deadline = record.DeadlineNs;
        if (record.QueueIndex >= 0)
        {
            if (deadline < record.QueuedNs)
            {
                record.QueuedNs = deadline;
                MoveUp(record.QueueIndex);
            }

            return;
        }

        if (deadline == TcpRecord.Never)
        {
            return;
        }

        if (Count == _entries.Length)
        {
            Array.Resize(ref _entries, Count * 2);
        }

        record.QueuedNs = deadline;
        _entries[Count] = record;
        record.QueueIndex = Count++;
        MoveUp(record.QueueIndex);
    }

    internal void Remove(TcpRecord record)
    {
        int index = record.QueueIndex;
        if (index < 0)
        {
            return;
        }

        record.QueueIndex = -1;
        record.QueuedNs = TcpRecord.Never;
        TcpRecord last = _entries[--Count];
        _entries[Count] = null!;
        if (last != record)
        {
            _entries[index] = last;
            last.QueueIndex = index;
            MoveDown(index);
            MoveUp(last.QueueIndex);
        }
    }

    /// <summary>Takes a record whose deadline has come.</summary>
    /// <returns>Null when none is left; <see cref="NextNs"/> is then exact.</returns>
    internal TcpRecord? TakeDue(long nowNs)
    {
        while (Count > 0)
        {
            TcpRecord first = _entries[0];
            long deadline = first.DeadlineNs;
            if (deadline <= nowNs)
            {
                Remove(first);
                return first;
            }

            if (deadline == first.QueuedNs)
            {
                return null;
            }

            if (deadline == TcpRecord.Never)
            {
                Remove(first);
                continue;
            }

            first.QueuedNs = deadline;
            MoveDown(0);
        }

        return null;
    }

    private void MoveUp(int index)
    {
        TcpRecord record = _entries[index];
        while (index > 0)
        {
            int parent = (index - 1) / 2;
            if (_entries[parent].QueuedNs <= record.QueuedNs)
            {
                break;
            }

            Place(_entries[parent], index);
            index = parent;
        }

        Place(record, index);
    }

    private void MoveDown(int index)
    {
        TcpRecord record = _entries[index];
        while (true)
        {
            int child = (index * 2) + 1;
            if (child >= Count)
            {
                break;
            }

            if (child + 1 < Count && _entries[child + 1].QueuedNs < _entries[child].QueuedNs)
            {
                child++;
            }

            if (_entries[child].QueuedNs >= record.QueuedNs)
            {
                break;
            }

            Place(_entries[child], index);
            index = child;
        }

        Place(record, index);
    }

    private void Place(TcpRecord record, int index)
    {
        _entries[index] = record;
        record.QueueIndex = index;
    }
}
