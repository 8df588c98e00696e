namespace Semitone.Files;

/// <summary>What has a place on a <see cref="ClockRing{T}"/>.</summary>
/// <typeparam name="T">The class itself.</typeparam>
internal abstract class ClockMember<T>
    where T : ClockMember<T>
{
    /// <summary>Whether it was used since the clock's hand went by.</summary>
    public bool IsUsed { get; set; }

    /// <summary>Neighbours on the clock; null when it is not there.</summary>
    internal T? NextOnClock { get; set; }

    internal T? PreviousOnClock { get; set; }
}

/// <summary>A circle with a hand: what was used since the hand came by last is passed over once (the clock algorithm).</summary>
internal struct ClockRing<T>
    where T : ClockMember<T>
{
    private T? _hand;

    public int Count { get; private set; }

    public void Add(T member)
    {
        if (_hand is null)
        {
            member.NextOnClock = member;
            member.PreviousOnClock = member;
            _hand = member;
        }
        else
        {
            // Behind the hand: it comes by here last.
            member.NextOnClock = _hand;
            member.PreviousOnClock = _hand.PreviousOnClock;
            member.PreviousOnClock!.NextOnClock = member;
            _hand.PreviousOnClock = member;
        }

        Count++;
    }

    /// <summary>Takes a member out; does nothing when it is not there.</summary>
    public void Remove(T member)
    {
        if (member.NextOnClock is null)
        {
            return;
        }

        if (member.NextOnClock == member)
        {
            _hand = null;
        }
        else
        {
            member.PreviousOnClock!.NextOnClock = member.NextOnClock;
            member.NextOnClock.PreviousOnClock = member.PreviousOnClock;
            _hand = _hand == member ? member.NextOnClock : _hand;
        }

        member.NextOnClock = null;
        member.PreviousOnClock = null;
        Count--;
    }

    /// <summary>Moves the hand past one member.</summary>
    /// <returns>The member, if it has not been used since the hand came by last; null otherwise, and where there are none.</returns>
    public T? Pass()
    {
        if (_hand is not { } member)
        {
            return null;
        }

        _hand = member.NextOnClock;
        bool wasUsed = member.IsUsed;
        member.IsUsed = false;
        return wasUsed ? null : member;
    }
}
