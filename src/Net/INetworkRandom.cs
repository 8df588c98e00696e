namespace Semitone.Net;

/// <summary>Where the stack has its random numbers from: nothing here asks anybody else, so that a seed repeats a run.</summary>
public interface INetworkRandom
{
    /// <summary>Gets 64 bits that a peer cannot guess.</summary>
    ulong NextUInt64();
}
