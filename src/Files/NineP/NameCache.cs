namespace Semitone.Files;

/// <summary>All names of remote files that are known, of all file systems: a bounded number, on one clock.</summary>
/// <remarks>
/// What is used is passed over once (second chance). A name whose file is open or mapped, whose directory has names of its own or something
/// mounted on it, stays, so that the bound may be passed while there are only such. Files in memory have no names here.
/// </remarks>
public sealed class NameCache(long limit)
{
    private const long LeastLimit = 1024;
    private const int FramesPerName = 64;

    private CachedName? _hand;

    /// <summary>The most names that are kept.</summary>
    public long Limit { get; } = limit;

    public int Count { get; private set; }

    /// <summary>Makes a cache for a machine with so many frames.</summary>
    public static NameCache ForFrames(long frameCount) => new(Math.Max(LeastLimit, frameCount / FramesPerName));

    internal void Add(CachedName name)
    {
        if (Count >= Limit)
        {
            Forget(2);
        }

        if (_hand is null)
        {
            name.Next = name;
            name.Previous = name;
            _hand = name;
        }
        else
        {
            // Behind the hand: it comes by here last.
            name.Next = _hand;
            name.Previous = _hand.Previous;
            name.Previous!.Next = name;
            _hand.Previous = name;
        }

        Count++;
    }

    internal void Remove(CachedName name)
    {
        if (name.Next is null)
        {
            return;
        }

        if (name.Next == name)
        {
            _hand = null;
        }
        else
        {
            name.Previous!.Next = name.Next;
            name.Next.Previous = name.Previous;
            _hand = _hand == name ? name.Next : _hand;
        }

        name.Next = null;
        name.Previous = null;
        Count--;
    }

    /// <summary>Forgets names that have not been used for long.</summary>
    /// <param name="count">How many, if there are so many; the hand goes round twice at most.</param>
    public void Forget(int count)
    {
        // A step or two for each name that is added: looking at all of them would take long when most must stay.
        for (int steps = Math.Min(2 * Count, 64 * count); steps > 0 && count > 0 && _hand is { } name; steps--)
        {
            _hand = name.Next;
            if (name.IsUsed)
            {
                name.IsUsed = false;
            }
            else if (name.CanBeForgotten)
            {
                name.Owner.Forget(name);
                count--;
            }
        }
    }
}
