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

    private ClockRing<CachedName> _ring;

    /// <summary>The most names that are kept.</summary>
    public long Limit { get; } = limit;

    public int Count => _ring.Count;

    /// <summary>Makes a cache for a machine with so many frames.</summary>
    public static NameCache ForFrames(long frameCount) => new(Math.Max(LeastLimit, frameCount / FramesPerName));

    internal void Add(CachedName name)
    {
        if (Count >= Limit)
        {
            Forget(2);
        }

        _ring.Add(name);
    }

    internal void Remove(CachedName name) => _ring.Remove(name);

    /// <summary>Forgets names that have not been used for long.</summary>
    /// <param name="count">How many, if there are so many; the hand goes round twice at most.</param>
    public void Forget(int count)
    {
        // A step or two for each name that is added: looking at all of them would take long when most must stay.
        for (int steps = Math.Min(2 * Count, 64 * count); steps > 0 && count > 0; steps--)
        {
            if (_ring.Pass() is { CanBeForgotten: true } name)
            {
                name.Owner.Forget(name);
                count--;
            }
        }
    }
}
