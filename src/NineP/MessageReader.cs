using System.Buffers.Binary;

namespace Semitone.NineP;

/// <summary>Takes a message apart. Whoever wrote it may be wrong or hostile: nothing is read beyond its end.</summary>
/// <remarks>What is not there reads as zeros, and <see cref="IsBad"/> says so afterwards.</remarks>
public ref struct MessageReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>Whether something was missing.</summary>
    public bool IsBad { get; private set; }

    /// <summary>Bytes that are left.</summary>
    public readonly int Remaining => _rest.Length;

    public byte ReadByte() => TryTake(sizeof(byte), out ReadOnlySpan<byte> taken) ? taken[0] : (byte)0;

    public ushort ReadUInt16() =>
        TryTake(sizeof(ushort), out ReadOnlySpan<byte> taken) ? BinaryPrimitives.ReadUInt16LittleEndian(taken) : (ushort)0;

    public uint ReadUInt32() => TryTake(sizeof(uint), out ReadOnlySpan<byte> taken) ? BinaryPrimitives.ReadUInt32LittleEndian(taken) : 0;

    public ulong ReadUInt64() => TryTake(sizeof(ulong), out ReadOnlySpan<byte> taken) ? BinaryPrimitives.ReadUInt64LittleEndian(taken) : 0;

    /// <summary>Reads a string: a length of two bytes, and so many bytes.</summary>
    public ReadOnlySpan<byte> ReadString()
    {
        TryTake(ReadUInt16(), out ReadOnlySpan<byte> taken);
        return taken;
    }

    public ReadOnlySpan<byte> ReadBytes(int count)
    {
        TryTake(count, out ReadOnlySpan<byte> taken);
        return taken;
    }

    public Qid ReadQid()
    {
        QidType type = (QidType)ReadByte();
        uint version = ReadUInt32();
        return new Qid(type, version, ReadUInt64());
    }

    private bool TryTake(int count, out ReadOnlySpan<byte> taken)
    {
        if ((uint)count > (uint)_rest.Length)
        {
            IsBad = true;
            _rest = default;
            taken = default;
            return false;
        }

        taken = _rest[..count];
        _rest = _rest[count..];
        return true;
    }
}
