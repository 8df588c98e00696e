namespace Semitone.Net;

/// <summary>A port that somebody has: a socket, its connections, and what is left of them in TIME-WAIT.</summary>
/// <remarks>
/// The socket's <see cref="Release"/> does not free it while connections are there that were begun under it, as on Linux. Each of them
/// counts (<see cref="TcpConnection.Hold"/>, <see cref="TcpListener"/>).
/// </remarks>
public sealed class TcpPortHold
{
    private readonly TcpPorts _ports;
    private int _count = 1;

    internal TcpPortHold(TcpPorts ports, ushort port, in PortBinding binding, bool isForPeer)
    {
        _ports = ports;
        Port = port;
        Binding = binding;
        IsForPeer = isForPeer;
    }

    public ushort Port { get; }

    /// <summary>What was bound; SO_REUSEADDR and SO_REUSEPORT as they were then.</summary>
    public PortBinding Binding { get; private set; }

    /// <summary>Whether connect(2) has chosen the port for one peer: others may use it for theirs.</summary>
    public bool IsForPeer { get; }

    internal TcpPortHold? Next { get; set; }

    /// <summary>Marks it as listening, or no longer (listen(2)).</summary>
    /// <returns>False where somebody else has the port who could share it until now: EADDRINUSE.</returns>
    public bool TrySetListening(bool isListening)
    {
        PortBinding binding = Binding with { IsListening = isListening };
        if (isListening && _ports.HasConflict(Port, binding, this))
        {
            return false;
        }

        Binding = binding;
        return true;
    }

    /// <summary>The socket gives it up.</summary>
    public void Release()
    {
        if (--_count == 0)
        {
            _ports.Remove(this);
        }
    }

    internal void Add() => _count++;
}
