using Semitone.Memory;

namespace Semitone.Files;

/// <summary>All pages that are here of files on servers, of all file systems, on one clock: what goes when memory is scarce.</summary>
/// <remarks>A group of pages that was used since the hand passed it last is passed over once more.</remarks>
public sealed class PageClock : IPageReclaimer
{
    private ClockRing<RemotePageGroup> _ring;

    public long PageCount { get; internal set; }

    public long Reclaim(long count, bool unmaps)
    {
        long freed = 0;
        for (long steps = 2L * _ring.Count; steps > 0 && freed < count; steps--)
        {
            if (_ring.Pass() is { } group)
            {
                freed += group.Owner.Reclaim(group, unmaps);
            }
        }

        return freed;
    }

    internal void Add(RemotePageGroup group) => _ring.Add(group);

    internal void Remove(RemotePageGroup group) => _ring.Remove(group);
}
