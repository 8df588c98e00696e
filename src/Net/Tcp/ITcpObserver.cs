namespace Semitone.Net;

/// <summary>Who hears of a connection: its socket.</summary>
/// <remarks>
/// Called when the state is consistent, at the end of whatever changed it: a packet, a deadline, or a call of the socket's own. The
/// observer may look (<see cref="TcpConnection.Readiness"/>) and wake somebody; it calls nothing that changes TCP's state.
/// </remarks>
public interface ITcpObserver
{
    /// <summary>Hears what has happened since the last time.</summary>
    void OnEvents(TcpConnection connection, TcpEvents events);
}
