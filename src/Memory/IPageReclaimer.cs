namespace Semitone.Memory;

/// <summary>Gives up pages whose bytes can be fetched again, when memory is scarce (page reclaim).</summary>
public interface IPageReclaimer
{
    /// <summary>Pages that are kept now.</summary>
    long PageCount { get; }

    /// <summary>Frees pages that have not been used for long.</summary>
    /// <param name="count">How many, if there are so many.</param>
    /// <param name="unmaps">
    /// Whether pages go, too, that programs have mapped: they fault, and are fetched again. Not in the middle of a change of page tables.
    /// </param>
    /// <returns>How many were freed. A frame to which anybody else has a reference stays.</returns>
    long Reclaim(long count, bool unmaps);
}
