namespace Semitone.Net;

/// <summary>Whoever knows whether there is memory for what a guest or a peer makes the stack keep.</summary>
public interface IMemoryBudget
{
    /// <summary>Whether so many bytes may be allocated now.</summary>
    bool HasRoom(int bytes);
}
