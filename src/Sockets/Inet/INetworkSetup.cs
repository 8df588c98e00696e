namespace Semitone.Sockets;

/// <summary>Who gives a network its interfaces.</summary>
public interface INetworkSetup
{
    /// <summary>Adds what there is to a network that has just been made, and has only <c>lo</c>.</summary>
    void SetUp(Network network);
}
