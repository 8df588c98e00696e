using System.Buffers.Binary;
using Semitone.Core;

namespace Semitone.Sockets;

/// <summary>Writes messages of netlink one after the other (netlink(7)), and cuts them into datagrams.</summary>
internal sealed class NetlinkWriter(NetlinkQueue queue)
{
    /// <summary>Bytes of a datagram: programs read into a page or two.</summary>
    private const int DatagramLength = 3584;

    /// <summary>More than any message here takes.</summary>
    private const int LongestMessage = 512;

    private const int HeaderLength = 16;
    private const int AttributeHeaderLength = 4;

    private readonly byte[] _buffer = new byte[DatagramLength + LongestMessage];
    private int _length;
    private int _message;

    /// <summary>Whether something found no room in the receiver's queue.</summary>
    public bool IsFull { get; private set; }

    /// <summary>Begins a message with its fixed part.</summary>
    public void Begin(NetlinkType type, NetlinkFlags flags, uint sequence, uint port, ReadOnlySpan<byte> head)
    {
        if (_length > DatagramLength)
        {
            Flush();
        }

        _message = _length;
        Span<byte> header = _buffer.AsSpan(_message, HeaderLength);
        BinaryPrimitives.WriteUInt16LittleEndian(header[4..], (ushort)type);
        BinaryPrimitives.WriteUInt16LittleEndian(header[6..], (ushort)flags);
        BinaryPrimitives.WriteUInt32LittleEndian(header[8..], sequence);
        BinaryPrimitives.WriteUInt32LittleEndian(header[12..], port);
        head.CopyTo(_buffer.AsSpan(_message + HeaderLength));
        _length = _message + HeaderLength;
        Advance(head.Length);
    }

    public void Add(int attribute, uint value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        Add(attribute, bytes);
    }

    public void Add(int attribute, ReadOnlySpan<byte> value)
    {
        Span<byte> header = _buffer.AsSpan(_length);
        BinaryPrimitives.WriteUInt16LittleEndian(header, (ushort)(AttributeHeaderLength + value.Length));
        BinaryPrimitives.WriteUInt16LittleEndian(header[2..], (ushort)attribute);
        value.CopyTo(header[AttributeHeaderLength..]);
        Advance(AttributeHeaderLength + value.Length);
    }

    /// <summary>Adds a text with its NUL; names of interfaces are ASCII.</summary>
    public void Add(int attribute, string text)
    {
        Span<byte> bytes = stackalloc byte[text.Length + 1];
        for (int i = 0; i < text.Length; i++)
        {
            bytes[i] = (byte)text[i];
        }

        bytes[^1] = 0;
        Add(attribute, bytes);
    }

    public void End() => BinaryPrimitives.WriteInt32LittleEndian(_buffer.AsSpan(_message), _length - _message);

    /// <summary>Puts what has been written into the queue, as one datagram.</summary>
    public void Flush()
    {
        if (_length != 0)
        {
            IsFull |= !queue.TryAdd(_buffer.AsSpan(0, _length));
            _length = 0;
        }
    }

    /// <summary>Goes on at the next multiple of four, over zeros.</summary>
    private void Advance(int count)
    {
        int end = _length + count;
        _length = (end + 3) & ~3;
        _buffer.AsSpan(end, _length - end).Clear();
    }
}

/// <summary>Datagrams that a socket of netlink has not read.</summary>
internal sealed class NetlinkQueue
{
    private readonly Queue<byte[]> _datagrams = new();

    /// <summary>Bytes that may wait (SO_RCVBUF).</summary>
    public int Limit { get; set; }

    public int Bytes { get; private set; }

    public int Count => _datagrams.Count;

    public bool TryAdd(ReadOnlySpan<byte> datagram)
    {
        if (Bytes + datagram.Length > Limit || !KernelHeap.HasRoom(datagram.Length))
        {
            return false;
        }

        _datagrams.Enqueue(datagram.ToArray());
        Bytes += datagram.Length;
        return true;
    }

    public ReadOnlySpan<byte> Peek() => _datagrams.Peek();

    public void RemoveFirst() => Bytes -= _datagrams.Dequeue().Length;
}
