using Semitone.Abi;

namespace Semitone.Files;

/// <summary>
/// What a change of a directory came to: it is done, it is refused, or it has been begun and its end is to be waited for.
/// </summary>
public readonly struct ChangeResult
{
    private readonly Errno _error;

    private ChangeResult(Errno error, PendingChange? begun)
    {
        _error = error;
        Begun = begun;
    }

    /// <summary>The change that somebody else makes; null when it is over already.</summary>
    public PendingChange? Begun { get; }

    /// <summary>None or why not; <see cref="InternalErrno.MustWait"/> while nobody knows.</summary>
    public Errno Error => Begun is null ? _error : InternalErrno.MustWait;

    public static implicit operator ChangeResult(Errno error) => new(error, null);

    public static implicit operator ChangeResult(PendingChange begun) => new(Errno.None, begun);
}
