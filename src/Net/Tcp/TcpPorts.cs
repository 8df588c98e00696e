using System.Diagnostics.CodeAnalysis;

namespace Semitone.Net;

/// <summary>Which ports are taken, and who may share them (bind(2), connect(2)).</summary>
public sealed class TcpPorts : IPortUse
{
    private readonly TcpLayer _layer;
    private readonly Dictionary<ushort, TcpPortHold> _holds = [];
    private long _nowNs;

    internal TcpPorts(TcpLayer layer)
    {
        _layer = layer;
    }

    /// <summary>Takes a port.</summary>
    /// <param name="port">The port; 0 to have one chosen.</param>
    /// <param name="request">What for. With a peer, it need be free for that peer only.</param>
    /// <param name="allocator">Who chooses.</param>
    /// <param name="nowNs">The time: a pair of ends in TIME-WAIT may become free.</param>
    /// <param name="hold">The port; it is to be released.</param>
    /// <returns>False where it is taken, or all are: EADDRINUSE for bind(2), EADDRNOTAVAIL for connect(2).</returns>
    public bool TryHold(ushort port, in PortRequest request, PortAllocator allocator, long nowNs, [NotNullWhen(true)] out TcpPortHold? hold)
    {
        hold = null;
        _nowNs = nowNs;
        if (port == 0 ? !allocator.TryChoose(this, request, out port) : !IsPortFree(port, request))
        {
            return false;
        }

        hold = new TcpPortHold(this, port, request.Binding, request.RemotePort != 0) { Next = _holds.GetValueOrDefault(port) };
        _holds[port] = hold;
        return true;
    }

    bool IPortUse.IsPortFree(ushort port, in PortRequest request) => IsPortFree(port, request);

    internal bool HasConflict(ushort port, in PortBinding binding, TcpPortHold? own)
    {
        for (TcpPortHold? hold = _holds.GetValueOrDefault(port); hold is not null; hold = hold.Next)
        {
            if (hold != own && binding.ConflictsWith(hold.Binding))
            {
                return true;
            }
        }

        return false;
    }

    internal void Remove(TcpPortHold hold)
    {
        TcpPortHold? first = _holds.GetValueOrDefault(hold.Port);
        if (first == hold)
        {
            if (hold.Next is { } next)
            {
                _holds[hold.Port] = next;
            }
            else
            {
                _holds.Remove(hold.Port);
            }

            return;
        }

        while (first is not null && first.Next != hold)
        {
            first = first.Next;
        }

        first?.Next = hold.Next;
    }

    private bool IsPortFree(ushort port, in PortRequest request)
    {
        if (request.RemotePort == 0)
        {
            return !HasConflict(port, request.Binding, null);
        }

        // As on Linux: not one that somebody has bound, but any that connect(2) uses for another peer.
        for (TcpPortHold? hold = _holds.GetValueOrDefault(port); hold is not null; hold = hold.Next)
        {
            if (!hold.IsForPeer)
            {
                return false;
            }
        }

        TcpEndpoint local = new(request.Binding.Address, port);
        return _layer.CanConnect(local, new TcpEndpoint(request.RemoteAddress, request.RemotePort), _nowNs);
    }
}
