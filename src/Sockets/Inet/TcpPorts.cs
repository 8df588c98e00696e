using Semitone.Core;
using Semitone.Net;

namespace Semitone.Sockets;

/// <summary>
/// Which sockets have which ports of TCP: by bind(2), by listen(2) or connect(2) without it, or from the one that listened.
/// </summary>
internal sealed class TcpPorts(TcpLayer tcp, NetworkTask task) : IPortUse
{
    private const int BucketCount = 1024;

    private InetStreamSocket?[] _buckets = [];

    /// <summary>Makes sure that sockets can be added.</summary>
    /// <returns>False when the kernel's heap has no room.</returns>
    public bool TryPrepare()
    {
        if (_buckets.Length != 0)
        {
            return true;
        }

        if (!KernelHeap.TryAllocate(BucketCount, IntPtr.Size, out InetStreamSocket?[]? buckets))
        {
            return false;
        }

        _buckets = buckets;
        return true;
    }

    public void Add(InetStreamSocket socket)
    {
        ref InetStreamSocket? bucket = ref _buckets[socket.LocalPort % BucketCount];
        socket.NextOnPort = bucket;
        bucket = socket;
    }

    public void Remove(InetStreamSocket socket)
    {
        ref InetStreamSocket? bucket = ref _buckets[socket.LocalPort % BucketCount];
        if (bucket == socket)
        {
            bucket = socket.NextOnPort;
        }
        else
        {
            InetStreamSocket previous = bucket!;
            while (previous.NextOnPort != socket)
            {
                previous = previous.NextOnPort!;
            }

            previous.NextOnPort = socket.NextOnPort;
        }

        socket.NextOnPort = null;
    }

    /// <summary>Whether a socket may have a port by bind(2) or listen(2).</summary>
    /// <param name="self">Who asks: it is not in its own way.</param>
    public bool IsFree(ushort port, in PortBinding binding, InetStreamSocket? self)
    {
        for (InetStreamSocket? other = _buckets[port % BucketCount]; other is not null; other = other.NextOnPort)
        {
            if (other != self && other.LocalPort == port && binding.ConflictsWith(other.Binding))
            {
                return false;
            }
        }

        return binding.ReuseAddress || self is not null || !HasRemains(port, binding);
    }

    /// <inheritdoc/>
    public bool IsPortFree(ushort port, in PortRequest request)
    {
        if (request.RemotePort == 0)
        {
            return IsFree(port, request.Binding, null);
        }

        // Ports that connect(2) has chosen are shared by connections to different peers; others are their owners' alone.
        for (InetStreamSocket? other = _buckets[port % BucketCount]; other is not null; other = other.NextOnPort)
        {
            if (other.LocalPort == port && !other.IsPortChosen && Overlaps(other.Binding.Address, request.Binding.Address))
            {
                return false;
            }
        }

        TcpEndpoint local = new(request.Binding.Address, port);
        return tcp.CanConnect(local, new TcpEndpoint(request.RemoteAddress, request.RemotePort), task.NowNs);
    }

    private static bool Overlaps(IpAddress one, IpAddress other) => one.IsAny || other.IsAny || one == other;

    /// <summary>Whether a connection without a socket, or what is left of one, has the port still (TIME-WAIT).</summary>
    private bool HasRemains(ushort port, in PortBinding binding)
    {
        TcpTableCursor cursor = default;
        while (tcp.Table.TryGetNext(ref cursor, out TcpRecord? record))
        {
            TcpEndpoint local = record.Key.Local;
            if (local.Port == port && Overlaps(binding.Address, local.Address))
            {
                return true;
            }
        }

        return false;
    }
}
