using Semitone.Memory;

namespace Semitone.Files;

/// <summary>All pages that are here of files on servers, of all file systems, on one clock: what goes when memory is scarce.</summary>
/// <remarks>The clock algorithm over groups of pages: one that was used since the hand passed it last is passed over once more.</remarks>
public sealed class PageClock : IPageReclaimer
{
    private RemotePageGroup? _hand;
    private long _groupCount;

    public long PageCount { get; internal set; }

    public long Reclaim(long count, bool unmaps)
    {
        long freed = 0;
        for (long steps = 2 * _groupCount; steps > 0 && freed < count && _hand is { } group; steps--)
        {
            _hand = group.Next;
            if (group.IsUsed)
            {
                group.IsUsed = false;
            }
            else
            {
                freed += group.Owner.Reclaim(group, unmaps);
            }
        }

        return freed;
    }

    internal void Add(RemotePageGroup group)
    {
        if (_hand is null)
        {
            group.Next = group;
            group.Previous = group;
            _hand = group;
        }
        else
        {
            // Behind the hand: it comes by here last.
            group.Next = _hand;
            group.Previous = _hand.Previous;
            group.Previous!.Next = group;
            _hand.Previous = group;
        }

        _groupCount++;
    }

    internal void Remove(RemotePageGroup group)
    {
        if (group.Next == group)
        {
            _hand = null;
        }
        else
        {
            group.Previous!.Next = group.Next;
            group.Next!.Previous = group.Previous;
            _hand = _hand == group ? group.Next : _hand;
        }

        group.Next = null;
        group.Previous = null;
        _groupCount--;
    }
}
