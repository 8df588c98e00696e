using System.Diagnostics.CodeAnalysis;

namespace Semitone.Net;

/// <summary>All pairs of ends that are in use, by a hash that no peer can foresee.</summary>
public sealed class ConnectionTable(INetworkRandom random)
{
    private const int FewestBuckets = 64;

    // A bucket is one reference: two a record cost less than a longer walk.
    private const int MostRecordsPerBucket = 1;

    private readonly KeyedHash _hash = new(random);
    private TcpRecord?[] _buckets = new TcpRecord?[FewestBuckets];

    public int Count { get; private set; }

    /// <summary>Finds who has a pair of ends.</summary>
    public bool TryFind(in ConnectionKey key, [NotNullWhen(true)] out TcpRecord? record)
    {
        record = _buckets[GetBucket(key)];
        while (record is not null && record.Key != key)
        {
            record = record.NextInBucket;
        }

        return record is not null;
    }

    /// <summary>Gets one record after another, of all.</summary>
    /// <param name="cursor">Where to go on; default at first. A table that changes in between is shown once in parts, never twice in whole.</param>
    public bool TryGetNext(ref TcpTableCursor cursor, [NotNullWhen(true)] out TcpRecord? record)
    {
        while (cursor.Bucket < _buckets.Length)
        {
            record = _buckets[cursor.Bucket];
            for (int i = 0; i < cursor.Index && record is not null; i++)
            {
                record = record.NextInBucket;
            }

            if (record is not null)
            {
                cursor = cursor with { Index = cursor.Index + 1 };
                return true;
            }

            cursor = new TcpTableCursor(cursor.Bucket + 1, 0);
        }

        record = null;
        return false;
    }

    internal void Add(TcpRecord record)
    {
        if (record.IsInTable)
        {
            throw new InvalidOperationException("The record is in the table already.");
        }

        if (Count >= _buckets.Length * MostRecordsPerBucket)
        {
            Resize(_buckets.Length * 2);
        }

        Link(record);
        record.IsInTable = true;
        Count++;
    }

    internal void Remove(TcpRecord record)
    {
        if (!record.IsInTable)
        {
            return;
        }

        ref TcpRecord? bucket = ref _buckets[GetBucket(record.Key)];
        if (bucket == record)
        {
            bucket = record.NextInBucket;
        }
        else
        {
            TcpRecord? before = bucket;
            while (before is not null && before.NextInBucket != record)
            {
                before = before.NextInBucket;
            }

            before?.NextInBucket = record.NextInBucket;
        }

        record.NextInBucket = null;
        record.IsInTable = false;
        Count--;
        if (_buckets.Length > FewestBuckets && Count < _buckets.Length / 8)
        {
            Resize(_buckets.Length / 4);
        }
    }

    private int GetBucket(in ConnectionKey key) => (int)_hash.Compute(key) & (_buckets.Length - 1);

    private void Link(TcpRecord record)
    {
        ref TcpRecord? bucket = ref _buckets[GetBucket(record.Key)];
        record.NextInBucket = bucket;
        bucket = record;
    }

    private void Resize(int count)
    {
        TcpRecord?[] old = _buckets;
        _buckets = new TcpRecord?[Math.Max(count, FewestBuckets)];
        foreach (TcpRecord? first in old)
        {
            TcpRecord? record = first;
            while (record is not null)
            {
                TcpRecord? next = record.NextInBucket;
                Link(record);
                record = next;
            }
        }
    }
}
