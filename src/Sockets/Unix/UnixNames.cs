using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;

namespace Semitone.Sockets;

/// <summary>Which socket has which address: by its inode for a path, by its bytes for an abstract name.</summary>
internal sealed class UnixNames(RandomGenerator random)
{
    private const int BucketCount = 256;

    private UnixSocket?[] _buckets = [];
    private uint _seed;

    /// <summary>Makes sure that names can be added.</summary>
    /// <returns>False when the kernel's heap has no room.</returns>
    public bool TryPrepare()
    {
        if (_buckets.Length != 0)
        {
            return true;
        }

        if (!KernelHeap.TryAllocate(BucketCount, IntPtr.Size, out UnixSocket?[]? buckets))
        {
            return false;
        }

        Span<byte> seed = stackalloc byte[sizeof(uint)];
        random.Fill(seed);
        _seed = BitConverter.ToUInt32(seed);
        _buckets = buckets;
        return true;
    }

    /// <summary>Finds who has bound a path, by the inode that it leads to.</summary>
    public UnixSocket? Find(Inode inode)
    {
        UnixSocket? socket = _buckets.Length == 0 ? null : _buckets[Hash(inode)];
        while (socket is not null && socket.BoundInode != inode)
        {
            socket = socket.NextNamed;
        }

        return socket;
    }

    /// <summary>Finds who has bound an abstract name; sockets of different types have different ones.</summary>
    /// <param name="address">The whole address.</param>
    public UnixSocket? Find(ReadOnlySpan<byte> address, SocketType type)
    {
        UnixSocket? socket = _buckets.Length == 0 ? null : _buckets[Hash(address)];
        while (socket is not null && (socket.BoundInode is not null || socket.Type != type || !address.SequenceEqual(socket.Address)))
        {
            socket = socket.NextNamed;
        }

        return socket;
    }

    /// <summary>Adds a socket that has just got its address.</summary>
    public void Add(UnixSocket socket)
    {
        ref UnixSocket? bucket = ref _buckets[Hash(socket)];
        socket.NextNamed = bucket;
        bucket = socket;
    }

    public void Remove(UnixSocket socket)
    {
        ref UnixSocket? bucket = ref _buckets[Hash(socket)];
        if (bucket == socket)
        {
            bucket = socket.NextNamed;
        }
        else
        {
            UnixSocket previous = bucket!;
            while (previous.NextNamed != socket)
            {
                previous = previous.NextNamed!;
            }

            previous.NextNamed = socket.NextNamed;
        }

        socket.NextNamed = null;
    }

    private int Hash(UnixSocket socket) => socket.BoundInode is { } inode ? Hash(inode) : Hash(socket.Address);

    private int Hash(Inode inode) => Mix(_seed ^ (uint)inode.Number);

    private int Hash(ReadOnlySpan<byte> address)
    {
        uint hash = _seed;
        foreach (byte value in address)
        {
            hash = (hash ^ value) * 0x0100_0193;
        }

        return Mix(hash);
    }

    private static int Mix(uint hash)
    {
        hash *= 0x9E37_79B1;
        return (int)(hash >> 24);
    }
}
