namespace Semitone.Files;

/// <summary>Tells whether what somebody outside has answered is young enough for the system call that is served now.</summary>
/// <remarks>
/// <para>Time is counted in questions. A call that is served from its start again may use whatever was asked for after it was first made,
/// and nothing older where a file system is to trust nothing (<c>cache=none</c>): so each round gets further, however many names and files
/// a call needs, and no call sees what was so before it began.</para>
/// <para>A call begins here only when it first has to ask: those that find all at hand, as in memory, never come here.</para>
/// </remarks>
public sealed class FetchClock
{
    private const long Never = long.MaxValue;

    private long _now;
    private long _began = Never;

    /// <summary>Begins, unless the call has begun already. To be called before <see cref="Ask"/> in the name of a call.</summary>
    public void Begin() => _began = _began == Never ? _now + 1 : _began;

    /// <summary>Stamps a question, or a change that makes older answers worthless.</summary>
    public long Ask() => ++_now;

    /// <summary>Whether an answer belongs to a question that was asked during this call.</summary>
    public bool IsFresh(long stamp) => stamp >= _began;

    /// <summary>The call lets go of everything and waits.</summary>
    /// <returns>When it began, for <see cref="Resume"/>.</returns>
    public long Leave()
    {
        long began = _began;
        _began = Never;
        return began;
    }

    /// <summary>The call is served again, or goes on. <see cref="Leave"/> must follow.</summary>
    public void Resume(long began) => _began = began;
}
