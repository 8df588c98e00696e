namespace Semitone.Net;

/// <summary>Who hears of a listener: its socket. The rules are those of <see cref="ITcpObserver"/>.</summary>
public interface ITcpListenerObserver
{
    /// <summary>Hears that a connection can be accepted: once for each.</summary>
    void OnAcceptReady(TcpListener listener);
}
