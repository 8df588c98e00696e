using System.Diagnostics.CodeAnalysis;

namespace Semitone.Files;

/// <summary>The names that are known of one remote directory, by their hash.</summary>
internal struct NameSet
{
    private const int FirstLength = 8;

    private CachedName?[] _buckets = [];

    public NameSet()
    {
    }

    public int Count { get; private set; }

    public readonly bool TryFind(FileName name, [NotNullWhen(true)] out CachedName? found)
    {
        found = _buckets.Length == 0 ? null : _buckets[name.Hash & (uint)(_buckets.Length - 1)];
        while (found is not null && (found.Hash != name.Hash || !name.Bytes.SequenceEqual(found.Bytes)))
        {
            found = found.NextInBucket;
        }

        return found is not null;
    }

    /// <summary>Adds a name that is not there; the kernel's heap has been asked.</summary>
    public void Add(CachedName name)
    {
        if (Count >= _buckets.Length)
        {
            CachedName?[] old = _buckets;
            _buckets = new CachedName?[Math.Max(FirstLength, old.Length * 2)];
            foreach (CachedName? first in old)
            {
                for (CachedName? current = first; current is not null;)
                {
                    CachedName? next = current.NextInBucket;
                    Link(current);
                    current = next;
                }
            }
        }

        Link(name);
        Count++;
    }

    public void Remove(CachedName name)
    {
        ref CachedName? bucket = ref _buckets[name.Hash & (uint)(_buckets.Length - 1)];
        if (bucket == name)
        {
            bucket = name.NextInBucket;
        }
        else
        {
            CachedName? previous = bucket;
            while (previous!.NextInBucket != name)
            {
                previous = previous.NextInBucket;
            }

            previous.NextInBucket = name.NextInBucket;
        }

        name.NextInBucket = null;
        Count--;
    }

    public readonly IEnumerable<CachedName> GetAll()
    {
        foreach (CachedName? first in _buckets)
        {
            for (CachedName? name = first; name is not null; name = name.NextInBucket)
            {
                yield return name;
            }
        }
    }

    private readonly void Link(CachedName name)
    {
        ref CachedName? bucket = ref _buckets[name.Hash & (uint)(_buckets.Length - 1)];
        name.NextInBucket = bucket;
        bucket = name;
    }
}
