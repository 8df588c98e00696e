using Semitone.Net;

namespace Semitone.Network.Tcp;

/// <summary>Somebody who listens.</summary>
internal sealed class Acceptor : ITcpListenerObserver
{
    public Acceptor(SimulatedHost host, int backlog = 16, TcpSettings? settings = null)
    {
        Listener = host.Tcp.Listen(
            this,
            new TcpEndpoint(IpAddress.Ipv4Any, SimulatedNetwork.ServerPort),
            new TcpListenerOptions { Backlog = backlog },
            settings ?? TcpSettings.Default);
    }

    public TcpListener Listener { get; }

    public int ReadyCount { get; private set; }

    public void OnAcceptReady(TcpListener listener) => ReadyCount++;
}
