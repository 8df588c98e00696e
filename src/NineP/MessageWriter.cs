using System.Buffers.Binary;

namespace Semitone.NineP;

/// <summary>Puts a message together: little-endian numbers, strings with their length before them.</summary>
/// <remarks>What does not fit is left out, and <see cref="Finish"/> says so.</remarks>
public ref struct MessageWriter
{
    /// <summary>size[4] type[1] tag[2].</summary>
    public const int HeaderSize = 7;

    private readonly Span<byte> _buffer;
    private int _length;
    private bool _isTooLong;

    public MessageWriter(Span<byte> buffer, MessageType type, ushort tag)
    {
        _buffer = buffer;
        _length = 4;
        Write((byte)type);
        Write(tag);
    }

    public void Write(byte value)
    {
        if (HasRoom(1))
        {
            _buffer[_length++] = value;
        }
    }

    public void Write(ushort value)
    {
        if (HasRoom(sizeof(ushort)))
        {
            BinaryPrimitives.WriteUInt16LittleEndian(_buffer[_length..], value);
            _length += sizeof(ushort);
        }
    }

    public void Write(uint value)
    {
        if (HasRoom(sizeof(uint)))
        {
            BinaryPrimitives.WriteUInt32LittleEndian(_buffer[_length..], value);
            _length += sizeof(uint);
        }
    }

    public void Write(ulong value)
    {
        if (HasRoom(sizeof(ulong)))
        {
            BinaryPrimitives.WriteUInt64LittleEndian(_buffer[_length..], value);
            _length += sizeof(ulong);
        }
    }

    /// <summary>Writes a string of at most 65,535 bytes.</summary>
    public void Write(scoped ReadOnlySpan<byte> text)
    {
        if (text.Length > ushort.MaxValue || !HasRoom(sizeof(ushort) + text.Length))
        {
            _isTooLong = true;
            return;
        }

        Write((ushort)text.Length);
        text.CopyTo(_buffer[_length..]);
        _length += text.Length;
    }

    /// <summary>Ends the message.</summary>
    /// <param name="dataLength">Bytes that follow from elsewhere and count to its size.</param>
    /// <returns>Bytes in the buffer; 0 when they did not fit.</returns>
    public readonly int Finish(int dataLength = 0)
    {
        if (_isTooLong)
        {
            return 0;
        }

        BinaryPrimitives.WriteUInt32LittleEndian(_buffer, (uint)(_length + dataLength));
        return _length;
    }

    private bool HasRoom(int count)
    {
        _isTooLong |= count > _buffer.Length - _length;
        return !_isTooLong;
    }
}
